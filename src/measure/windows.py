"""The stretches of time whose energy is asked for, from the events that a measured program wrote."""

from __future__ import annotations

from collections.abc import Sequence

from src.contract.events import STOPPED, Event
from src.contract.metrics import TASK, TOTAL
from src.errors import RunError

Window = tuple[float, float]
"""Begin and end in epoch seconds."""
Stretches = Window | tuple[Window, ...]
"""When a phase went on: once, or several times."""


def phase_windows(events: Sequence[Event], task_phases: Sequence[str] = ()) -> dict[str, Stretches]:
    """One entry for each outer phase in the order they began, `task`, and `total` (first to last event).

    The task reaches from the first begin to the last end of `task_phases`, and over all where there are none. Phases
    within another are marks, not windows. Raises RunError where one never began or never ended, or ends before it
    begins.
    """
    events = [event for event in events if event.phase != STOPPED]
    found = _outer(events)
    for phase in task_phases:
        if phase not in found:
            raise RunError(f"the run's events say that phase `{phase}` never began; see its log for the reason")
    if not events:
        raise RunError("the run's events say that it never began; see its log for the reason")
    times = [event.t for event in events]
    total = _window(min(times), max(times), TOTAL)
    of_task = [window for phase in task_phases for window in found[phase]]
    task = (min(begin for begin, _ in of_task), max(end for _, end in of_task)) if of_task else total
    windows: dict[str, Stretches] = {name: w[0] if len(w) == 1 else tuple(w) for name, w in found.items()}
    return windows | {TASK: task, TOTAL: total}


def stretches_of(window: Stretches) -> list[Window]:
    """Each stretch, of one too."""
    return [window] if isinstance(window[0], float | int) else list(window)


def _outer(events: Sequence[Event]) -> dict[str, list[Window]]:
    """Every stretch of each phase that is in no other one."""
    found: dict[str, list[Window]] = {}
    open_: list[Event] = []
    for event in events:
        if event.phase == TOTAL:
            continue  # only says when the whole process began and ended
        if event.edge == "begin":
            open_.append(event)
        elif open_ and open_[-1].phase == event.phase:
            begun = open_.pop()
            window = _window(begun.t, event.t, event.phase)
            if not open_:
                found.setdefault(event.phase, []).append(window)
        elif event.phase in (begun.phase for begun in open_):
            raise RunError(f"phase `{open_[-1].phase}` never ended before `{event.phase}` did; see the run's log")
        elif event.phase in found:
            raise RunError(f"phase `{event.phase}` ends twice; see the program that wrote the events")
        else:
            raise RunError(f"the run's events say that phase `{event.phase}` never began; see its log for the reason")
    if open_:
        raise RunError(f"the run's events say that phase `{open_[0].phase}` never ended; see its log for the reason")
    return found


def _window(begin: float, end: float, phase: str) -> Window:
    if end < begin:
        raise RunError(f"phase `{phase}` ends before it begins; the clock was set during the run, so repeat it")
    return begin, end
