"""Stopping the warm-up: nothing is said and nothing is left behind."""

from __future__ import annotations

import math
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest
from rich.console import Console

from src.config.cpus import usable_cpus
from src.config.schema import Config
from src.contract.job import Prime
from src.errors import MeterError
from src.measure.disturbance import snapshot
from src.measure.launch import Ending
from src.measure.run_metrics import IdleBaseline
from src.paths import ROOT
from src.protocol import machine
from src.protocol.display import Display
from src.protocol.machine import MachineState, rest_and_look, warm_up
from tests.measure.test_disturbed import QUIET
from tests.protocol.conftest import METER

WARM_UP = """
from src.protocol.machine import warm_up
try:
    warm_up(60)
except KeyboardInterrupt:
    print("stopped")
"""


def start_warm_up() -> tuple[subprocess.Popen[str], list[psutil.Process]]:
    """A warm-up in a session of its own, as in a terminal, once all its burners are there."""
    process = subprocess.Popen(
        [sys.executable, "-c", WARM_UP], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        start_new_session=True, preexec_fn=heed_ctrl_c,
    )  # fmt: skip
    deadline = time.monotonic() + 30
    burners: list[psutil.Process] = []
    while len(burners) < usable_cpus() and time.monotonic() < deadline:
        time.sleep(0.05)
        burners = [child for child in psutil.Process(process.pid).children() if "src.protocol.burn" in child.cmdline()]
    assert len(burners) == usable_cpus()
    return process, burners


def heed_ctrl_c() -> None:
    """Whoever runs the tests in the background (`nohup make test &`) has Ctrl-C ignored, which processes inherit."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.mark.skipif(os.name != "posix", reason="sends signals")
@pytest.mark.parametrize("wait_s", [0.0, 1.0], ids=["while they start", "while they burn"])
def test_ctrl_c_ends_all_burners_without_a_word(wait_s: float) -> None:
    process, burners = start_warm_up()
    time.sleep(wait_s)
    os.killpg(process.pid, signal.SIGINT)
    said, complaints = process.communicate(timeout=30)
    assert (said, complaints) == ("stopped\n", "")
    assert psutil.wait_procs(burners, timeout=10)[1] == []


@pytest.mark.skipif(os.name != "posix", reason="sends signals")
@pytest.mark.parametrize("wait_s", [0.0, 1.0], ids=["while they start", "while they burn"])
def test_burners_do_not_outlive_whoever_started_them(wait_s: float) -> None:
    process, burners = start_warm_up()
    time.sleep(wait_s)
    process.kill()
    process.communicate(timeout=30)
    assert psutil.wait_procs(burners, timeout=10)[1] == []


def test_a_warm_up_ends_by_itself() -> None:
    warm_up(0.1)


def gpu_burner(code: str) -> Prime:
    """A stand-in for what loads the GPU."""
    return Prime((sys.executable, "-c", code, "torch", "cuda"), (("ITS_OWN", "1"),), "see nvidia-smi")


def test_the_gpu_is_loaded_all_the_time_that_the_cores_are(tmp_path: Path) -> None:
    times = tmp_path / "times"
    code = (
        "import os, time\ntime.sleep(0.5)\nassert os.environ['ITS_OWN'] == '1'\nprint('begun', flush=True)\n"
        f"while True:\n    open({str(times)!r}, 'a').write(f'{{time.time()}}\\n')\n    time.sleep(0.01)"
    )
    began_s = time.time()
    warm_up(1.0, gpu_burner=gpu_burner(code))
    seen = [float(line) for line in times.read_text().splitlines()[:-1]]
    assert seen[0] >= began_s + 0.5
    assert seen[-1] - seen[0] >= 0.9
    assert not [child for child in psutil.Process().children() if child.cmdline()[-1:] == ["cuda"]]


@pytest.mark.parametrize(
    ("code", "says"),
    [
        pytest.param("raise SystemExit(1)", "ended before it began", id="no GPU"),
        pytest.param("print('begun')", "ended early", id="it fails later"),
    ],
)
def test_a_gpu_that_stays_cold_stops_the_warm_up(code: str, says: str) -> None:
    with pytest.raises(MeterError, match=f"the warm-up of the GPU {says}.*see nvidia-smi"):
        warm_up(1.0, gpu_burner=gpu_burner(code))


@pytest.mark.skipif(os.name != "posix", reason="needs a program that fails")
def test_a_warm_up_that_ends_early_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine.sys, "executable", "/bin/false")
    with pytest.raises(MeterError, match="the warm-up ended early"):
        warm_up(0.1)


@pytest.mark.parametrize(
    ("domains", "says"),
    [
        pytest.param((), [], id="not tried"),
        pytest.param(("package", "dram"), ["energy is that of package + dram"], id="a processor"),
        pytest.param(("package", "gpu"), ["energy is that of package + gpu"], id="both"),
        pytest.param(
            ("gpu",), ["energy is that of gpu", "processor's own energy cannot be read here"], id="a GPU alone"
        ),
    ],
)
def test_what_a_meters_joules_are_is_said_before_the_sweep(
    terminal: Console, domains: tuple[str, ...], says: list[str]
) -> None:
    machine.introduce_meter(Display(terminal), replace(METER, domains=domains))
    lines = terminal.file.getvalue().splitlines()[1:]  # type: ignore[attr-defined]
    assert len(lines) == len(says)
    assert all(part in line for part, line in zip(says, lines, strict=True))


Rest = Callable[..., MachineState]
TEMPERATURE = ("protocol.rest=temperature",)
ON_GPU = (*TEMPERATURE, "hardware=cuda")
FIRST = {"package": 50.0}
AT_START = MachineState({METER: 10.0}, 0.02, "performance", {}, {METER: 10.0})


@pytest.fixture
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Time goes on only by sleeping, of which each is noted."""
    naps: list[float] = []
    monkeypatch.setattr(machine.time, "monotonic", lambda: sum(naps))
    monkeypatch.setattr(machine.time, "sleep", naps.append)
    return naps


