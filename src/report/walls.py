"""Wall meters' recordings, as they were laid over the runs of a sweep."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

import pandas as pd

from src.analysis.agreement import Agreement
from src.errors import TrackError
from src.figures.traces import Trace
from src.figures.wall_overlay import OverlaidRun, Wall
from src.report.load import Loaded, sweep_file
from src.report.read_traces import read_trace

if TYPE_CHECKING:
    from src.track.apart import StoreApart
    from src.track.store import Store

UID = "tags.wall_uid"
KNOWN = re.compile(r"[0-9a-f]{1,64}")
RUNS_SHOWN = 3
"""Whose own power is drawn beside the wall meter's, so that one sees whether both clocks go together."""


def read_walls(store: Store | StoreApart, loaded: Loaded, agreed: Sequence[Agreement]) -> list[Wall]:
    """One for each sweep and recording; none where no run was laid under one."""
    if not any(agreement.is_wall for agreement in agreed) or UID not in loaded.runs:
        return []
    runs = loaded.runs[loaded.runs["status"] == "finished"]
    found = []
    for sweep in loaded.sweeps:
        own = runs[(runs["sweep"] == sweep.name) & runs[UID].notna()]
        for uid, covered in own.groupby(UID):
            path = sweep_file(store, sweep, f"wall-{uid}.csv") if KNOWN.fullmatch(str(uid)) else None
            if path is not None:
                curve = pd.read_csv(path)
                shown = [_overlaid(store, run, place < RUNS_SHOWN) for place, (_, run) in enumerate(covered.iterrows())]
                time_s, power_w = (curve[name].to_numpy(dtype=float) for name in ("time_s", "power_w"))
                found.append(Wall(sweep.name, time_s, power_w, tuple(shown)))
    return found


def _overlaid(store: Store | StoreApart, run: pd.Series, with_trace: bool) -> OverlaidRun:
    begin_s = float(run["started_s"])
    windows = run["windows"].values()
    lasted_s = max([end for _, end in windows], default=float(run.get("duration_total_s", run["duration_s"])))
    return OverlaidRun(str(run["treatment"]), begin_s, begin_s + lasted_s, _trace(store, run) if with_trace else None)


def _trace(store: Store | StoreApart, run: pd.Series) -> Trace | None:
    try:
        return read_trace(store, run)
    except TrackError:
        return None
