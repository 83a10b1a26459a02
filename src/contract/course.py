"""How a sweep went: begun, gone on with, extended, stopped, finished, and when somebody looked at its results."""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

What = Literal["begun", "resumed", "extended", "looked", "stopped", "failed", "finished"]
ENDS: tuple[What, ...] = ("stopped", "failed", "finished")
MOST = 60
"""Steps that are kept: the first one and the latest."""


@dataclass(frozen=True)
class Step:
    """What happened at `time_ms` (epoch), with how many runs planned and finished by then."""

    what: What
    time_ms: int
    planned: int
    finished: int


def course_text(steps: Sequence[Step]) -> str:
    """As a store keeps it; `read_course` reads it."""
    kept = steps if len(steps) <= MOST else (steps[0], *steps[1 - MOST :])
    return json.dumps([[s.what, s.time_ms, s.planned, s.finished] for s in kept], separators=(",", ":"))


def read_course(text: str) -> tuple[Step, ...]:
    """The steps in their order; none where there is no course that can be read."""
    try:
        steps = [Step(what, int(at), int(planned), int(done)) for what, at, planned, done in json.loads(text)]
    except (ValueError, TypeError):
        return ()
    return tuple(steps) if all(step.what in get_args(What) for step in steps) else ()


def went_on(steps: Sequence[Step], time_ms: int, planned: int) -> Step:
    """The step of a sweep that is begun, or gone on with, with so many runs planned."""
    if not steps:
        return Step("begun", time_ms, planned, 0)
    last = steps[-1]
    return Step("extended" if planned > last.planned else "resumed", time_ms, planned, last.finished)


def looks_before_the_end(steps: Sequence[Step]) -> list[Step]:
    """When results were seen and runs were added after that: a look at them, or an end that was none.

    Whoever decides by results whether to go on finds differences more often than there are any.
    """
    looks = [step for step in steps if step.what == "looked" and any(s.finished > step.finished for s in steps)]
    ends = [one for one, other in itertools.pairwise(steps) if (one.what, other.what) == ("finished", "extended")]
    return sorted([*looks, *ends], key=lambda step: step.time_ms)
