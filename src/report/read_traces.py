"""Power over time of some runs, read one by one from the store."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from src.contract.events import EVENTS_FILE, read_events
from src.contract.json_files import ContractError
from src.contract.metrics import OLD_PHASES
from src.contract.record import IMPORTED_UID
from src.errors import TrackError
from src.figures.numbers import count
from src.figures.traces import MOST_LINES, Trace, some_of

if TYPE_CHECKING:
    from src.track.apart import StoreApart
    from src.track.store import Store

Windows = dict[str, tuple[float, float]]
"""Begin and end of each phase, in seconds since the run's start."""


@dataclass
class TraceReader:
    """Reads at most `most` runs of each treatment, evenly spread; never more than one trace is in memory.

    Once read, `unreadable` names the runs whose traces could not be.
    """

    store: Store | StoreApart
    runs: pd.DataFrame
    most: int = MOST_LINES
    unreadable: list[str] = field(default_factory=list)

    def __iter__(self) -> Iterator[Trace]:
        """The traces, treatment by treatment."""
        for _, group in self.runs.groupby("treatment", sort=True):
            for place in some_of(range(len(group)), self.most):
                run = group.iloc[place]
                try:
                    yield read_trace(self.store, run)
                except (TrackError, ContractError) as error:
                    self.unreadable.append(f"{run['run_name']} ({error})")

    @property
    def sampling(self) -> str:
        """Which runs are shown, where not all are; else empty."""
        largest = int(self.runs.groupby("treatment").size().max())
        if largest <= self.most:
            return ""
        return f"Shown are {self.most} runs of each treatment, evenly spread over the sweep, of up to {largest}."

    @property
    def failures(self) -> list[str]:
        """Which runs could not be read; complete once all have been read."""
        if not self.unreadable:
            return []
        shown = "; ".join(self.unreadable[:3])
        return [f"{count(len(self.unreadable), 'run')} without a readable power trace: {shown}."]


def read_trace(store: Store | StoreApart, run: pd.Series) -> Trace:
    """One run's power as it was filed; a recording made elsewhere has no phases. Raises TrackError, ContractError."""
    points = store.trace(run["run_id"])
    if not points:
        raise TrackError("no power was filed with it")
    time_s = np.array([point.step / 1000 for point in points])
    power_w = np.array([point.value for point in points])
    return Trace(run["treatment"], time_s, power_w, _phases(store, run), run["energy_kind"])


def _phases(store: Store | StoreApart, run: pd.Series) -> Windows:
    if run["windows"] or str(run["run_uid"]).startswith(IMPORTED_UID):
        return dict(run["windows"])
    return _old_windows(store, run["run_id"])


def _old_windows(store: Store | StoreApart, run_id: str) -> Windows:
    """Of a run of before its record held them, from its events."""
    events = read_events(store.artifact(run_id, EVENTS_FILE))
    began_s = min((event.t for event in events), default=0.0)
    edges = {(event.phase, event.edge): event.t - began_s for event in events}
    whole = [phase for phase in OLD_PHASES if {(phase, "begin"), (phase, "end")} <= set(edges)]
    return {phase: (edges[phase, "begin"], edges[phase, "end"]) for phase in whole}
