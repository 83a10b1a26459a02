"""From what a run left behind to the record that is filed about it."""

from __future__ import annotations

import dataclasses
import functools
import json
import shlex
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from omegaconf import OmegaConf

from src.config.schema import FIXED, Config, ProtocolConfig
from src.contract.flags import Flag
from src.contract.job import JOB_FILE, Job
from src.contract.json_files import ContractError, read_object, take, write_json, write_text
from src.contract.plan_file import Slot, Treatment
from src.contract.record import (
    DRAFT_FILE,
    ENERGY_FILE,
    IDLE_BASELINE,
    RECORD_FILE,
    RunRecord,
    Status,
    flatten,
    run_name,
)
from src.doctor.host import machine_name
from src.errors import JoulebenchError, MeterError, RunError
from src.figures.run_power import MAX_STEPS, draw_power
from src.measure.disturbed import REPEATED
from src.measure.launch import Ending
from src.measure.meters.remarks import Remarks
from src.measure.meters.select import Meter
from src.measure.run import Measured, read_measured
from src.measure.run_metrics import IdleBaseline, numbers_of, phases_of, run_series
from src.measure.system_series import system_series
from src.paths import ROOT
from src.plan.sweep_plan import plain
from src.protocol.machine import background_text
from src.protocol.provenance import file_hash, provenance
from src.protocol.ready import Ready
from src.public import password_from, public
from src.workloads.command.command_line import KIND as COMMAND
from src.workloads.command.command_line import CommandConfig

CONFIG_FILE = "config.yaml"
ENVIRONMENT_FILE = "environment.json"
POWER_FILE = "power.png"
ENERGY_COLUMNS = "energy.columns"
"""Parameter of a run: the columns of its recording that its energy adds up."""
RECOVERED = Flag(
    "recovered", "the sweep was killed before this run had its record; what else the machine did beside it is not known"
)
NOT_PARAMS = (
    *("tracking_uri", "experiment", "resume", "dry_run", "analysis", "track"),
    *("protocol.allow_concurrent", "protocol.preflight"),
    *("framework.environment", "framework.requirements", "framework.trainer", "framework.packages"),
    *("dataset.files", "dataset.mirrors", "dataset.cache", "dataset.path", "dataset.connect_timeout_s"),
)
"""What says nothing about the work or how it was measured, or stands in the tags already; config.yaml has it all."""
OF_COMMANDS = tuple(f"workload.{entry.name}" for entry in dataclasses.fields(CommandConfig))
"""What only commands heed."""


@dataclass(frozen=True)
class Draft:
    """A run's record as far as it is known before the run, from which a run that lost its record gets another one.

    It lies in the run's folder until the record is there.
    """

    record: RunRecord
    meter: Meter
    idle: IdleBaseline | None

    def write(self) -> None:
        """Write it beside the run's files, hidden."""
        values = {"record": self.record.plain(), "meter": dataclasses.asdict(self.meter)}
        idle = dataclasses.asdict(self.idle) if self.idle else None
        write_json(self.record.folder / DRAFT_FILE, {**values, "idle": idle})

    @classmethod
    def read(cls, folder: Path) -> Self:
        """The draft in a run's folder; raises ContractError."""
        path = folder / DRAFT_FILE
        values = read_object(path)
        record = RunRecord.of(take(values, "record", dict, str(path)), folder, path)
        known = take(values, "meter", dict, str(path))
        try:
            meter = _meter_of(known)
            idle = values["idle"] and IdleBaseline(**values["idle"])
        except (TypeError, KeyError) as error:
            raise ContractError(f"{path} names no meter or no baseline ({error})") from error
        return cls(record, meter, idle)

    def finished(self, measured: Measured, is_last: bool) -> RunRecord:
        """The record of the measured run, written with its picture."""
        times = [event.t for event in measured.events]
        versions = measured.outcome.facts.get("versions", {})
        phases = phases_of(measured.windows)
        metrics, described = numbers_of(measured, self.idle)
        record = dataclasses.replace(
            self.record,
            start_ms=round(1000 * min(times)),
            end_ms=round(1000 * max(times)),
            flags=(*measured.energy.flags, *self.record.flags),
            metrics=metrics | self.record.metrics,
            described=described,
            windows=phases,
            series=run_series(measured.outcome, measured.energy, measured.events)
            | system_series(measured.folder / ENERGY_FILE, (min(times), max(times)), self.meter.hidden_gpus),
            tags=self.record.tags | other_meters(self.meter, measured),
            params=self.record.params
            | {ENERGY_COLUMNS: ", ".join(measured.energy.columns)}
            | {f"version.{name}": str(version) for name, version in versions.items()},
        )
        why = [flag.text for flag in record.flags if flag.code in REPEATED]
        if why and not is_last:
            reason = "disturbed, and measured again: " + "; ".join(why)
            tags = record.tags | {"status": "disturbed", "error": reason}
            record = dataclasses.replace(record, status="disturbed", tags=tags)
        draw_power(record.folder / POWER_FILE, measured.energy.trace.thinned(MAX_STEPS), phases, record)
        return _written(record)