@pytest.fixture
def rest(
    composed: Callable[..., Config], slept: list[float], terminal: Console, tmp_path: Path, monkeypatch: Any
) -> Rest:
    """A rest of so many seconds on a machine that draws `power_w` then, beside others' `load`."""

    def start(
        seconds: float, power_w: float = 10.0, load: float = 0.02, governor: str = "performance",
        overrides: tuple[str, ...] = (), **state: Any,
    ) -> MachineState:  # fmt: skip
        def at_rest(_: object, measured_s: float, *__: object) -> tuple[float, Ending]:
            slept.append(measured_s + 0.5)
            if power_w < 0:
                raise MeterError("the meter is broken")
            return power_w, Ending("exit", 0, (), "", QUIET._replace(foreign_cpu_share=load))

        def background(look_s: float = 0.0) -> float:
            slept.append(look_s)
            return load

        monkeypatch.setattr(machine, "_at_rest", at_rest)
        monkeypatch.setattr(machine, "background_load", background)
        monkeypatch.setattr(machine, "governor", lambda: governor)
        config = composed("framework=torch", "protocol=study", f"protocol.idle_s={seconds}", *overrides)
        return rest_and_look(replace(AT_START, **state), config, METER, tmp_path, Display(terminal))

    return start


@pytest.mark.parametrize(
    ("seconds", "metrics"),
    [
        pytest.param(60.0, {"background_load": 0.02, "idle_power_block_w": 10.0}, id="long enough for the meter"),
        pytest.param(2.0, {"background_load": 0.02}, id="only others' load"),
        pytest.param(0.5, {"background_load": 0.02}, id="shorter than a look"),
    ],
)
def test_a_look_before_a_block_takes_no_time_beside_the_rest(
    rest: Rest, slept: list[float], terminal: Console, seconds: float, metrics: dict[str, float]
) -> None:
    assert rest(seconds).metrics(METER) == metrics
    assert sum(slept) == pytest.approx(seconds)
    assert terminal.file.getvalue() == ""  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        pytest.param({"load": 0.3}, "other programs use 30% of the processor", id="others' load"),
        pytest.param({"power_w": 12.5}, "at rest draws 12.5 W now, at the start it was 10.0 W", id="more idle power"),
        pytest.param({"power_w": 7.5}, "at rest draws 7.5 W now, at the start it was 10.0 W", id="less idle power"),
        pytest.param({"governor": "powersave"}, "governor is powersave now, before it was performance", id="governor"),
    ],
)
def test_what_left_its_place_is_told(rest: Rest, terminal: Console, changes: dict[str, Any], says: str) -> None:
    state = rest(60.0, **changes)
    assert says in terminal.file.getvalue()  # type: ignore[attr-defined]
    assert state.background_load == changes.get("load", 0.02)
    assert state.governor == changes.get("governor", "performance")
    assert state.idle_power_w == {METER: 10.0}


