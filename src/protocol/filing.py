"""From what a run left behind to the record that is filed about it."""

from __future__ import annotations

import dataclasses
import functools
import json
import shlex
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from omegaconf import OmegaConf

from src.config.schema import Config
from src.contract.flags import Flag
from src.contract.json_files import write_json, write_text
from src.contract.plan_file import Slot, Treatment
from src.contract.record import RunRecord, Status, flatten, run_name
from src.errors import JoulebenchError
from src.figures.run_power import MAX_STEPS, draw_power
from src.measure.run import Measured
from src.measure.run_metrics import numbers_of, phases_of, run_series
from src.plan.sweep_plan import plain
from src.protocol.machine import background_text
from src.protocol.ready import Ready
from src.public import password_from, public
from src.workloads.command.command_line import KIND as COMMAND
from src.workloads.command.command_line import CommandConfig

CONFIG_FILE = "config.yaml"
ENVIRONMENT_FILE = "environment.json"
POWER_FILE = "power.png"
NOT_PARAMS = (
    *("tracking_uri", "experiment", "resume", "analysis", "protocol.allow_concurrent"),
    *("framework.environment", "framework.requirements", "framework.trainer", "framework.packages"),
    *("dataset.files", "dataset.mirrors", "dataset.cache", "dataset.path", "dataset.connect_timeout_s"),
)
"""What says nothing about the work or how it was measured, or stands in the tags already; config.yaml has it all."""
OF_COMMANDS = tuple(f"workload.{entry.name}" for entry in dataclasses.fields(CommandConfig))
"""What only commands heed."""


@dataclass(frozen=True)
class Filing:
    """One run's place in its sweep and what is known before it, from which its record is made.

    `idle_power_w` is of the machine before the first run, `background_load` and the metrics `before_block` of when it
    was last looked at; `begin_s` is when this one began, in seconds since the epoch.
    """

    config: Config
    sweep: str
    treatment: Treatment
    slot: Slot
    attempt: int
    folder: Path
    ready: Ready
    environment: Mapping[str, str]
    idle_power_w: float | None = None
    background_load: float = 0.0
    before_block: Mapping[str, float] = field(default_factory=dict)
    begin_s: float = field(default_factory=time.time)

    def begin(self) -> None:
        """Write what is known before the run, so that whatever ends it, its folder tells what it was."""
        self.folder.mkdir(parents=True, exist_ok=True)
        write_text(self.folder / CONFIG_FILE, _as_yaml(json.dumps(plain(self.config))))
        write_json(self.folder / ENVIRONMENT_FILE, dict(self.environment))

    def finished(self, measured: Measured) -> RunRecord:
        """The record of a run that was measured to its end, written with its picture."""
        times = [event.t for event in measured.events]
        versions = measured.outcome.facts.get("versions", {})
        phases = phases_of(measured.windows)
        metrics, described = numbers_of(measured, self.idle_power_w)
        record = dataclasses.replace(
            self._record("finished"),
            start_ms=round(1000 * min(times)),
            end_ms=round(1000 * max(times)),
            flags=(*measured.energy.flags, *self._background_flags()),
            metrics=metrics | dict(self.before_block),
            described=described,
            windows=phases,
            series=run_series(measured.outcome, measured.energy, measured.events),
        )
        record = dataclasses.replace(
            record, params=record.params | {f"version.{name}": str(version) for name, version in versions.items()}
        )
        draw_power(self.folder / POWER_FILE, measured.energy.trace.thinned(MAX_STEPS), phases, record)
        record.write()
        return record

    def disturbed(self, record: RunRecord, why: Sequence[Flag]) -> RunRecord:
        """The record of a run that will be measured again in the same place, written; its tag `error` says why."""
        reason = "disturbed, and measured again: " + "; ".join(flag.text for flag in why)
        tags = record.tags | {"status": "disturbed", "error": reason}
        record = dataclasses.replace(record, status="disturbed", tags=tags)
        record.write()
        return record

    def failed(self, error: JoulebenchError) -> RunRecord:
        """The record of a run that could not be measured, written; its tag `error` says why."""
        record = self._record("failed")
        record = dataclasses.replace(record, tags=record.tags | {"error": str(error)})
        record.write()
        return record

    def _background_flags(self) -> list[Flag]:
        if self.background_load <= self.config.hardware.max_background_load:
            return []
        return [Flag("background_load", background_text(self.background_load, self.config), grave=True)]

    def _record(self, status: Status) -> RunRecord:
        meter = self.ready.meter
        others = () if self.config.workload.kind == COMMAND else OF_COMMANDS
        params = flatten(plain(self.config), leave_out=(*NOT_PARAMS, *self.ready.work.unheeded, *others))
        return RunRecord(
            name=self.name + ("" if meter.energy_kind == "measured" else f" ({meter.energy_kind})"),
            experiment=self.config.experiment,
            start_ms=round(1000 * self.begin_s),
            end_ms=round(1000 * time.time()),
            status=status,
            folder=self.folder,
            params=params | {"meter.name": meter.name} | dict(self.ready.facts),
            tags=self._tags(status),
            factors=self.treatment.factors,
        )

    @property
    def name(self) -> str:
        """Treatment, iteration and retry; in MLflow it also says if the energy was not measured."""
        return run_name(self.treatment.label, self.slot.iteration, self.attempt)

    def _tags(self, status: Status) -> dict[str, str]:
        framework = {"framework": self.config.framework.name} if self.config.framework else {}
        return framework | {
            "treatment": self.treatment.label,
            "iteration": str(self.slot.iteration),
            "position": str(self.slot.position),
            "sequence": str(self.slot.sequence),
            "sweep": self.sweep,
            "meter": self.ready.meter.name,
            "energy_kind": self.ready.meter.energy_kind,
            "status": status,
            "run_uid": f"{self.sweep}/{self.folder.name}",
        }


@functools.cache
def _as_yaml(config: str) -> str:
    """A configuration in JSON as YAML; once a treatment, as PyYAML is slow."""
    return OmegaConf.to_yaml(OmegaConf.create(json.loads(config)))


def filing_command(folder: Path, tracking_uri: str | None) -> str:
    """The command that files what lies in `folder` in the same store, to be copied into a shell."""
    store = f" --store {shlex.quote(public(tracking_uri))}" if tracking_uri else ""
    hint = password_from(tracking_uri)
    return f"`python -m src.track {shlex.quote(str(folder))}{store}`" + (f" ({hint})" if hint else "")
