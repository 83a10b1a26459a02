"""Windows from events."""

from __future__ import annotations

import pytest

from src.contract.run_files import PHASES, Event
from src.errors import RunError
from src.measure.windows import phase_windows


def events() -> list[Event]:
    edges = [(phase, edge) for phase in PHASES for edge in ("begin", "end")]
    found = [Event(100.0 + n, phase, edge) for n, (phase, edge) in enumerate(edges)]  # type: ignore[arg-type]
    return [*found[:7], Event(106.5, "epoch", "begin"), Event(106.6, "epoch", "end"), *found[7:]]


def test_phases_task_and_total() -> None:
    windows = phase_windows(events())
    assert list(windows) == [*PHASES, "task", "total"]
    assert windows["train"] == (106.0, 107.0)
    assert windows["task"] == (102.0, 109.0)
    assert windows["total"] == (100.0, 109.0)


@pytest.mark.parametrize(
    ("phase", "edge", "says"),
    [("evaluate", "end", "`evaluate` never ended"), ("build", "begin", "`build` never began")],
)
def test_missing_edges(phase: str, edge: str, says: str) -> None:
    with pytest.raises(RunError, match=says):
        phase_windows([event for event in events() if (event.phase, event.edge) != (phase, edge)])


def test_no_events_at_all() -> None:
    with pytest.raises(RunError, match="never began"):
        phase_windows([])


def test_a_phase_that_ends_before_it_begins() -> None:
    with pytest.raises(RunError, match="the clock was set"):
        phase_windows([*events(), Event(90.0, "train", "end")])