def test_without_a_baseline_the_first_look_is_what_later_ones_are_compared_with(rest: Rest, terminal: Console) -> None:
    seen = rest(60.0, power_w=10.0, idle_power_w={}, block_power_w={}, first_power_w={})
    assert (seen.idle_power_w, seen.first_power_w) == ({}, {METER: 10.0})
    rest(60.0, power_w=15.0, first_power_w=seen.first_power_w)
    assert "draws 15.0 W now, at the start it was 10.0 W" in terminal.file.getvalue()  # type: ignore[attr-defined]


def test_a_meter_that_fails_then_stops_nothing(rest: Rest) -> None:
    assert rest(60.0, power_w=-1.0).metrics(METER) == {"background_load": 0.02}


def test_each_blocks_baseline_is_its_own_and_all_tell_their_spread(rest: Rest) -> None:
    first = rest(60.0, power_w=9.0)
    assert first.baseline(METER) == IdleBaseline(9.0, "block", None)
    second = rest(60.0, power_w=11.0, of_blocks_w=first.of_blocks_w)
    assert second.baseline(METER) == IdleBaseline(11.0, "block", pytest.approx(2**0.5))
    assert rest(60.0, power_w=-1.0, of_blocks_w=second.of_blocks_w).baseline(METER) == IdleBaseline(10.0, "start")
    assert rest(2.0, idle_power_w={}).baseline(METER) is None


@pytest.mark.parametrize(("seconds", "looked_s"), [(10.0, 5.0), (20.0, 5.0), (60.0, 15.0)])
def test_of_a_long_rest_the_last_quarter_is_measured(
    rest: Rest, slept: list[float], seconds: float, looked_s: float
) -> None:
    rest(seconds)
    assert slept[0] == pytest.approx(seconds - looked_s)


Cooling = Callable[[float], float | None]


@pytest.fixture
def cooling(monkeypatch: pytest.MonkeyPatch, slept: list[float]) -> Callable[[Cooling], None]:
    """Has the package's temperature follow from the seconds slept."""

    def follow(temperature_c: Cooling) -> None:
        monkeypatch.setattr(machine, "package_temperature_c", lambda: temperature_c(sum(slept)))

    return follow


RESTS = [
    pytest.param(lambda s: max(50.0, 80.0 - s), 50.0, 60.0, None, id="cool in time"),
    pytest.param(lambda s: max(50.0, 152.0 - s), 50.0, 100.0, None, id="cool later"),
    pytest.param(lambda s: 90.0, 50.0, 300.0, "began at 90.0 °C, the first one at 50.0 °C, after the longest rest",
                 id="never cool"),
    pytest.param(lambda s: 40.0, 50.0, 60.0, None, id="colder"),
    pytest.param(lambda s: None, 50.0, 60.0, "temperature could not be read any more", id="no longer readable"),
]  # fmt: skip


@pytest.mark.parametrize(("temperature_c", "first_run_c", "rested_s", "flagged"), RESTS)
@pytest.mark.parametrize("look", [True, False], ids=["with a look", "within a block"])
def test_a_rest_lasts_until_the_package_is_as_before_the_first_run(
    composed: Callable[..., Config], slept: list[float], rest: Rest, cooling: Any, terminal: Console,
    temperature_c: Cooling, first_run_c: float, rested_s: float, flagged: str | None, look: bool,
) -> None:  # fmt: skip
    cooling(temperature_c)
    if look:
        seen = rest(60.0, first_run_c={"package": first_run_c}, overrides=TEMPERATURE)
    else:
        config = composed("framework=torch", "protocol=study", *TEMPERATURE)
        seen = machine.rest(replace(AT_START, first_run_c={"package": first_run_c}), config, Display(terminal))
    # A rest that ends with a look begins it as soon as the package is cool, so it may end up to a look later.
    assert rested_s <= sum(slept) + 1e-9 <= min(rested_s + (15 if look else 0), 300.0) + 1e-9
    assert [flag.code for flag in seen.rest_flags] == ["start_temperature"] * (flagged is not None)
    assert not any(flag.grave for flag in seen.rest_flags)
    assert (flagged or "") in "".join(flag.text for flag in seen.rest_flags)
    assert (flagged or "") in terminal.file.getvalue()  # type: ignore[attr-defined]


