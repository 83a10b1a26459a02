"""Stopping the warm-up: nothing is said and nothing is left behind."""

from __future__ import annotations

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
from src.errors import MeterError
from src.measure.launch import Ending
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


@pytest.mark.skipif(os.name != "posix", reason="needs a program that fails")
def test_a_warm_up_that_ends_early_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine.sys, "executable", "/bin/false")
    with pytest.raises(MeterError, match="the warm-up ended early"):
        warm_up(0.1)


Rest = Callable[..., MachineState]
AT_START = MachineState({METER: 10.0}, 0.02, "performance", {METER: 10.0}, {METER: 10.0})


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
        seconds: float, power_w: float = 10.0, load: float = 0.02, governor: str = "performance", **state: Any
    ) -> MachineState:
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
        config = composed("framework=torch", "protocol=study", f"protocol.idle_s={seconds}")
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
