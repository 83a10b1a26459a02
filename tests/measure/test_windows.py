"""Windows from events."""

from __future__ import annotations

import pytest

from src.contract.events import STOPPED, Event
from src.errors import RunError
from src.measure.windows import phase_windows

PHASES = ("import", "data", "build", "train", "evaluate")
TASK = PHASES[1:]


def events() -> list[Event]:
    edges = [(phase, edge) for phase in PHASES for edge in ("begin", "end")]
    found = [Event(100.0 + n, phase, edge) for n, (phase, edge) in enumerate(edges)]  # type: ignore[arg-type]
    return [*found[:7], Event(106.5, "epoch", "begin"), Event(106.6, "epoch", "end"), *found[7:]]


def test_phases_task_and_total() -> None:
    windows = phase_windows(events(), TASK)
    assert list(windows) == [*PHASES, "task", "total"]
    assert windows["train"] == (106.0, 107.0)
    assert windows["task"] == (102.0, 109.0)
    assert windows["total"] == (100.0, 109.0)


def test_that_the_process_was_stopped_is_no_phase() -> None:
    stops = [Event(99.0, STOPPED, "end"), Event(105.2, STOPPED, "begin"), Event(111.0, STOPPED, "end")]
    assert phase_windows([*stops, *events()], TASK) == phase_windows(events(), TASK)


@pytest.mark.parametrize(
    ("phase", "edge", "says"),
    [("evaluate", "end", "`evaluate` never ended"), ("build", "begin", "`build` never began")],
)
def test_missing_edges(phase: str, edge: str, says: str) -> None:
    with pytest.raises(RunError, match=says):
        phase_windows([event for event in events() if (event.phase, event.edge) != (phase, edge)], TASK)


def edges(*lines: str) -> list[Event]:
    """Events from `PHASE EDGE T`."""
    return [Event(float(t), phase, edge) for phase, edge, t in (line.split() for line in lines)]  # type: ignore[arg-type]


def test_without_phases_of_the_task_it_is_all_of_the_process() -> None:
    windows = phase_windows(edges("total begin 1", "load begin 2", "load end 3", "total end 5"))
    assert windows == {"load": (2.0, 3.0), "task": (1.0, 5.0), "total": (1.0, 5.0)}
    assert phase_windows(edges("total begin 1", "total end 5")) == {"task": (1.0, 5.0), "total": (1.0, 5.0)}


def test_a_phase_that_goes_on_several_times_has_all_its_stretches() -> None:
    lines = ("load begin 1", "load end 2", "run begin 2", "run end 4", "load begin 4", "load end 7", "run begin 8")
    windows = phase_windows(edges(*lines, "run end 9"), ["run"])
    assert windows == {
        "load": ((1.0, 2.0), (4.0, 7.0)),
        "run": ((2.0, 4.0), (8.0, 9.0)),
        "task": (2.0, 9.0),
        "total": (1.0, 9.0),
    }


def test_a_phase_within_another_is_a_mark() -> None:
    windows = phase_windows(edges("train begin 1", "epoch begin 2", "epoch end 3", "train end 4"))
    assert list(windows) == ["train", "task", "total"]


@pytest.mark.parametrize(
    ("lines", "task", "says"),
    [
        pytest.param(["a begin 1", "a end 2"], ["b"], "`b` never began", id="the task's phase is absent"),
        pytest.param(["a begin 1", "b begin 2", "b end 3", "a end 4"], ["b"], "`b` never began", id="only a mark"),
        pytest.param(["a begin 1", "b begin 2", "a end 3", "b end 4"], ["a"], "`b` never ended", id="crossed"),
        pytest.param(["a begin 1", "a end 2", "a end 3"], ["a"], "`a` ends twice", id="ends twice"),
        pytest.param(["a end 2"], [], "`a` never began", id="ends without a begin"),
        pytest.param(["a begin 1"], [], "`a` never ended", id="begins without an end"),
        pytest.param(["a begin 3", "a end 2"], [], "the clock was set", id="backwards"),
    ],
)
def test_events_that_make_no_windows(lines: list[str], task: list[str], says: str) -> None:
    with pytest.raises(RunError, match=says):
        phase_windows(edges(*lines), task)


def test_no_events_at_all() -> None:
    with pytest.raises(RunError, match="never began"):
        phase_windows([])


def test_a_phase_that_ends_before_it_begins() -> None:
    with pytest.raises(RunError, match="the clock was set"):
        phase_windows(edges("train begin 100", "train end 90"), ["train"])
