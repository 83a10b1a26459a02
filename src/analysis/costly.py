"""Rare costly runs, as what they are: how often, and how much. They are no mistakes, and many runs pay for them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from src.analysis.values import Sample

FEWEST = 8
RARE = 0.25
"""More often than this a costly run is a usual one."""
FAR = 5.0
"""So many standard deviations of the usual runs above their median."""
TO_SD = 1.4826
"""From the median absolute deviation to a normal distribution's standard deviation."""


@dataclass(frozen=True)
class CostlyRuns:
    """`n` of `of` runs took on average `extra_percent` more than their treatment's median; the mean is `mean_percent`
    higher for it.
    """

    treatment: str
    n: int
    of: int
    extra_percent: float
    mean_percent: float


def costly_runs(samples: Mapping[str, Sample], relevant_percent: float) -> list[CostlyRuns]:
    """One entry for each treatment that has some; `samples` are positive values (n,)."""
    found = [_of_one(treatment, values, relevant_percent) for treatment, values in samples.items()]
    return [each for each in found if each is not None]


def _of_one(treatment: str, values: Sample, relevant_percent: float) -> CostlyRuns | None:
    if values.size < FEWEST or values.min() <= 0:
        return None
    median = float(np.median(values))
    spread = TO_SD * float(np.median(np.abs(values - median)))
    costly = values > median + max(FAR * spread, 2 * median * relevant_percent / 100)
    n = int(costly.sum())
    if not 0 < n <= RARE * values.size:
        return None
    extra = 100 * (float(values[costly].mean()) / median - 1)
    return CostlyRuns(treatment, n, int(values.size), extra, 100 * (float(values.mean()) / values[~costly].mean() - 1))
