"""Threats to validity: did a run's place in the sweep decide what it spent?

All three look at the residual, a run's value in percent of its treatment's median, less 100; so treatments
that spend differently can be looked at together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import pandas as pd
from scipy import stats

from src.analysis.hypothesis_tests import HypothesisTest, holm, undefined
from src.analysis.omnibus import KRUSKAL_WALLIS, kruskal_wallis
from src.analysis.values import Sample, Why, is_constant
from src.contract.record import MACHINE

Kind = Literal["position", "drift", "carry_over"]

SPEARMAN = "Spearman's rank correlation"
FEWEST = 4
SECONDS_AN_HOUR = 3600


@dataclass(frozen=True)
class Threat:
    """One threat, over all treatments.

    `kind` is `position` (place in the block), `drift` (time since the sweep's start) or `carry_over` (the
    treatment that ran before). `effect_percent` is its size in percent of a run's value: the fitted change
    from the first to the last position, or over the whole sweep; for `carry_over` the greatest difference
    between `group_medians`, the median residuals by predecessor. `detected` is decided at `alpha` after
    Holm's correction over the three.
    """

    kind: Kind
    metric: str
    n: int
    test: HypothesisTest
    effect_percent: float | None = None
    slope_percent: float | None = None
    slope_unit: str | None = None
    group_medians: tuple[tuple[str, float], ...] = ()
    detected: bool | None = None


def look_for_threats(usable: pd.DataFrame, all_runs: pd.DataFrame, metric: str, alpha: float) -> list[Threat]:
    """All three threats to one metric; predecessors are looked for among all runs, failed ones too."""
    runs = usable[usable[metric].notna()].copy()
    runs["residual"] = residuals_percent(runs, metric)
    found = [
        _trend("position", metric, runs["position"], runs["residual"], "% per position"),
        _trend("drift", metric, hours_since_start(runs, all_runs), runs["residual"], "% per hour"),
        _carry_over(metric, runs, all_runs),
    ]
    corrected = holm([threat.test for threat in found])
    return [
        replace(threat, test=test, detected=None if test.p_holm is None else test.p_holm < alpha)
        for threat, test in zip(found, corrected, strict=True)
    ]


def residuals_percent(runs: pd.DataFrame, metric: str) -> pd.Series:
    """Each run's distance from its treatment's median on its machine, in percent of that; NaN for a median of 0."""
    by = ["treatment", MACHINE] if MACHINE in runs else ["treatment"]
    medians = runs.groupby(by, dropna=False)[metric].transform("median")
    return 100 * (runs[metric] - medians) / medians.abs().where(medians != 0)


def hours_since_start(runs: pd.DataFrame, all_runs: pd.DataFrame) -> pd.Series:
    """Hours between a run's start and that of its sweep's first run."""
    starts = all_runs.groupby("sweep")["started_s"].transform("min")
    return (runs["started_s"] - starts.reindex(runs.index)) / SECONDS_AN_HOUR


def predecessors(all_runs: pd.DataFrame) -> pd.Series:
    """The treatment that ran before each run of a sweep, NaN for the first.

    By when the runs began: `sequence` is the planned place, which a run that is tried again later keeps.
    """
    began = all_runs[all_runs["started_s"].notna()].sort_values(["sweep", "started_s"], kind="stable")
    return began.groupby("sweep")["treatment"].shift(1).reindex(all_runs.index)


def _trend(kind: Kind, metric: str, place: pd.Series, residual: pd.Series, unit: str) -> Threat:
    known = place.notna() & residual.notna()
    x, y = place[known].to_numpy(dtype=float), residual[known].to_numpy(dtype=float)
    test = spearman(x, y)
    if test.p_value is None:
        return Threat(kind, metric, int(x.size), test)
    slope = float(np.polynomial.Polynomial.fit(x, y, 1).convert().coef[-1])
    return Threat(kind, metric, int(x.size), test, slope * float(np.ptp(x)), slope, unit)


def spearman(x: Sample, y: Sample) -> HypothesisTest:
    """Spearman's (1904) rank correlation of two arrays (n,), p-value from Student's t."""
    if x.size < FEWEST:
        return undefined(SPEARMAN, Why.TOO_FEW_PLACES, FEWEST)
    if is_constant(x) or is_constant(y):
        return undefined(SPEARMAN, Why.NOTHING_VARIES)
    result = stats.spearmanr(x, y)
    return HypothesisTest(SPEARMAN, float(result.statistic), float(result.pvalue), (float(x.size - 2),))


def _carry_over(metric: str, runs: pd.DataFrame, all_runs: pd.DataFrame) -> Threat:
    before = predecessors(all_runs).reindex(runs.index)
    known = runs[before.notna() & runs["residual"].notna()]
    groups = _by_predecessor(known["residual"], before.reindex(known.index))
    samples = [values for _, values in groups]
    n = sum(values.size for values in samples)
    if len(groups) < 2:
        return Threat("carry_over", metric, n, undefined(KRUSKAL_WALLIS, Why.TOO_FEW_PREDECESSORS))
    medians = tuple((label, float(np.median(values))) for label, values in groups)
    middle = [median for _, median in medians]
    test = kruskal_wallis(samples)
    return Threat("carry_over", metric, n, test, max(middle) - min(middle), group_medians=medians)


def _by_predecessor(residual: pd.Series, before: pd.Series) -> Sequence[tuple[str, Sample]]:
    groups = residual.groupby(before.astype(str), sort=True)
    return [(str(label), values.to_numpy(dtype=float)) for label, values in groups if len(values) > 1]
