"""The stretches of time whose energy is asked for, from the events a worker wrote."""

from __future__ import annotations

from collections.abc import Sequence

from src.contract.run_files import PHASES, TASK_PHASES, Event
from src.errors import RunError

TASK = "task"
TOTAL = "total"

Window = tuple[float, float]
"""Begin and end in epoch seconds."""


def phase_windows(events: Sequence[Event]) -> dict[str, Window]:
    """One window for each phase, `task` (data to evaluate) and `total` (first to last event).

    Raises RunError where a phase never began or never ended, or ends before it begins.
    """
    edges = {(event.phase, event.edge): event.t for event in events}
    windows = {phase: _window(edges.get((phase, "begin")), edges.get((phase, "end")), phase) for phase in PHASES}
    times = [event.t for event in events]
    windows[TASK] = _window(windows[TASK_PHASES[0]][0], windows[TASK_PHASES[-1]][1], TASK)
    windows[TOTAL] = _window(min(times), max(times), TOTAL)
    return windows


def _window(begin: float | None, end: float | None, phase: str) -> Window:
    if begin is None or end is None:
        missing = "began" if begin is None else "ended"
        raise RunError(f"the worker's events say that phase `{phase}` never {missing}; see its log for the reason")
    if end < begin:
        raise RunError(f"phase `{phase}` ends before it begins; the clock was set during the run, so repeat it")
    return begin, end