def test_the_first_rest_waits_for_nothing_and_notes_its_temperature(
    rest: Rest, slept: list[float], cooling: Any
) -> None:
    cooling(lambda s: 90.0 - s / 2)
    seen = rest(60.0, overrides=TEMPERATURE)
    assert (sum(slept), seen.first_run_c, seen.rest_flags) == (60.0, {"package": 60.0}, ())


GPU_RESTS = [
    pytest.param(lambda s: 45.0, lambda s: max(40.0, 132.0 - s), 90.0, "", id="the GPU cools later"),
    pytest.param(lambda s: max(50.0, 152.0 - s), lambda s: 40.0, 100.0, "", id="the package cools later"),
    pytest.param(lambda s: 45.0, lambda s: 80.0, 300.0, "began at 80.0 °C (GPU), the first one at 40.0", id="never"),
    pytest.param(lambda s: 45.0, lambda s: None, 60.0, "the GPU's temperature could not be read any", id="unreadable"),
]


@pytest.mark.parametrize(("package_c", "gpu_c", "rested_s", "flagged"), GPU_RESTS)
def test_on_a_gpu_a_rest_lasts_until_both_are_as_before_the_first_run(
    composed: Callable[..., Config], slept: list[float], cooling: Any, monkeypatch: Any, terminal: Console,
    package_c: Cooling, gpu_c: Cooling, rested_s: float, flagged: str,
) -> None:  # fmt: skip
    cooling(package_c)
    monkeypatch.setattr(machine, "gpu_temperature_c", lambda: gpu_c(sum(slept)))
    config = composed("framework=torch", "protocol=study", "protocol.idle_s=60", *ON_GPU)
    state = replace(AT_START, first_run_c={"package": 50.0, "GPU": 40.0})
    seen = machine.rest(state, config, Display(terminal))
    assert sum(slept) == pytest.approx(rested_s, abs=1)
    assert [flagged in flag.text for flag in seen.rest_flags] == ([True] if flagged else [])


def test_each_part_is_compared_with_the_first_run_that_used_it(rest: Rest, cooling: Any, monkeypatch: Any) -> None:
    cooling(lambda s: 50.0)
    monkeypatch.setattr(machine, "gpu_temperature_c", lambda: 40.0)
    assert rest(60.0, first_run_c=FIRST, overrides=ON_GPU).first_run_c == {"package": 50.0, "GPU": 40.0}


def test_a_flag_of_one_rest_is_none_of_the_next(rest: Rest, cooling: Any) -> None:
    cooling(lambda s: 90.0)
    hot = rest(60.0, first_run_c=FIRST, overrides=TEMPERATURE)
    cooling(lambda s: 50.0)
    assert hot.rest_flags
    assert not rest(60.0, first_run_c=FIRST, rest_flags=hot.rest_flags, overrides=TEMPERATURE).rest_flags


def test_runs_that_begin_colder_are_told_once_and_not_flagged(rest: Rest, cooling: Any, terminal: Console) -> None:
    cooling(lambda s: 40.0)
    first = rest(60.0, first_run_c=FIRST, overrides=TEMPERATURE)
    second = rest(60.0, first_run_c=FIRST, was_colder=first.was_colder, overrides=TEMPERATURE)
    assert (first.rest_flags, second.rest_flags) == ((), ())
    said = terminal.file.getvalue()  # type: ignore[attr-defined]
    assert said.count("is at 40.0 °C now, before the first run it was at 50.0 °C: a longer protocol.idle_s") == 1


def test_a_fixed_rest_asks_for_no_temperature(rest: Rest, slept: list[float], cooling: Any) -> None:
    cooling(lambda s: 1 / 0)
    assert rest(60.0, first_run_c=FIRST).rest_flags == ()
    assert sum(slept) == pytest.approx(60.0)


@pytest.fixture
def steady_within(
    composed: Callable[..., Config], slept: list[float], terminal: Console, tmp_path: Path, monkeypatch: Any
) -> Callable[..., bool]:
    """Whether a warm-up under these laws of power and temperature, of the seconds since its begin, ends early."""

    def watch(power_w: Cooling, temperature_c: Cooling, kind: str = "measured", *overrides: str) -> bool:
        def at_rest(_: object, measured_s: float, *__: object) -> tuple[float, Ending]:
            slept.append(measured_s + 0.5)
            watts = power_w(sum(slept))
            if watts is None:
                raise MeterError("the meter is broken")
            return watts, Ending("exit", 0, ())

        def seen() -> Any:
            return snapshot()._replace(temperature_c=temperature_c(sum(slept)), frequency_mhz=3000.0)

        monkeypatch.setattr(machine, "_at_rest", at_rest)
        monkeypatch.setattr(machine, "snapshot", seen)
        protocol = composed("framework=torch", "protocol=study", *overrides).protocol
        meter = replace(METER, energy_kind=kind)  # type: ignore[arg-type]
        return machine._until_steady(protocol, meter, tmp_path, Display(terminal))

    return watch


