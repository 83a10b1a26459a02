"""From one recording to a run's folder: its energy, its picture and the record that is filed."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from src.contract.record import ENERGY_FILE, RunRecord, flatten, run_name
from src.figures.run_power import MAX_STEPS, draw_power
from src.ingest.options import IngestOptions
from src.ingest.sources import iteration_of
from src.measure.energy import Energy, whole_file
from src.measure.recording import Recording, read_recording
from src.measure.run_metrics import energy_metrics, power_series
from src.measure.windows import Window

KIND = "imported"
METERS = {KIND: "energibridge", "estimated": "estimate", "replayed": "replay"}
"""What wrote a recording, by what it says of itself; EnergiBridge says nothing."""
POWER_FILE = "power.png"


@dataclass(frozen=True)
class Source:
    """One recording that is to become a run."""

    path: Path
    uid: str
    options: IngestOptions

    @property
    def iteration(self) -> int | None:
        """The number in the file's name."""
        return iteration_of(self.path)

    @property
    def name(self) -> str:
        """What MLflow's pages call the run."""
        label = self.options.framework
        return f"{label} {self.path.stem}" if self.iteration is None else run_name(label, self.iteration)

    @property
    def folder(self) -> Path:
        """Where the run's files are kept."""
        parts = [self.options.experiment, self.options.framework, f"{self.path.stem}-{self.uid[-8:]}"]
        return Path(self.options.output).joinpath(*map(_safe, parts))


def import_run(source: Source) -> RunRecord:
    """Read the recording, write the run's folder (energy.csv, power.png, record.json), return its record.

    Raises EnergyError, before anything is written, where the file is no EnergiBridge CSV or holds no honest
    energy.
    """
    recording = read_recording(source.path)
    energy = whole_file(recording, source.options.meter.columns)
    window = float(recording.time_s[0]), float(recording.time_s[-1])
    record = _record(source, recording, energy, window)
    source.folder.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source.path, source.folder / ENERGY_FILE)
    draw_power(source.folder / POWER_FILE, energy.trace.thinned(MAX_STEPS), {}, record)
    record.write()
    return record


def energy_kind(recording: Recording) -> str:
    """`imported`; but a recording that says itself that it was estimated or replayed stays that."""
    codes = {flag.code for flag in recording.flags}
    return next((kind for kind in METERS if kind in codes), KIND)


def _record(source: Source, recording: Recording, energy: Energy, window: Window) -> RunRecord:
    begin_s, end_s = window
    columns = json.dumps(list(energy.columns), separators=(",", ":"))
    return RunRecord(
        name=source.name,
        experiment=source.options.experiment,
        start_ms=round(1000 * begin_s),
        end_ms=round(1000 * end_s),
        status="finished",
        folder=source.folder,
        params=flatten(source.options.facts()) | {"meter.columns": columns},
        flags=energy.flags,
        factors={"framework": source.options.framework},
        metrics=energy_metrics(energy),
        series={"power_trace_w": power_series(energy, begin_s)},
        tags=_tags(source, recording, energy),
    )


def _tags(source: Source, recording: Recording, energy: Energy) -> dict[str, str]:
    """Where a run has no iteration, it has no such tag: it then belongs to no block."""
    options, kind = source.options, energy_kind(recording)
    tags = {
        "framework": options.framework,
        "treatment": options.framework,
        "sweep": options.sweep,
        "meter": METERS[kind],
        "energy_kind": kind,
        "status": "finished",
        "run_uid": source.uid,
        "source_file": source.path.name,
        "interval_ms": f"{1000 * float(np.median(np.diff(recording.time_s))):.0f}",
        "wraps": str(energy.wraps),
    }
    if source.iteration is not None:
        tags["iteration"] = str(source.iteration)
    return tags


def _safe(name: str) -> str:
    """A label as the name of a folder."""
    return "".join(c if c.isalnum() or c in "-_=+" else "-" for c in name)
