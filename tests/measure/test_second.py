"""Meters beside the first one: what they record, and that nothing that happens to them costs the run."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from src.errors import ConfigError, MeterError, RunError
from src.measure import beside
from src.measure.meters.select import Meter, make_meter, select_meter
from src.measure.run import Measured, measure
from src.measure.run_metrics import numbers_of
from src.paths import ROOT
from tests.standins.counters import DRAM_W, PACKAGE_W

Run = Callable[..., Measured]


@pytest.fixture(scope="module")
def counters(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Powercap zones whose counters rise at known watts."""
    root = tmp_path_factory.mktemp("zones")
    program = [sys.executable, "-m", "tests.standins.counters", str(root)]
    with subprocess.Popen(program, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        yield root
        process.kill()


@pytest.fixture
def run(tmp_path: Path, energibridge: Any, job: Any, environment: dict[str, str], meter_config: Any) -> Run:
    """A run under the stand-in of EnergiBridge, with `second` beside it in place of `native` as it is."""

    def start(
        zones: Path, mode: str = "good", timeout_s: float = 30, second: Callable[[Meter], Meter] = lambda meter: meter,
        **settings: str,
    ) -> Measured:  # fmt: skip
        config = meter_config("energibridge", binary=energibridge(**settings), powercap=str(zones))
        also = (second(make_meter("native", config, gpu=False)),)
        meter = dataclasses.replace(make_meter("energibridge", config, gpu=False), also=also)
        return measure(meter, job(mode), tmp_path / "run", environment, timeout_s)

    return start


def test_both_tell_the_energy_of_the_same_window(run: Run, counters: Path, tmp_path: Path) -> None:
    measured = run(counters)
    assert measured.energy.power_w == pytest.approx(44.0, rel=0.02)
    second = measured.beside["native"]
    assert second.duration_s == measured.energy.duration_s
    assert second.power_w == pytest.approx(PACKAGE_W + DRAM_W, rel=0.05)
    assert numbers_of(measured, None)[0]["energy_by_native_j"] == second.energy_j
    assert {flag.code for flag in measured.energy.flags} <= {"edge"}
    left = {path.name for path in (tmp_path / "run").iterdir()}
    assert "energy_native.csv" in left
    assert not {name for name in left if name.endswith(".ready")}


def test_energibridge_beside_another(
    counters: Path, tmp_path: Path, energibridge: Any, job: Any, environment: dict[str, str], meter_config: Any
) -> None:
    config = meter_config("native", binary=energibridge(), powercap=str(counters), also=["energibridge"])
    measured = measure(select_meter(config, gpu=False), job("good"), tmp_path / "run", environment, 30)
    assert measured.energy.power_w == pytest.approx(PACKAGE_W + DRAM_W, rel=0.05)
    assert measured.beside["energibridge"].power_w == pytest.approx(44.0, rel=0.05)


def failing(code: str) -> Callable[[Meter], Meter]:
    """A second meter that runs this instead."""
    return lambda meter: dataclasses.replace(meter, program=(sys.executable, "-c", code))


KILLED = "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"
OUTPUT = "import sys, time, subprocess; out = sys.argv[sys.argv.index('-o') + 1]; now = int(1000 * time.time());"
START = "hold = subprocess.Popen(sys.argv[sys.argv.index('--') + 1:]); time.sleep(0.2);"
FAILURES = {
    "panics before it starts": ("import sys; sys.exit('no permission')", "no permission"),
    "dies in the middle": (
        f"{OUTPUT} {START} open(out, 'w').write(f'Delta,Time,CPU_ENERGY (J)\\n0,{{now}},1\\n9,{{now + 100}},2\\n');"
        "sys.exit(101)",
        "does not cover",
    ),
    "writes garbage": (f"{OUTPUT} open(out, 'w').write('what?'); {START} hold.wait()", "EnergiBridge CSV"),
    "counts nothing": (
        f"{OUTPUT} open(out, 'w').write('Delta,Time,CPU_USAGE_0\\n' + ''.join("
        f"f'100,{{now + 100 * n - 2000}},3\\n' for n in range(99))); {START} hold.wait()",
        "no energy or power column",
    ),
    "is in doubt": (
        f"{OUTPUT} open(out, 'w').write('Delta,Time,CPU_ENERGY (J)\\n' + ''.join("
        f"f'100,{{now + 100 * n - 2000}},{{n}}.5\\n' for n in range(99)) + '100,'); {START} hold.wait()",
        "the last line is incomplete",
    ),
}


@pytest.mark.parametrize(("code", "says"), FAILURES.values(), ids=FAILURES)
def test_a_second_meter_that_fails_costs_no_run(run: Run, tmp_path: Path, code: str, says: str) -> None:
    measured = run(tmp_path, second=failing(code))
    assert measured.energy.power_w == pytest.approx(44.0, rel=0.02)
    assert not measured.beside
    flags = {flag.code: flag for flag in measured.energy.flags}
    assert says in flags["second_meter"].text
    assert not any(flag.grave for flag in flags.values())
    assert "left_processes" not in flags


@pytest.mark.parametrize(("code", "exit_code"), [("pass", 0), ("import sys; sys.exit(3)", 3), (KILLED, 137)])
def test_the_commands_exit_code_is_passed_on(code: str, exit_code: int) -> None:
    assert beside.main(["[]", "--", sys.executable, "-c", code]) == exit_code


def test_the_command_begins_once_the_others_record(tmp_path: Path) -> None:
    ready = tmp_path / "ready"
    meter = "import pathlib, sys, time; time.sleep(1); pathlib.Path(sys.argv[1]).touch(); sys.stdin.read()"
    others = [[str(tmp_path / "log"), str(ready), sys.executable, "-c", meter, str(ready)]]
    command = "import pathlib, sys; sys.exit(not pathlib.Path(sys.argv[1]).exists())"
    assert beside.main([json.dumps(others), "--", sys.executable, "-c", command, str(ready)]) == 0
    assert not ready.exists()


def test_one_that_is_no_program(run: Run, tmp_path: Path) -> None:
    measured = run(tmp_path, second=lambda meter: dataclasses.replace(meter, program=(str(tmp_path / "absent"),)))
    assert "cannot start" in next(flag.text for flag in measured.energy.flags if flag.code == "second_meter")


def test_one_that_never_ends_is_killed_and_the_run_kept(run: Run, tmp_path: Path) -> None:
    measured = run(tmp_path, second=failing(f"{OUTPUT} {START} time.sleep(300)"))
    assert measured.energy.power_w == pytest.approx(44.0, rel=0.02)
    assert [flag.code for flag in measured.energy.flags if flag.code != "edge"] == ["second_meter"]


@pytest.mark.parametrize(
    ("mode", "says"),
    [("crash", "the loss is not a number"), ("exits", "exit code 1"), ("killed", "when a signal kills the command")],
)
def test_a_failed_run_is_told_as_without_a_second_meter(run: Run, counters: Path, mode: str, says: str) -> None:
    with pytest.raises(RunError, match=says):
        run(counters, mode)


def test_a_bad_exit_code_of_the_first_meter_is_heard(run: Run, counters: Path) -> None:
    measured = run(counters, "code_after_result")
    flag = next(flag for flag in measured.energy.flags if flag.code == "exit_code")
    assert "exit code 3" in flag.text


def test_the_first_meters_remedy_is_told_though_the_second_works(run: Run, counters: Path) -> None:
    with pytest.raises(MeterError, match="(?s)ended \\(exit code 101.*setcap cap_sys_rawio") as caught:
        run(counters, FAULT="no_permission")
    assert "before it started the run" in str(caught.value)


def test_nothing_is_left_running_after_a_timeout(run: Run, counters: Path) -> None:
    before = {process.pid for process in psutil.Process().children(recursive=True)}
    with pytest.raises(RunError, match="did not end within 3 s"):
        run(counters, "hang", timeout_s=3)
    assert {process.pid for process in psutil.Process().children(recursive=True)} == before


@pytest.mark.parametrize(
    ("also", "error", "says"),
    [
        (["replay"], ConfigError, "meter.also=replay: what it serves was not recorded in the same run"),
        (["auto"], ConfigError, "meter.also=auto: a second meter has to be named"),
        (["estimate"], ConfigError, "meter.also=estimate: it is the first meter already"),
        (["nativ"], ConfigError, "meter.also=nativ is unknown"),
        (["native"], MeterError, "(?s)meter.also=native: .*no RAPL package zone"),
    ],
    ids=["replay", "auto", "the same", "unknown", "does not work"],
)
def test_a_second_meter_is_refused(
    meter_config: Any, tmp_path: Path, also: list[str], error: type[Exception], says: str
) -> None:
    with pytest.raises(error, match=says):
        select_meter(meter_config("estimate", also=also, powercap=str(tmp_path / "absent")), gpu=False)


def test_the_second_meter_keeps_its_kind_of_energy(meter_config: Any, energibridge: Any) -> None:
    config = meter_config("energibridge", binary=energibridge(), also=["estimate"], columns=["PACKAGE_ENERGY (J)"])
    meter = select_meter(config, gpu=False)
    assert [(other.name, other.energy_kind, other.columns) for other in meter.also] == [("estimate", "estimated", ())]
