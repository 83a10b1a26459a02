"""How sweeps went, in words: begun, stopped, gone on with, extended, and looked at before their end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from src.contract.course import Step, looks_before_the_end


def look_notices(courses: Mapping[str, Sequence[Step]]) -> list[str]:
    """One sentence for each sweep whose results were seen before its end; `courses` tell how the sweeps went."""
    return [
        f"Results of sweep {name} were looked at after {look.finished} of {look.planned} runs, and measuring went on "
        "after that: whoever decides by results whether to go on finds differences more often than there are any."
        for name, steps in courses.items()
        for look in looks_before_the_end(steps)[-1:]
    ]


def course_sentence(name: str, steps: Sequence[Step]) -> str:
    """How a sweep went that did not simply begin and end; nothing for one that did."""
    if len(steps) < 3:
        return ""
    told = [f"{step.what} {_told_of(step)}" for step in steps if step.what != "looked"]
    return f"Sweep {name} was {', '.join(told)}."


def _told_of(step: Step) -> str:
    if step.what in ("begun", "extended"):
        return f"{'with' if step.what == 'begun' else 'to'} {step.planned} planned runs"
    return f"after {step.finished} of {step.planned}"
