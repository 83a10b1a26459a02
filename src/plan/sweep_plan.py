"""The plan of a sweep: which treatments, in which order; written to disk before anything is measured."""

from __future__ import annotations

import dataclasses
import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from pathlib import Path
from typing import Any

from hydra.core.override_parser.types import Quote, QuotedString

from src.config.schema import Config
from src.contract.json_files import write_json
from src.errors import ConfigError
from src.plan.schedule import Slot, schedule
from src.plan.treatments import Treatment, slug

PLAN_FILE = "plan.json"
VERSION = 1

SHARED_KEYS = ("experiment", "tracking_uri", "run", "analysis")
"""Parts of the configuration that belong to the sweep, so that all its treatments must agree on them ..."""
SHARED_PROTOCOL_KEYS = ("iterations", "order", "seed", "warmup_s", "baseline_s", "retries")
"""... and the same within `protocol`; its other keys may be a treatment's own."""


@dataclass(frozen=True)
class SweepPlan:
    """Treatments with their checked configurations (same indices), and the slots in the order they run."""

    sweep: str
    treatments: tuple[Treatment, ...]
    configs: tuple[Config, ...]
    slots: tuple[Slot, ...]

    @property
    def shared(self) -> Config:
        """A configuration to read what all treatments agree on."""
        return self.configs[0]

    @property
    def blocks(self) -> list[list[Slot]]:
        """The slots, one list a block."""
        return [list(block) for _, block in groupby(self.slots, key=lambda slot: slot.iteration)]

    def label(self, slot: Slot) -> str:
        """The treatment's label of a slot."""
        return self.treatments[slot.treatment].label

    def folder(self, slot: Slot, attempt: int) -> str:
        """The run's folder below the sweep's."""
        retry = f"-retry{attempt}" if attempt else ""
        return f"{slot.sequence:04d}-{slug(self.label(slot))}{retry}"

    def overrides(self, slot: Slot, attempt: int, extra: Mapping[str, Any]) -> list[str]:
        """The command-line overrides that make the run of a slot."""
        place: dict[str, Any] = {
            "sweep": _quoted(self.sweep),
            "treatment": _quoted(self.label(slot)),
            "iteration": slot.iteration,
            "position": slot.position,
            "sequence": slot.sequence,
            "attempt": attempt,
            "folder": _quoted(self.folder(slot, attempt)),
        }
        run = [f"run.{key}={value}" for key, value in place.items()]
        return [*self.treatments[slot.treatment].overrides, *run, *(f"{k}={v}" for k, v in extra.items())]

    def write(self, folder: Path) -> None:
        """Write plan.json into the sweep's folder; raises ConfigError where another sweep's plan lies there."""
        path = folder / PLAN_FILE
        if path.exists():
            raise ConfigError(f"{folder} already holds a sweep; choose another folder with hydra.sweep.dir=DIR")
        folder.mkdir(parents=True, exist_ok=True)
        write_json(
            path,
            {
                "version": VERSION,
                "sweep": self.sweep,
                "treatments": [dataclasses.asdict(t) for t in self.treatments],
                "slots": [dataclasses.asdict(s) for s in self.slots],
            },
        )


def unique_name() -> str:
    """A name for a sweep that begins now, e.g. `2026-03-01_14-05-59_1f0c`."""
    return f"{datetime.now():%Y-%m-%d_%H-%M-%S}_{uuid.uuid4().hex[:4]}"


def planned_runs(folder: Path) -> int | None:
    """How many runs the plan in a sweep's folder has; None where there is no plan that can be read."""
    try:
        return len(json.loads((folder / PLAN_FILE).read_text(encoding="utf-8"))["slots"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def make_plan(sweep: str, treatments: Sequence[Treatment], configs: Sequence[Config]) -> SweepPlan:
    """Plan the sweep; raises ConfigError where the treatments disagree on what they must share."""
    for config, treatment in zip(configs, treatments, strict=True):
        _refuse_disagreement(configs[0], config, treatment)
    protocol = configs[0].protocol
    slots = schedule(len(treatments), protocol.iterations, protocol.order, protocol.seed)
    labelled = tuple(
        dataclasses.replace(t, label=t.label or c.framework.name) for t, c in zip(treatments, configs, strict=True)
    )
    return SweepPlan(sweep, labelled, tuple(configs), tuple(slots))


def _refuse_disagreement(first: Config, other: Config, treatment: Treatment) -> None:
    pairs = [(key, getattr(first, key), getattr(other, key)) for key in SHARED_KEYS]
    pairs += [
        (f"protocol.{key}", getattr(first.protocol, key), getattr(other.protocol, key)) for key in SHARED_PROTOCOL_KEYS
    ]
    for key, here, there in pairs:
        if here != there:
            raise ConfigError(
                f"{key} differs between treatments ('{treatment.label}'), but it belongs to the whole sweep; "
                f"give it one value, or start one sweep for each"
            )


def _quoted(text: str) -> str:
    return QuotedString(text=text, quote=Quote.single).with_quotes()
