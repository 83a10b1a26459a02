"""Which doings of the machine cast doubt on a run."""

from __future__ import annotations

from typing import Any

import pytest

from src.contract.events import STOPPED, Edge, Event
from src.measure.disturbance import Disturbance
from src.measure.disturbed import REPEATED, clock_steps_s, disturbance_flags, stop_flags

QUIET = Disturbance(
    foreign_cpu_share=0.01,
    steal_share=0.0,
    swapped_in_bytes=0,
    throttled=0,
    clock_step_s=0.0,
    suspended_s=0.0,
    frequency_begin_mhz=None,
    frequency_end_mhz=None,
    temperature_begin_c=None,
    temperature_end_c=None,
)
NOTHING_SHOWN = QUIET._replace(foreign_cpu_share=None, steal_share=None, swapped_in_bytes=None, throttled=None)


def events(*clocks: tuple[float, float | None]) -> list[Event]:
    """Edges at which the wall clock and the other one showed this."""
    return [Event(wall_s, "work", "begin", monotonic_s) for wall_s, monotonic_s in clocks]


STEADY = events((1000.0, 10.0), (1001.0, 11.0), (1009.0, 19.0))


@pytest.mark.parametrize(
    ("changes", "code", "grave", "says"),
    [
        pytest.param({"foreign_cpu_share": 0.06}, "foreign_cpu", True, "used 6.0% of the processor", id="others"),
        pytest.param({"steal_share": 0.07}, "steal", True, "7.0% of the processor's time", id="steal"),
        pytest.param({"suspended_s": 20.0}, "suspended", True, "slept for 20.0 s", id="suspended"),
        pytest.param({"clock_step_s": 0.05}, "clock", True, "set by +0.05 s", id="clock forward by the least"),
        pytest.param({"clock_step_s": -0.15}, "clock", True, "set by -0.15 s", id="clock back"),
        pytest.param({"clock_step_s": 3600.0}, "clock", True, "set by +3600.00 s", id="clock by an hour"),
        pytest.param({"swapped_in_bytes": 3 * 2**20}, "swap", False, "3.0 MiB", id="swap"),
        pytest.param({"throttled": 4}, "throttled", False, "4 times", id="throttling"),
    ],
)
def test_each_doing_has_its_flag(changes: dict[str, Any], code: str, grave: bool, says: str) -> None:
    (flag,) = disturbance_flags(QUIET._replace(**changes), STEADY, 0.05)
    assert (flag.code, flag.grave) == (code, grave)
    assert says in flag.text
    assert (code in REPEATED) is grave


@pytest.mark.parametrize("seen", [QUIET, NOTHING_SHOWN, QUIET._replace(foreign_cpu_share=0.05, steal_share=0.05)])
def test_a_quiet_machine_raises_no_doubt(seen: Disturbance) -> None:
    assert disturbance_flags(seen, STEADY, 0.05) == []


def test_what_others_may_use_is_the_users_choice() -> None:
    assert disturbance_flags(QUIET._replace(foreign_cpu_share=0.6), STEADY, 0.7) == []


@pytest.mark.parametrize("step_s", [0.06, -0.06, 1.0])
def test_a_clock_that_was_set_and_set_back_is_seen_at_the_events(step_s: float) -> None:
    course = events((1000.0, 10.0), (1001.0 + step_s, 11.0), (1009.0, 19.0))
    (flag,) = disturbance_flags(QUIET, course, 0.05)
    assert flag.code == "clock"


def test_a_sleep_is_no_step_of_the_clock() -> None:
    slept = events((1000.0, 10.0), (1021.0, 11.0))
    assert [flag.code for flag in disturbance_flags(QUIET._replace(suspended_s=20.0), slept, 0.05)] == ["suspended"]


def test_events_of_one_clock_tell_no_step() -> None:
    assert clock_steps_s(events((1000.0, None), (1001.0, None))) == [0.0]
    assert clock_steps_s(events((1000.0, None), (1001.0, 11.0), (1003.5, 13.0))) == [0.0, 0.5]


def stops(*edges: tuple[float, Edge]) -> list[Event]:
    """The whole process, and when it was stopped or went on."""
    inner = [Event(t, STOPPED, edge, t) for t, edge in edges]
    return [Event(1000.0, "total", "begin"), *inner, Event(1020.0, "total", "end")]


@pytest.mark.parametrize(
    ("edges", "says"),
    [
        pytest.param(
            [(1003.0, "begin"), (1006.0, "end")], "stopped once from outside and went on after 3.0 s", id="seen"
        ),
        pytest.param(
            [(1003.0, "begin"), (1006.0, "end"), (1007.0, "begin"), (1008.5, "end")],
            "stopped 2 times from outside and went on after 4.5 s",
            id="twice",
        ),
        pytest.param([(1006.0, "end")], "stopped once from outside and went on: its", id="only its going on was seen"),
    ],
)
def test_a_program_that_was_stopped_is_told_and_repeated(edges: list[tuple[float, Edge]], says: str) -> None:
    (flag,) = stop_flags(stops(*edges))
    assert (flag.code, flag.grave) == ("stopped", True)
    assert says in flag.text
    assert flag.code in REPEATED


def test_a_program_that_nobody_stopped_raises_no_doubt() -> None:
    assert stop_flags(stops()) == []
