"""How long a sweep will take: rough before the first run, sharper with every run that has ended."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean

from src.contract.plan_file import Slot
from src.plan.sweep_plan import SweepPlan


def remaining_s(
    plan: SweepPlan,
    left: Sequence[Slot],
    guess_s: Sequence[float | None],
    seen_s: Mapping[int, list[float]],
    longer_s: float = 0.0,
) -> float | None:
    """Seconds until the runs in `left` are done: each treatment's mean so far, or its guess, and the rests before them.

    The first of them has had its rest already; rests took `longer_s` more than they had to.
    `guess_s` holds one guess a treatment, None where nobody can know; a treatment that ran already scales the others'
    guesses too. None where a treatment has neither.
    """
    ratios = [fmean(times) / guess for t, times in seen_s.items() if times and (guess := guess_s[t]) is not None]
    scale = fmean(ratios) if ratios else 1.0
    runs_s = 0.0
    for slot in left:
        seen, guess = seen_s.get(slot.treatment), guess_s[slot.treatment]
        if not seen and guess is None:
            return None
        runs_s += fmean(seen) if seen else (guess or 0.0) * scale
    return runs_s + sum(plan.configs[slot.treatment].protocol.idle_s + longer_s for slot in left[1:])
