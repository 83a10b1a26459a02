"""What one treatment's runs look like in one metric."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from src.analysis import bootstrap
from src.analysis.hypothesis_tests import HypothesisTest, shapiro_wilk
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


@dataclass(frozen=True)
class Replicates:
    """Bootstrap means and medians of one treatment and metric; empty for fewer than two values."""

    means: Sample
    medians: Sample


def replicate(values: Sample, samples: int, rng: np.random.Generator) -> Replicates:
    """Resample (n,) values; shapes (samples,), or empty where n < 2."""
    if values.size < 2:
        return Replicates(np.empty(0), np.empty(0))
    return Replicates(
        bootstrap.mean_replicates(values, samples, rng), bootstrap.median_replicates(values, samples, rng)
    )


def describe(
    treatment: str, metric: str, unit: str, values: Sample, replicates: Replicates, confidence: float
) -> Description:
    """Everything about one sample (n,) that holds without another one."""
    several, n = values.size > 1, int(values.size)
    quartiles = np.quantile(values, [0, 0.25, 0.5, 0.75, 1]).tolist() if n else [None] * 5
    mean = float(values.mean()) if n else None
    sd = float(values.std(ddof=1)) if several else None
    mean_interval = median_interval = None
    if several:
        mean_interval, median_interval = _intervals(values, replicates, confidence)
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


def _intervals(values: Sample, replicates: Replicates, confidence: float) -> tuple[Interval, Interval]:
    if is_constant(values):
        only = Interval(float(values.min()), float(values.max()), confidence, "all values are equal")
        return only, only
    mean = bootstrap.bca_interval(replicates.means, float(values.mean()), bootstrap.mean_jackknife(values), confidence)
    median = bootstrap.bca_interval(
        replicates.medians, float(np.median(values)), bootstrap.median_jackknife(values), confidence
    )
    return mean, median


def _reason(values: Sample) -> Reason | None:
    if values.size < 2:
        return Reason(Why.ONE_VALUE if values.size else Why.NO_VALUE)
    return Reason(Why.ALL_EQUAL) if is_constant(values) else None
