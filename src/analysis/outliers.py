"""Values far from their treatment's others: always listed, left out only where the configuration says so."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from src.analysis.values import Sample
from src.contract.record import MACHINE

LISTED_RULES = ("3sigma", "iqr")


@dataclass(frozen=True)
class Outlier:
    """One value of one run outside `lower` to `upper`, in the metric's unit; `excluded` if left out.

    `n` is how many values the treatment has.
    """

    run_id: str
    run_name: str
    treatment: str
    metric: str
    value: float
    rule: str
    lower: float
    upper: float
    excluded: bool
    n: int


def limits(values: Sample, rule: str) -> tuple[float, float]:
    """What `3sigma` (mean +- 3 sd, the published rule) or `iqr` (Tukey's fences, 1977) keeps of a sample.

    The published rule takes the population's standard deviation, that is, it divides by n.
    """
    if rule == "3sigma":
        centre, reach = float(values.mean()), 3 * float(values.std(ddof=0))
        return centre - reach, centre + reach
    low, high = np.quantile(values, [0.25, 0.75])
    return float(low - 1.5 * (high - low)), float(high + 1.5 * (high - low))


def find(runs: pd.DataFrame, metrics: list[str], rule: str) -> list[Outlier]:
    """Every outlier by treatment, machine and metric, in one pass; with `none`, all that either would leave out."""
    by = ["treatment", MACHINE] if MACHINE in runs else ["treatment"]
    rules = LISTED_RULES if rule == "none" else (rule,)
    return [
        outlier
        for (treatment, *_), group in runs.groupby(by, sort=True)
        for metric in metrics
        for each in rules
        for outlier in _in_group(group, str(treatment), metric, each, excluded=rule != "none")
    ]


def without(runs: pd.DataFrame, outliers: list[Outlier]) -> pd.DataFrame:
    """The runs with every excluded value missing; the run itself stays, with its other metrics."""
    cleaned = runs.copy()
    for metric in sorted({outlier.metric for outlier in outliers if outlier.excluded}):
        ids = {outlier.run_id for outlier in outliers if outlier.excluded and outlier.metric == metric}
        cleaned.loc[cleaned["run_id"].astype(str).isin(ids), metric] = np.nan
    return cleaned


def _in_group(group: pd.DataFrame, treatment: str, metric: str, rule: str, excluded: bool) -> list[Outlier]:
    present = group[group[metric].notna()]
    values = present[metric].to_numpy(dtype=float)
    if values.size < 3:
        return []
    lower, upper = limits(values, rule)
    # Rounding must not make outliers of constant data.
    slack = 1e-9 * float(np.abs(values).max())
    far = present[(values < lower - slack) | (values > upper + slack)]
    return [
        Outlier(
            run_id=str(row["run_id"]),
            run_name=str(row["run_name"]),
            treatment=treatment,
            metric=metric,
            value=float(row[metric]),
            rule=rule,
            lower=lower,
            upper=upper,
            excluded=excluded,
            n=int(values.size),
        )
        for _, row in far.iterrows()
    ]