def _meter_of(known: Mapping[str, Any]) -> Meter:
    """A meter as JSON has it; one of before there were others beside it has none."""
    lists = {name: tuple(value) for name, value in known.items() if isinstance(value, list)}
    said = known["remarks"]
    remarks = Remarks(tuple(Flag.of(flag) for flag in said["flags"]), tuple(said["left_out"]))
    also = tuple(map(_meter_of, known.get("also", ())))
    return Meter(**{**known, **lists, "remarks": remarks, "also": also})


def other_meters(meter: Meter, measured: Measured) -> dict[str, str]:
    """How each meter beside the first one knows its energy, and which columns it adds up, as tags."""
    kinds = {f"energy_kind.{other.name}": other.energy_kind for other in meter.also if other.name in measured.beside}
    columns = {f"energy_columns.{name}": ", ".join(energy.columns) for name, energy in measured.beside.items()}
    return {**kinds, **columns}


def _written(record: RunRecord) -> RunRecord:
    """The record comes last: what has one has all its files, and none is written twice."""
    record.write()
    (record.folder / DRAFT_FILE).unlink(missing_ok=True)
    return record


def recovered(folder: Path) -> RunRecord | None:
    """The record of a run that was measured to its end when its sweep was killed, written; None where it was not.

    What the rest of the machine did beside it is not known any more, which a flag says.
    """
    if (folder / RECORD_FILE).exists() or not (folder / DRAFT_FILE).exists():
        return None
    try:
        draft = Draft.read(folder)
        measured = read_measured(draft.meter, Job.read(folder / JOB_FILE), folder, Ending("exit", 0, ()))
    except (ContractError, MeterError, RunError):
        return None
    record = dataclasses.replace(draft.record, flags=(*draft.record.flags, RECOVERED))
    return dataclasses.replace(draft, record=record).finished(measured, is_last=True)


