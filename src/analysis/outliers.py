"""Values far from their treatment's others: always listed, left out only where the configuration says so."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
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
    rules = LISTED_RULES if rule == "none" else (rule,)
    by = ["treatment", MACHINE] if MACHINE in runs else ["treatment"]
    run_ids, run_names = (runs[name].astype(str).to_numpy() for name in ("run_id", "run_name"))
    columns = {metric: runs[metric].to_numpy(dtype=float) for metric in metrics}
    places = pd.Series(np.arange(len(runs)), runs.index).groupby([runs[name] for name in by], sort=True)
    groups = [(str(treatment), rows.to_numpy()) for (treatment, *_), rows in places]
    return [
        Outlier(str(run_ids[row]), str(run_names[row]), treatment, metric, *found, excluded=rule != "none", n=n)
        for treatment, rows in groups
        for metric in metrics
        for each in rules
        for row, n, found in _far(columns[metric], rows, each)
    ]


def without(runs: pd.DataFrame, outliers: list[Outlier]) -> pd.DataFrame:
    """The runs with every excluded value missing; the run itself stays, with its other metrics."""
    cleaned = runs.copy()
    for metric in sorted({outlier.metric for outlier in outliers if outlier.excluded}):
        ids = {outlier.run_id for outlier in outliers if outlier.excluded and outlier.metric == metric}
        cleaned.loc[cleaned["run_id"].astype(str).isin(ids), metric] = np.nan
    return cleaned


def _far(
    column: Sample, rows: npt.NDArray[np.intp], rule: str
) -> Iterator[tuple[int, int, tuple[float, str, float, float]]]:
    """Which of the rows lie outside, of how many; with the value, the rule, and what it keeps."""
    known = rows[~np.isnan(column[rows])]
    values = column[known]
    if values.size < 3:
        return
    lower, upper = limits(values, rule)
    # Rounding must not make outliers of constant data.
    slack = 1e-9 * float(np.abs(values).max())
    for row in known[(values < lower - slack) | (values > upper + slack)]:
        yield int(row), int(values.size), (float(column[row]), rule, lower, upper)
