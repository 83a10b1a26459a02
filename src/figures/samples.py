"""Values to draw, out of the table of runs."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from src.analysis.metrics import METRICS
from src.analysis.values import Sample, finite

CROWD = 2000
"""More points than this are drawn as pixels, so that 10 000 runs don't make a file of megabytes."""


def samples_of(runs: pd.DataFrame, metric: str, treatments: Sequence[str]) -> dict[str, Sample]:
    """Finite values by treatment, in the order of `treatments`; those without a value are left out."""
    if metric not in runs:
        return {}
    values = {name: finite(runs.loc[runs["treatment"] == name, metric].to_numpy(dtype=float)) for name in treatments}
    return {name: sample for name, sample in values.items() if sample.size}


def kinds_of(runs: pd.DataFrame, metric: str) -> list[str]:
    """How the energy of those runs is known that have the metric; empty for a metric without energy."""
    if METRICS[metric].unit not in ("J", "W", "J·s"):
        return []
    return [str(kind) for kind in runs.loc[runs[metric].notna(), "energy_kind"]]