@dataclass(frozen=True)
class Filing:
    """One run's place in its sweep and what is known before it, from which its record is made.

    `idle` is the power at rest that its net energy is above; `background_load` and the metrics `before_block` are of
    when the machine was last looked at, `rest_flags` of the end of the rest before the run; `begin_s` is when it began,
    in seconds since the epoch.
    """

    config: Config
    sweep: str
    treatment: Treatment
    slot: Slot
    attempt: int
    folder: Path
    ready: Ready
    environment: Mapping[str, str]
    idle: IdleBaseline | None = None
    background_load: float = 0.0
    before_block: Mapping[str, float] = field(default_factory=dict)
    rest_flags: tuple[Flag, ...] = ()
    begin_s: float = field(default_factory=time.time)

    def begin(self) -> None:
        """Write what is known before the run, so that whatever ends it, its folder tells what it was."""
        self.folder.mkdir(parents=True, exist_ok=True)
        write_text(self.folder / CONFIG_FILE, _as_yaml(json.dumps(plain(self.config))))
        write_json(self.folder / ENVIRONMENT_FILE, dict(self.environment))
        self.draft().write()

    def draft(self) -> Draft:
        """What the record of this run is made from, once it is measured."""
        record = self._record("finished")
        record = dataclasses.replace(
            record,
            flags=(*self._background_flags(), *self.rest_flags),
            metrics=dict(self.before_block),
            tags=record.tags | ({IDLE_BASELINE: self.idle.measured} if self.idle else {}),
        )
        return Draft(record, self.ready.meter, self.idle)

    def finished(self, measured: Measured, is_last: bool = True) -> RunRecord:
        """The record of a run that was measured to its end, written with its picture.

        One that was disturbed does not count, unless it `is_last` to be tried in its place.
        """
        return self.draft().finished(measured, is_last)

    def failed(self, error: JoulebenchError) -> RunRecord:
        """The record of a run that could not be measured, written; its tag `error` says why."""
        record = self._record("failed")
        record = dataclasses.replace(record, tags=record.tags | {"error": str(error)})
        return _written(record)

    def _background_flags(self) -> list[Flag]:
        if self.background_load <= self.config.hardware.max_background_load:
            return []
        return [Flag("background_load", background_text(self.background_load, self.config), grave=True)]

    def _record(self, status: Status) -> RunRecord:
        meter = self.ready.meter
        others = () if self.config.workload.kind == COMMAND else OF_COMMANDS
        unheeded = (*self.ready.work.unheeded, *others, *_of_fixed(self.config.protocol))
        params = flatten(plain(self.config), leave_out=(*NOT_PARAMS, *unheeded))
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
            with_model=self.config.track.model,
        )

    @property
    def name(self) -> str:
        """Treatment, iteration and retry; in MLflow it also says if the energy was not measured."""
        return run_name(self.treatment.label, self.slot.iteration, self.attempt)

    def _tags(self, status: Status) -> dict[str, str]:
        framework = {"framework": self.config.framework.name} if self.config.framework else {}
        lock = {"lock_sha256": file_hash(ROOT / self.config.framework.requirements)} if self.config.framework else {}
        return (
            dict(self.config.track.tags)
            | framework
            | lock
            | provenance().tags
            | {
                "treatment": self.treatment.label,
                "iteration": str(self.slot.iteration),
                "position": str(self.slot.position),
                "sequence": str(self.slot.sequence),
                "sweep": self.sweep,
                "machine": machine_name(),
                "meter": self.ready.meter.name,
                "energy_kind": self.ready.meter.energy_kind,
                "status": status,
                "run_uid": f"{self.sweep}/{self.folder.name}",
            }
        )


def _of_fixed(protocol: ProtocolConfig) -> Iterator[str]:
    """What nothing heeds in a fixed warm-up or rest; runs of earlier versions had no others, and do not tell it."""
    if protocol.warmup == FIXED:
        yield from ("protocol.warmup", "protocol.warmup_minimum_s")
    if protocol.rest == FIXED:
        yield from ("protocol.rest", "protocol.rest_margin_c", "protocol.rest_max_s")


@functools.cache
def _as_yaml(config: str) -> str:
    """A configuration in JSON as YAML; once a treatment, as PyYAML is slow."""
    return OmegaConf.to_yaml(OmegaConf.create(json.loads(config)))


def filing_command(folder: Path, tracking_uri: str | None) -> str:
    """The command that files what lies in `folder` in the same store, to be copied into a shell."""
    store = f" --store {shlex.quote(public(tracking_uri))}" if tracking_uri else ""
    hint = password_from(tracking_uri)
    return f"`python -m src.track {shlex.quote(str(folder))}{store}`" + (f" ({hint})" if hint else "")
