"""How meters that recorded the same runs agree: bias and limits of agreement (Bland and Altman, 1986).

The limits say between which bounds 95 % of the differences between two meters lie. A correlation would say nothing of
that: two meters of which one shows twice as much as the other correlate perfectly.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from src.analysis.values import Interval, Sample, is_constant
from src.contract.metrics import WALL

BY_METER = re.compile(r"energy_by_(.+)_j")
FIRST = "energy_j"
WALL_NAME, WALL_KIND = "wall meter", "imported"
FEWEST = 3
"""Of fewer pairs no spread can be told from chance."""
CONFIDENCE = 0.95
GROWS = 0.05
"""The level at which the differences are taken to grow with the energy."""


@dataclass(frozen=True)
class Limits:
    """Mean of the differences, the limits within which 95 % of them lie, and an interval of each of the three."""

    bias: float
    lower: float
    upper: float
    bias_interval: Interval
    lower_interval: Interval
    upper_interval: Interval


@dataclass(frozen=True)
class Agreement:
    """A further meter (`second`) against the first one over n runs.

    `means_j` and `differences`, (n,), are of both meters; a difference is second - first in J or, with `by_ratio`,
    where it grows with the energy, the ratio second / first, as are the `limits` then. `growth` is Spearman's
    correlation of its size with the mean. `limits` is None for fewer than FEWEST runs, or where no run differs from
    another. The kinds say how each energy is known; a group of runs of other kinds is an agreement of its own.
    """

    metric: str
    first: str
    first_kind: str
    second: str
    second_kind: str
    treatments: tuple[str, ...]
    means_j: tuple[float, ...]
    differences: tuple[float, ...]
    by_ratio: bool
    growth: float | None
    limits: Limits | None

    @property
    def n(self) -> int:
        """How many runs both meters recorded."""
        return len(self.means_j)

    @property
    def is_wall(self) -> bool:
        """Whether the second one sees the whole machine at its socket."""
        return self.metric == WALL.name


def agreements(runs: pd.DataFrame) -> tuple[Agreement, ...]:
    """Every further meter against the first one; `runs` are those that count."""
    return tuple(found for name in further_meters(runs.columns) for found in _of_meter(runs, name))


def further_meters(columns: Iterable[str]) -> list[str]:
    """The metrics that a further meter told."""
    return sorted(str(name) for name in columns if BY_METER.fullmatch(str(name)) or name == WALL.name)


def limits_of(differences: Sample) -> Limits | None:
    """Bias and limits of differences (n,); None for fewer than FEWEST, or where they are all the same.

    The limits are mean ± 1.96 standard deviations. Their intervals are exact ones for normal differences, by the
    noncentral t distribution (Carkeet, 2015, Optom Vis Sci 92:e71); that of the bias is Student's.
    """
    n = differences.size
    if n < FEWEST or is_constant(differences):
        return None
    mean, sd = float(np.mean(differences)), float(np.std(differences, ddof=1))
    z, tail = stats.norm.ppf(0.975), (1 - CONFIDENCE) / 2
    within = stats.t.ppf(1 - tail, n - 1) * sd / np.sqrt(n)
    inner, outer = (float(q) * sd for q in stats.nct.ppf([tail, 1 - tail], n - 1, z * np.sqrt(n)) / np.sqrt(n))
    return Limits(
        mean,
        mean - z * sd,
        mean + z * sd,
        Interval(mean - within, mean + within, CONFIDENCE, "Student's t"),
        Interval(mean - outer, mean - inner, CONFIDENCE, "noncentral t"),
        Interval(mean + inner, mean + outer, CONFIDENCE, "noncentral t"),
    )


def compare(first_j: Sample, second_j: Sample) -> tuple[Sample, bool, float | None, Limits | None]:
    """Differences (n,) of two meters' energies (n,), whether they are ratios, their growth, and their limits.

    Where the differences' size grows with the mean of both (Spearman, one-sided, p < GROWS), limits in J would be too
    wide for small energies and too narrow for large ones: then those of the logarithms are taken and come back as
    ratios (Bland and Altman, 1999, section 3.2).
    """
    differences, means = second_j - first_j, (first_j + second_j) / 2
    growth, p = _growth(np.abs(differences), means)
    if growth is not None and p < GROWS and min(first_j.min(), second_j.min()) > 0:
        ratios = second_j / first_j
        return ratios, True, growth, _as_ratios(limits_of(np.log(ratios)))
    return differences, False, growth, limits_of(differences)


def _growth(sizes: Sample, means: Sample) -> tuple[float | None, float]:
    if sizes.size < FEWEST or is_constant(sizes) or is_constant(means):
        return None, 1.0
    found = stats.spearmanr(sizes, means, alternative="greater")
    return float(found.statistic), float(found.pvalue)


def _as_ratios(limits: Limits | None) -> Limits | None:
    if limits is None:
        return None
    intervals = (limits.bias_interval, limits.lower_interval, limits.upper_interval)
    back = [Interval(float(np.exp(i.low)), float(np.exp(i.high)), i.confidence, i.method) for i in intervals]
    bias, lower, upper = (float(np.exp(value)) for value in (limits.bias, limits.lower, limits.upper))
    return Limits(bias, lower, upper, *back)


def _of_meter(runs: pd.DataFrame, metric: str) -> Iterator[Agreement]:
    """One agreement for each pair of meters and kinds of energy: an estimate is never pooled with a measurement."""
    found = BY_METER.fullmatch(metric)
    name = found.group(1) if found else WALL_NAME
    kinds = f"tags.energy_kind.{name}"
    both = runs[runs[metric].notna() & runs[FIRST].notna()] if FIRST in runs else runs.iloc[:0]
    both = both.assign(_kind=WALL_KIND if not found else both.get(kinds, "unknown"))
    both = both.fillna({"_kind": "unknown"})
    for (first, first_kind, kind), group in both.groupby(["meter", "energy_kind", "_kind"], sort=True):
        first_j, second_j = (group[column].to_numpy(dtype=float) for column in (FIRST, metric))
        differences, by_ratio, growth, limits = compare(first_j, second_j)
        yield Agreement(
            metric=metric,
            first=str(first),
            first_kind=str(first_kind),
            second=name,
            second_kind=str(kind),
            treatments=tuple(map(str, group["treatment"])),
            means_j=tuple(((first_j + second_j) / 2).tolist()),
            differences=tuple(differences.tolist()),
            by_ratio=by_ratio,
            growth=growth,
            limits=limits,
        )
