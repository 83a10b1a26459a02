"""Whether so many runs could have shown the smallest difference that matters, and how many would."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy import stats
from scipy.special import nctdtr

from src.analysis.hypothesis_tests import MANN_WHITNEY
from src.analysis.values import Reason, Sample, Why

MOST_ITERATIONS = 100_000
# The rank test's least efficiency against the t-test, for any distribution (Hodges and Lehmann, 1956).
RANK_TEST_EFFICIENCY = 0.864


@dataclass(frozen=True)
class Power:
    """Power of the two-sided test for a difference of `margin`, at `alpha` shared out over all pairs.

    The samples' own standard deviations are taken as the true ones. `iterations_needed` is per treatment.
    """

    margin: float | None = None
    alpha: float | None = None
    target: float | None = None
    power: float | None = None
    iterations_needed: int | None = None
    reason: Reason | None = None


def power_for(first: Sample, second: Sample, margin: float, alpha: float, target: float, test_name: str) -> Power:
    """The power these samples had for `margin`, in their unit, and the runs that would reach `target`."""
    if min(first.size, second.size) < 2:
        return Power(reason=Reason(Why.TOO_FEW))
    if margin <= 0:
        return Power(reason=Reason(Why.NO_MARGIN))
    sds = (float(first.std(ddof=1)), float(second.std(ddof=1)))
    efficiency = RANK_TEST_EFFICIENCY if test_name == MANN_WHITNEY else 1.0
    reached = welch_power(margin, sds, (first.size * efficiency, second.size * efficiency), alpha)
    needed = _iterations_needed(margin, sds, alpha, target, efficiency)
    reason = None if needed else Reason(Why.TOO_MANY_NEEDED, MOST_ITERATIONS)
    return Power(margin, alpha, target, reached, needed, reason)


def welch_power(margin: float, sds: tuple[float, float], sizes: tuple[float, float], alpha: float) -> float:
    """Power of Welch's two-sided t-test for a difference `margin` (noncentral t; Cohen, 1988).

    Sizes need not be whole: an efficiency below 1 makes them effective sizes.
    """
    parts = [sd**2 / n for sd, n in zip(sds, sizes, strict=True)]
    if sum(parts) == 0 or min(sizes) <= 1:
        return 1.0 if min(sizes) > 1 else 0.0
    df = sum(parts) ** 2 / sum(part**2 / (n - 1) for part, n in zip(parts, sizes, strict=True))
    noncentrality = margin / math.sqrt(sum(parts))
    critical = float(stats.t.isf(alpha / 2, df))
    if noncentrality > critical + 10:  # closer to 1 than a float can tell
        return 1.0
    return float(np.clip(1 - nctdtr(df, noncentrality, critical) + nctdtr(df, noncentrality, -critical), 0, 1))


def _iterations_needed(
    margin: float, sds: tuple[float, float], alpha: float, target: float, efficiency: float
) -> int | None:
    """The fewest equal runs per treatment that reach the target, by bisection; power grows with n."""

    def reaches(n: int) -> bool:
        return welch_power(margin, sds, (n * efficiency, n * efficiency), alpha) >= target

    high = 2
    while not reaches(high):
        if high >= MOST_ITERATIONS:
            return None
        high = min(2 * high, MOST_ITERATIONS)
    low = max(1, high // 2)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if reaches(middle) else (middle, high)
    return high
