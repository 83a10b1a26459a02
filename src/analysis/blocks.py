"""The blocked design: a block is one iteration of one sweep and holds every treatment once."""

from __future__ import annotations

import pandas as pd

from src.analysis.values import Sample


def block_table(runs: pd.DataFrame, metric: str) -> pd.DataFrame:
    """One row per block, one column per treatment, NaN where a block lacks one.

    Runs without an iteration belong to no block; a treatment that ran twice in a block counts with its mean.
    """
    placed = runs[runs["iteration"].notna() & runs[metric].notna()]
    keys = [placed["sweep"], placed["iteration"].astype(float)]
    cells = placed.groupby([*keys, placed["treatment"]])[metric].mean()
    return cells.unstack()


def complete_blocks(table: pd.DataFrame, treatments: list[str]) -> list[Sample]:
    """Per treatment its values in the blocks that hold all of them, in the same order of blocks."""
    if not set(treatments) <= set(table.columns):
        return [table.to_numpy(dtype=float)[:0, :0].ravel() for _ in treatments]
    rows = table[treatments].dropna()
    return [rows[treatment].to_numpy(dtype=float, copy=True) for treatment in treatments]
