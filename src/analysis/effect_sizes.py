"""How large a difference is, whether shown or not; positive where `second` has the greater values."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy import stats
from scipy.special import gammaln

from src.analysis.values import Interval, Reason, Sample, Why, is_constant

HEDGES_G = "Hedges' g"
CLIFFS_DELTA = "Cliff's delta"
SUPERIORITY = "probability of superiority"
# Cohen (1988) and Romano et al. (2006): from here on an effect is small, medium, large.
COHEN_THRESHOLDS = (0.2, 0.5, 0.8)
ROMANO_THRESHOLDS = (0.147, 0.33, 0.474)
MAGNITUDES = ("negligible", "small", "medium", "large")


@dataclass(frozen=True)
class EffectSize:
    """A dimensionless effect; None where it is not defined, and `reason` says why."""

    name: str
    value: float | None = None
    interval: Interval | None = None
    magnitude: str | None = None
    reason: Reason | None = None


def hedges_g(first: Sample, second: Sample, confidence: float) -> EffectSize:
    """Standardised difference of means, exact small-sample correction (Hedges, 1981).

    Large-sample interval from the variance of Borenstein et al. (2009, eq. 4.20 and 4.24).
    """
    n1, n2 = first.size, second.size
    if min(n1, n2) < 2:
        return EffectSize(HEDGES_G, reason=Reason(Why.TOO_FEW))
    if is_constant(first) and is_constant(second):
        return EffectSize(HEDGES_G, reason=Reason(Why.NO_SPREAD))
    df = n1 + n2 - 2
    pooled_sd = math.sqrt(((n1 - 1) * first.var(ddof=1) + (n2 - 1) * second.var(ddof=1)) / df)
    d = float(second.mean() - first.mean()) / pooled_sd
    correction = math.exp(gammaln(df / 2) - gammaln((df - 1) / 2) - math.log(df / 2) / 2)
    margin = float(stats.norm.ppf((1 + confidence) / 2))
    margin *= correction * math.sqrt((n1 + n2) / (n1 * n2) + d**2 / (2 * (n1 + n2)))
    g = correction * d
    interval = Interval(g - margin, g + margin, confidence, "large-sample normal")
    return EffectSize(HEDGES_G, g, interval, _magnitude(g, COHEN_THRESHOLDS))


def cliffs_delta(first: Sample, second: Sample, confidence: float) -> EffectSize:
    """P(second > first) - P(second < first) (Cliff, 1993), interval of Feng and Cliff (2004)."""
    if min(first.size, second.size) < 2:
        return EffectSize(CLIFFS_DELTA, reason=Reason(Why.TOO_FEW))
    by_first, by_second = _dominance(first, second)
    delta = float(by_first.mean())
    magnitude = _magnitude(delta, ROMANO_THRESHOLDS)
    z = float(stats.norm.ppf((1 + confidence) / 2))
    if abs(delta) >= 1:
        interval = _interval_at_the_edge(math.copysign(1.0, delta), min(first.size, second.size), z, confidence)
        return EffectSize(CLIFFS_DELTA, delta, interval, magnitude)
    variance = _variance(first, second, by_first, by_second, delta)
    if variance == 0:
        return EffectSize(CLIFFS_DELTA, delta, None, magnitude, Reason(Why.ALL_EQUAL))
    half = z * math.sqrt(variance) * math.sqrt((1 - delta**2) ** 2 + z**2 * variance)
    scale = 1 - delta**2 + z**2 * variance
    centre = delta - delta**3
    interval = Interval(
        max(-1.0, (centre - half) / scale), min(1.0, (centre + half) / scale), confidence, "Feng and Cliff"
    )
    return EffectSize(CLIFFS_DELTA, delta, interval, magnitude)


def probability_of_superiority(delta: EffectSize) -> EffectSize:
    """P(second > first) + P(equal) / 2 (Vargha and Delaney, 2000), from Cliff's delta and its interval."""
    if delta.value is None:
        return EffectSize(SUPERIORITY, reason=delta.reason)
    interval = delta.interval and Interval(
        (1 + delta.interval.low) / 2,
        (1 + delta.interval.high) / 2,
        delta.interval.confidence,
        delta.interval.method,
    )
    return EffectSize(SUPERIORITY, (1 + delta.value) / 2, interval, delta.magnitude, delta.reason)


def _dominance(first: Sample, second: Sample) -> tuple[Sample, Sample]:
    """Row and column means of the dominance matrix sign(second - first), without the matrix."""
    ordered_first, ordered_second = np.sort(first), np.sort(second)
    above = second.size - np.searchsorted(ordered_second, first, side="right")
    below = np.searchsorted(ordered_second, first, side="left")
    beats = np.searchsorted(ordered_first, second, side="left")
    loses = first.size - np.searchsorted(ordered_first, second, side="right")
    return (above - below) / second.size, (beats - loses) / first.size


def _variance(first: Sample, second: Sample, by_first: Sample, by_second: Sample, delta: float) -> float:
    """Cliff's (1996) consistent estimate of the variance of delta."""
    n1, n2 = first.size, second.size
    values, counts = np.unique(second, return_counts=True)
    at = np.minimum(np.searchsorted(values, first), values.size - 1)
    ties = int(counts[at][values[at] == first].sum())
    within_pairs = (n1 * n2 - ties - n1 * n2 * delta**2) / ((n1 - 1) * (n2 - 1))
    rows = float(np.sum((by_first - delta) ** 2)) / (n1 - 1)
    columns = float(np.sum((by_second - delta) ** 2)) / (n2 - 1)
    return ((n2 - 1) * rows + (n1 - 1) * columns + within_pairs) / (n1 * n2)


def _interval_at_the_edge(sign: float, n: int, z: float, confidence: float) -> Interval:
    """Without overlap the variance is 0; solve with the greatest possible one, (1 - delta²) / n."""
    inner = (n - z**2) / (n + z**2)
    low, high = sorted((sign, sign * inner))
    return Interval(low, high, confidence, "Feng and Cliff, no overlap")


def _magnitude(value: float, thresholds: tuple[float, float, float]) -> str:
    return MAGNITUDES[int(np.searchsorted(thresholds, abs(value), side="right"))]
