"""What the runs took above the machine at rest, and how well that is known."""

from __future__ import annotations

import math

import pandas as pd

from src.analysis.analyse import Analysis
from src.contract.record import IDLE_BASELINE
from src.figures.numbers import number
from src.report.document import Block, table

NET, UNCERTAINTY, POWER = "energy_net_j", "energy_net_uncertainty_j", "idle_power_w"
BLOCK, START = "block", "start"
"""When the power at rest was measured that a run is above; in runs of before this was told, at the start."""


def idle_powers(runs: pd.DataFrame, measured: str) -> pd.Series:
    """The power at rest of the runs that are above one measured then, in W."""
    if POWER not in runs:
        return pd.Series(dtype=float)
    column = f"tags.{IDLE_BASELINE}"
    told = runs[column].fillna(START) if column in runs else pd.Series(START, runs.index)
    return runs.loc[told == measured, POWER].dropna()


def net_energy_table(runs: pd.DataFrame, analysis: Analysis) -> list[Block]:
    """One row a treatment, least energy first: what its net energy is above, and its uncertainty."""
    if NET not in runs or runs[NET].isna().all():
        return []
    rows = [(treatment, *_row(runs[runs["treatment"] == treatment])) for treatment in analysis.treatments]
    caption = "What the energy above idle is above, and how uncertain the power at rest leaves it (medians)."
    head = (
        "Treatment",
        "Runs above idle before their block",
        "Runs above idle before the warm-up",
        "Power at rest (W)",
        "Energy above idle (J)",
        "Standard uncertainty (J)",
        "In %",
    )
    return table(caption, head, rows)


def _row(runs: pd.DataFrame) -> tuple[str, ...]:
    of_block, of_start = (idle_powers(runs, measured) for measured in (BLOCK, START))
    power_w, net_j = runs[POWER].median(), runs[NET].median()
    uncertain_j = runs[UNCERTAINTY].median() if UNCERTAINTY in runs else math.nan
    share = 100 * uncertain_j / net_j if net_j > 0 else math.nan
    cells = (number(power_w), number(net_j), number(uncertain_j, 3), number(share, 2))
    return (str(of_block.size), str(of_start.size), *cells)
