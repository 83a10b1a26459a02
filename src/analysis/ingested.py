"""Runs that were recorded elsewhere: whole recordings, in which nobody noted where the task begins and ends."""

from __future__ import annotations

import pandas as pd

from src.contract.record import IMPORTED_UID


def ingested(runs: pd.DataFrame) -> pd.Series:
    """For each run, whether it was recorded elsewhere."""
    if "run_uid" not in runs:
        return pd.Series(False, index=runs.index)
    return runs["run_uid"].astype(str).str.startswith(IMPORTED_UID)


def only_ingested(runs: pd.DataFrame) -> bool:
    """Whether all of the runs were."""
    return bool(len(runs)) and bool(ingested(runs).all())