def level(seconds: float) -> float:
    return 60.0


def warming(seconds: float) -> float:
    return 60.0 + 20 * (1 - math.exp(-seconds / 60))


WARM_UPS = [
    pytest.param(level, level, "measured", (), 65.0, "", id="steady from the beginning"),
    pytest.param(level, level, "measured", ("protocol.warmup_minimum_s=120",), 120.0, "", id="not before the minimum"),
    pytest.param(warming, level, "measured", (), 230.0, "", id="power rises"),
    pytest.param(level, warming, "measured", (), 170.0, "", id="temperature rises"),
    pytest.param(lambda s: s, level, "measured", (), 300.0, "its power still moved by +", id="power never ends rising"),
    pytest.param(lambda s: None, level, "measured", (), 300.0, "its power could not always be read", id="no power"),
    pytest.param(level, lambda s: None, "measured", (), 65.0, "", id="power alone"),
    pytest.param(lambda s: None, level, "estimated", (), 65.0, "", id="temperature and frequency alone"),
    pytest.param(level, level, "measured", ("protocol.warmup_s=40",), 40.0, "watched for less than 60 s", id="short"),
]


@pytest.mark.parametrize(("power_w", "temperature_c", "kind", "overrides", "ended_s", "says"), WARM_UPS)
def test_a_warm_up_ends_when_the_machine_is_steady(
    steady_within: Callable[..., bool], slept: list[float], terminal: Console, power_w: Cooling,
    temperature_c: Cooling, kind: str, overrides: tuple[str, ...], ended_s: float, says: str,
) -> None:  # fmt: skip
    assert steady_within(power_w, temperature_c, kind, *overrides) == (says == "")
    assert sum(slept) == pytest.approx(ended_s, abs=10)
    assert (says or "warm and steady after") in terminal.file.getvalue()  # type: ignore[attr-defined]


def test_a_warm_up_whose_end_is_told_ends_there_and_takes_its_burners_with_it() -> None:
    began_s = time.monotonic()
    warm_up(60, lambda: True)
    assert time.monotonic() - began_s < 30
    own = psutil.Process().children()
    assert not [child for child in own if "src.protocol.burn" in child.cmdline()]


@pytest.mark.skipif(os.name != "posix", reason="needs a program that fails")
def test_burners_that_fail_while_they_are_watched_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine.sys, "executable", "/bin/false")
    with pytest.raises(MeterError, match="the warm-up ended early"):
        warm_up(0.1, lambda: time.sleep(1) is None)


@pytest.mark.parametrize(
    ("overrides", "temperature_c", "says"),
    [
        pytest.param(["study"], 50.0, [], id="all is known"),
        pytest.param(["study"], None, ["no temperature"], id="no temperature"),
        pytest.param(["smoke"], 50.0, ["power at rest is not measured, so"], id="no rest"),
        pytest.param(["study", "protocol.baseline_s=0"], 50.0, ["before the first block"], id="fixed rest"),
        pytest.param(["study", "protocol.baseline_s=0", *TEMPERATURE], 50.0, [], id="the first run rests"),
        pytest.param(["smoke", "protocol.baseline_s=1"], 50.0, [], id="a baseline alone"),
        pytest.param(["study", "hardware=cuda"], 50.0, ["the GPU shows no temperature"], id="a GPU without a sensor"),
    ],
)
def test_what_no_run_can_tell_is_said_beforehand(
    composed: Callable[..., Config],
    monkeypatch: Any,
    overrides: list[str],
    temperature_c: float | None,
    says: list[str],
) -> None:
    monkeypatch.setattr(machine, "package_temperature_c", lambda: temperature_c)
    monkeypatch.setattr(machine, "gpu_temperature_c", lambda: None)
    said = list(machine.unknown([composed("framework=torch", f"protocol={overrides[0]}", *overrides[1:])]))
    assert len(said) == len(says)
    assert all(part in sentence for part, sentence in zip(says, said, strict=True))
