"""Power over time of some runs, read one by one from their recordings."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from src.contract.json_files import ContractError
from src.contract.record import IMPORTED_UID
from src.contract.run_files import ENERGY_FILE, EVENTS_FILE, PHASES, read_events
from src.errors import EnergyError, RunError, TrackError
from src.figures.traces import MOST_LINES, Trace
from src.measure.energy import Energy, integrate, whole_file
from src.measure.recording import read_recording
from src.measure.windows import Window, phase_windows
from src.report.wording import count
from src.track.store import Store

UNREADABLE = (EnergyError, RunError, TrackError, ContractError)


@dataclass
class TraceReader:
    """Reads at most `most` runs of each treatment, evenly spread; never more than one recording is in memory.

    Once read, `unreadable` names the runs whose recordings could not be.
    """

    store: Store
    runs: pd.DataFrame
    most: int = MOST_LINES
    unreadable: list[str] = field(default_factory=list)

    def __iter__(self) -> Iterator[Trace]:
        """The traces, treatment by treatment."""
        for _, group in self.runs.groupby("treatment", sort=True):
            for _, run in spread(group, self.most).iterrows():
                try:
                    yield read_trace(self.store, run)
                except UNREADABLE as error:
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


def spread(runs: pd.DataFrame, most: int) -> pd.DataFrame:
    """At most `most` rows, evenly spread, the first and the last among them."""
    if len(runs) <= most:
        return runs
    places = [round(step * (len(runs) - 1) / (most - 1)) for step in range(most)]
    return runs.iloc[places]


def read_trace(store: Store, run: pd.Series) -> Trace:
    """One run's power; without events (a recording made elsewhere) over the whole file, without phases."""
    recording = read_recording(store.artifact(run["run_id"], ENERGY_FILE))
    columns = _columns(run)
    events = _events_path(store, run)
    if events is None:
        return _trace(run, whole_file(recording, columns), {})
    windows = phase_windows(read_events(events))
    interval_ms = float(run.get("params.meter.interval_ms", 200))
    return _trace(run, integrate(recording, windows, interval_ms, columns), windows)


def _events_path(store: Store, run: pd.Series) -> Path | None:
    if str(run["run_uid"]).startswith(IMPORTED_UID):
        return None
    return store.artifact(run["run_id"], EVENTS_FILE)


def _columns(run: pd.Series) -> list[str]:
    text = run.get("params.meter.columns")
    return list(json.loads(text)) if isinstance(text, str) else []


def _trace(run: pd.Series, energy: Energy, windows: dict[str, Window]) -> Trace:
    began_s = min((begin for begin, _ in windows.values()), default=0.0)
    phases = {name: (w[0] - began_s, w[1] - began_s) for name, w in windows.items() if name in PHASES}
    return Trace(run["treatment"], energy.trace.time_s, energy.trace.power_w, phases, run["energy_kind"])
