"""From one recording to a run's folder: its energy, its picture and the record that is filed."""

from __future__ import annotations

import dataclasses
import json
import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from src.contract.json_files import whole
from src.contract.record import ENERGY_FILE, IMPORT, POWER_SERIES, RunRecord, flatten, run_name
from src.errors import EnergyError
from src.figures.run_power import MAX_STEPS, draw_power
from src.ingest.derived import Origin, computed
from src.ingest.options import IngestOptions
from src.ingest.path_names import iteration_of
from src.ingest.recording_facts import told_by
from src.ingest.run_table import RUN_TABLE, planned_run
from src.measure.csv_table import find_layout
from src.measure.energy import Energy, PowerTrace, whole_file
from src.measure.meter_columns import column_metrics
from src.measure.recording import Recording, read_recording
from src.measure.run_metrics import energy_metrics, power_series
from src.measure.system_series import system_series
from src.measure.windows import Window

KIND = "imported"
METERS = {KIND: "energibridge", "estimated": "estimate", "replayed": "replay"}
"""What wrote a recording, by what it says of itself; EnergiBridge says nothing."""
POWER_FILE = "power.png"


@dataclass(frozen=True)
class Source:
    """One recording that is to become a run of the treatment `label`."""

    path: Path
    uid: str
    label: str
    options: IngestOptions

    @property
    def iteration(self) -> int | None:
        """Its repetition in Experiment Runner's folders, else the number in its name."""
        planned = planned_run(self.path)
        return iteration_of(self.path) if planned is None else planned.repetition

    @property
    def factors(self) -> dict[str, str]:
        """What was varied: what Experiment Runner's table says, else the label."""
        planned = planned_run(self.path)
        return (planned and planned.factors) or {"framework": self.label}

    @property
    def name(self) -> str:
        """What MLflow's pages call the run."""
        return f"{self.label} {self.path.stem}" if self.iteration is None else run_name(self.label, self.iteration)

    @property
    def folder(self) -> Path:
        """Where the run's files are kept."""
        parts = [self.options.experiment, self.label, f"{self.path.stem}-{self.uid[-8:]}"]
        return Path(self.options.output).joinpath(*map(_safe, parts))


@dataclass(frozen=True)
class Imported:
    """A recording that was understood, and what is to be filed and drawn of it; nothing is written yet."""

    source: Source
    record: RunRecord
    trace: PowerTrace
    origin: Origin

    def write(self) -> RunRecord:
        """Write the run's folder: energy.csv, power.png, record.json."""
        folder = self.source.folder
        folder.mkdir(parents=True, exist_ok=True)
        with whole(folder / ENERGY_FILE) as part:
            shutil.copyfile(self.source.path, part)
        draw_power(folder / POWER_FILE, self.trace, {}, self.record)
        self.record.write()
        return self.record


def import_run(source: Source) -> Imported:
    """Read the recording; raises EnergyError where the file is no EnergiBridge CSV or holds no honest energy."""
    planned = planned_run(source.path)
    if planned and not planned.is_done:
        raise EnergyError(f"{source.path}: {RUN_TABLE} says {planned.done} of this run, so it did not end well")
    recording = read_recording(source.path, scale=source.options.meter.scale)
    energy = whole_file(recording, source.options.meter.columns)
    derived = computed(recording, energy.columns) if energy_kind(recording) == KIND else None
    if derived and not source.options.derived:
        raise EnergyError(f"{source.path}: {derived.text}; file the recording, or give derived=true")
    energy = dataclasses.replace(energy, flags=(*energy.flags, derived)) if derived else energy
    window = float(recording.time_s[0]), float(recording.time_s[-1])
    header = find_layout(source.path).header
    origin = Origin(source.path, recording.time_s, len(header))
    told = told_by(source.path, recording, header)
    return Imported(source, _record(source, recording, energy, window, told), energy.trace.thinned(MAX_STEPS), origin)


def energy_kind(recording: Recording) -> str:
    """`imported`; but a recording that says itself that it was estimated or replayed stays that."""
    codes = {flag.code for flag in recording.flags}
    return next((kind for kind in METERS if kind in codes), KIND)


def _record(source: Source, recording: Recording, energy: Energy, window: Window, told: dict[str, str]) -> RunRecord:
    begin_s, end_s = window
    columns = json.dumps(list(energy.columns), separators=(",", ":"))
    return RunRecord(
        name=source.name,
        experiment=source.options.experiment,
        start_ms=round(1000 * begin_s),
        end_ms=round(1000 * end_s),
        status="finished",
        folder=source.folder,
        params=flatten(source.options.facts()) | {"meter.columns": columns} | told,
        flags=energy.flags,
        factors=source.factors,
        metrics=column_metrics(source.path, window) | energy_metrics(energy),
        series=system_series(source.path, window) | {POWER_SERIES: power_series(energy, begin_s)},
        tags=_tags(source, recording, energy),
    )


def _tags(source: Source, recording: Recording, energy: Energy) -> dict[str, str]:
    """Where a run has no iteration, it has no such tag: it then belongs to no block."""
    options, kind = source.options, energy_kind(recording)
    tags = {
        "framework": source.label,
        "treatment": source.label,
        "sweep": options.sweep,
        "meter": METERS[kind],
        "energy_kind": kind,
        "status": "finished",
        "run_uid": source.uid,
        IMPORT: options.name,
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
