"""What one treatment's runs look like in one metric."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy import stats

from src.analysis.hypothesis_tests import HypothesisTest, shapiro_wilk
from src.analysis.memory import spread_of
from src.analysis.values import Interval, Reason, Sample, Why, is_constant


@dataclass(frozen=True)
class Description:
    """One treatment and metric, in the metric's `unit`; quartiles are R's type 7.

    `reason` says why a figure is None: no value, a single value, or no spread.
    """

    treatment: str
    metric: str
    unit: str
    n: int
    mean: float | None
    sd: float | None
    median: float | None
    lower_quartile: float | None
    upper_quartile: float | None
    minimum: float | None
    maximum: float | None
    cv_percent: float | None
    mean_interval: Interval | None
    median_interval: Interval | None
    normality: HypothesisTest
    reason: Reason | None


def describe(treatment: str, metric: str, unit: str, values: Sample, confidence: float) -> Description:
    """Everything about one sample (n,), in the order it was measured, that holds without another one."""
    several, n = values.size > 1, int(values.size)
    quartiles = np.quantile(values, [0, 0.25, 0.5, 0.75, 1]).tolist() if n else [None] * 5
    mean = float(values.mean()) if n else None
    sd = float(values.std(ddof=1)) if several else None
    mean_interval = median_interval = None
    if several:
        mean_interval, median_interval = _intervals(values, confidence)
    return Description(
        treatment=treatment,
        metric=metric,
        unit=unit,
        n=n,
        mean=mean,
        sd=sd,
        median=quartiles[2],
        lower_quartile=quartiles[1],
        upper_quartile=quartiles[3],
        minimum=quartiles[0],
        maximum=quartiles[4],
        cv_percent=coefficient_of_variation_percent(mean, sd),
        mean_interval=mean_interval,
        median_interval=median_interval,
        normality=shapiro_wilk(values),
        reason=_reason(values),
    )


def coefficient_of_variation_percent(mean: float | None, sd: float | None) -> float | None:
    """Standard deviation in percent of the mean's size; None where either is missing or the mean is 0."""
    return 100 * sd / abs(mean) if mean and sd is not None else None


def _intervals(values: Sample, confidence: float) -> tuple[Interval, Interval | None]:
    if is_constant(values):
        only = Interval(float(values.min()), float(values.max()), confidence, "all values are equal")
        return only, only
    return mean_interval(values, confidence), median_interval(values, confidence)


def mean_interval(values: Sample, confidence: float) -> Interval:
    """Of the mean of (n,) values that may remember: `spread_of`'s t, of positive values on the log scale."""
    mean = float(values.mean())
    if values.min() <= 0:
        half = float(spread_of(values).half_width(1 - confidence))
        return Interval(mean - half, mean + half, confidence, "t, allowing for memory")
    half = float(spread_of(values / mean).half_width(1 - confidence))
    return Interval(mean * math.exp(-half), mean * math.exp(half), confidence, "t of logarithms, allowing for memory")


def median_interval(values: Sample, confidence: float) -> Interval | None:
    """Of the median of (n,) values: two of them (Hahn and Meeker, 1991, sec. 5.2), farther out the more is remembered.

    None where that is farther than the values reach.
    """
    n = values.size
    outside = int(stats.binom.ppf((1 - confidence) / 2, n, 0.5))
    outside += stats.binom.cdf(outside, n, 0.5) <= (1 - confidence) / 2
    rank = math.floor(n / 2 - (n / 2 - outside) * math.sqrt(float(spread_of(values).inflation)))
    if rank < 1:
        return None
    ordered = np.sort(values)
    return Interval(float(ordered[rank - 1]), float(ordered[n - rank]), confidence, "order statistics")


def _reason(values: Sample) -> Reason | None:
    if values.size < 2:
        return Reason(Why.ONE_VALUE if values.size else Why.NO_VALUE)
    return Reason(Why.ALL_EQUAL) if is_constant(values) else None
