"""From what a run left behind to the record that is filed about it."""

from __future__ import annotations

import dataclasses
import shlex
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from src.config.schema import Config
from src.contract.json_files import write_json
from src.contract.record import RECORD_FILE, SINGLE, RunRecord, Status, flatten, run_name
from src.errors import ConfigError, JoulebenchError, TrackError, told
from src.figures.run_power import draw_power
from src.measure.run import Measured
from src.measure.windows import phase_windows
from src.plan.sweep_plan import unique_name
from src.plan.treatments import slug
from src.protocol.machine import background_text
from src.protocol.preflight import Ready
from src.protocol.run_metrics import flags_text, run_metrics, run_series
from src.track import open_store

ENVIRONMENT_FILE = "environment.json"
POWER_FILE = "power.png"
NOT_PARAMS = (
    *("run", "tracking_uri", "experiment", "analysis"),
    *("dataset.files", "dataset.mirrors", "dataset.cache", "dataset.path", "dataset.connect_timeout_s"),
)
"""What says nothing about the work or how it was measured, or stands in the tags already."""


@dataclass(frozen=True)
class Filing:
    """Files one run, finished or failed: first on disk, then in MLflow. Made just before the run begins.

    `begin_s` is when, in seconds since the epoch; `alone` is the name that stands for a sweep where there is none.
    The store is opened only to file: whether it still answers is no reason not to measure.
    """

    config: Config
    folder: Path
    ready: Ready
    environment: Mapping[str, str]
    begin_s: float = field(default_factory=time.time)
    alone: str = field(default_factory=lambda: SINGLE + unique_name())

    def finished(self, measured: Measured) -> RunRecord:
        """File a run that was measured to its end; raises TrackError when only MLflow refuses it."""
        times = [event.t for event in measured.events]
        versions = {f"version.{name}": version for name, version in measured.result.versions.items()}
        flags = "; ".join(filter(None, (flags_text(measured.energy), self._background_flag())))
        record = dataclasses.replace(
            self._record("finished", {"flags": flags} if flags else {}),
            start_ms=round(1000 * min(times)),
            end_ms=round(1000 * max(times)),
            metrics=run_metrics(measured.result, measured.energy, self.config.run.idle_power_w),
            series=run_series(measured.result, measured.energy, measured.events),
        )
        record = dataclasses.replace(record, params=record.params | versions)
        record.write()
        with self._later():
            windows = phase_windows(measured.events)
            draw_power(self.folder / POWER_FILE, measured.energy, windows, self.name, self.ready.meter.energy_kind)
            self._file(record)
        return record

    def failed(self, error: JoulebenchError) -> None:
        """File a run that could not be measured; its tag `error` says why.

        Where MLflow refuses it, that is noted on `error`, which is still what the user has to know first.
        """
        record = self._record("failed", {"error": str(error)})
        record.write()
        try:
            with self._later():
                self._file(record)
        except TrackError as unfiled:
            error.add_note(told(unfiled))

    @contextmanager
    def _later(self) -> Iterator[None]:
        """Note on what stops the filing how to do it later; a sweep does so itself at its end."""
        try:
            yield
        except (TrackError, KeyboardInterrupt) as error:
            if not self.config.run.sweep:
                command = filing_command(self.folder, self.config.tracking_uri)
                error.add_note(f"nothing is lost: {command} files the run")
            raise

    def _background_flag(self) -> str:
        busy = self.config.run.background_load
        if busy <= self.config.hardware.max_background_load:
            return ""
        return f"background_load: {background_text(busy, self.config)}"

    def _file(self, record: RunRecord) -> None:
        write_json(self.folder / ENVIRONMENT_FILE, dict(self.environment))
        open_store(self.config.tracking_uri).file_run(record, self.config.run.parent or None)

    def _record(self, status: Status, tags: dict[str, str]) -> RunRecord:
        meter = self.ready.meter
        params = flatten(dataclasses.asdict(self.config), leave_out=NOT_PARAMS)
        return RunRecord(
            name=self.name + ("" if meter.energy_kind == "measured" else f" ({meter.energy_kind})"),
            experiment=self.config.experiment,
            start_ms=round(1000 * self.begin_s),
            end_ms=round(1000 * time.time()),
            status=status,
            folder=self.folder,
            params=params | {"meter.name": meter.name} | dict(self.ready.facts),
            tags=self._tags(status) | tags,
        )

    @property
    def name(self) -> str:
        """Treatment, iteration and retry; in MLflow it also says if the energy was not measured."""
        return run_name(self.treatment, self.config.run.iteration or 1, self.config.run.attempt)

    @property
    def treatment(self) -> str:
        """What the run is called beside others: its treatment in the sweep, or its framework when it runs alone."""
        return self.config.run.treatment or self.config.framework.name

    def _tags(self, status: Status) -> dict[str, str]:
        run = self.config.run
        sweep = run.sweep or self.alone
        return {
            "framework": self.config.framework.name,
            "treatment": self.treatment,
            "iteration": str(run.iteration or 1),
            "position": str(run.position or 1),
            "sequence": str(run.sequence or 1),
            "sweep": sweep,
            "meter": self.ready.meter.name,
            "energy_kind": self.ready.meter.energy_kind,
            "status": status,
            "run_uid": f"{sweep}/{run.folder or slug(self.treatment)}",
        }


def filing_command(folder: Path, tracking_uri: str | None) -> str:
    """The command that files what lies in `folder` in the same store, to be copied into a shell."""
    store = f" --store {shlex.quote(tracking_uri)}" if tracking_uri else ""
    return f"`python -m src.track {shlex.quote(str(folder))}{store}`"


def refuse_used(folder: Path) -> None:
    """Raise ConfigError where another run has been measured in `folder`, which this one would overwrite."""
    if (folder / RECORD_FILE).exists():
        raise ConfigError(f"{folder} already holds a run; choose another folder with hydra.run.dir=DIR")
