"""The plan of a sweep: which treatments, with which checked configurations, in which order."""

from __future__ import annotations

import dataclasses
import json
import uuid
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from src.config.check import check
from src.config.schema import Config
from src.contract.commands import override
from src.contract.plan_file import PLAN_FILE, PlanFile, Slot, Treatment
from src.contract.record import RECORD_FILE
from src.errors import ConfigError
from src.plan.schedule import schedule
from src.plan.treatments import labelled, slug
from src.public import public, public_values

SHARED_KEYS = ("experiment", "tracking_uri", "resume", "analysis")
"""Parts of the configuration that belong to the sweep, so that all its treatments must agree on them ..."""
SHARED_PROTOCOL_KEYS = (
    "iterations", "stop", "minimum_iterations", "precision_percent", "order", "seed", "warmup_s", "baseline_s",
    "retries", "allow_concurrent",
)  # fmt: skip
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
    def iterations(self) -> int:
        """How many blocks there are."""
        return max(slot.iteration for slot in self.slots)

    def label(self, slot: Slot) -> str:
        """The treatment's label of a slot."""
        return self.treatments[slot.treatment].label

    def folder(self, slot: Slot, attempt: int) -> str:
        """The run's folder below the sweep's."""
        retry = f"-retry{attempt}" if attempt else ""
        return f"{slot.sequence:04d}-{slug(self.label(slot))}{retry}"

    def write(self, folder: Path) -> None:
        """Write plan.json into the sweep's folder; raises ConfigError where a plan or a run lies there already."""
        self.refuse_taken(folder)
        folder.mkdir(parents=True, exist_ok=True)
        self.rewrite(folder)

    @staticmethod
    def refuse_taken(folder: Path) -> None:
        """Raise ConfigError where a plan or a run lies in the folder already."""
        for name, what in ((PLAN_FILE, "sweep"), (RECORD_FILE, "run")):
            if (folder / name).exists():
                raise ConfigError(
                    f"{folder} already holds a {what}; choose another folder with hydra.sweep.dir=DIR (without -m: "
                    f"hydra.run.dir=DIR), or go on with a stopped sweep: {override('resume', str(folder))}"
                )

    def rewrite(self, folder: Path) -> None:
        """Write plan.json over that of the same sweep."""
        configs = tuple(plain(config) for config in self.configs)
        PlanFile(self.sweep, self.treatments, self.slots, configs).write(folder)


def plain(config: Config) -> dict[str, Any]:
    """The configuration as JSON takes it, without passwords."""
    values: dict[str, Any] = public_values(json.loads(json.dumps(dataclasses.asdict(config))))
    return values


def unique_name() -> str:
    """A name for a sweep that begins now, e.g. `2026-03-01_14-05-59_1f0c`."""
    return f"{datetime.now():%Y-%m-%d_%H-%M-%S}_{uuid.uuid4().hex[:4]}"


def make_plan(
    sweep: str, treatments: Sequence[Treatment], configs: Sequence[Config], iterations: int | None = None
) -> SweepPlan:
    """Plan the sweep, each configuration checked; `iterations` overrules the protocol's, for a run alone.

    Raises ConfigError for what cannot be run, and where treatments disagree on what they must share.
    """
    for config, treatment in zip(configs, treatments, strict=True):
        check(config)
        _refuse_disagreement(configs[0], config, treatment)
    protocol = configs[0].protocol
    slots = schedule(len(treatments), iterations or protocol.iterations, protocol.order, protocol.seed)
    named = [_public(treatment) for treatment in labelled(treatments, configs)]
    _refuse_equal_labels(named)
    return SweepPlan(sweep, tuple(named), tuple(configs), tuple(slots))


def _public(treatment: Treatment) -> Treatment:
    """It is written into the plan, and its words into the report."""
    overrides = tuple(public(word) for word in treatment.overrides)
    return dataclasses.replace(treatment, label=public(treatment.label), overrides=overrides)


def _refuse_equal_labels(treatments: Sequence[Treatment]) -> None:
    repeated = [label for label, count in Counter(t.label for t in treatments).items() if count > 1]
    if repeated:
        raise ConfigError(f"several treatments are called '{repeated[0]}'; give each its own workload.name")


def _refuse_disagreement(first: Config, other: Config, treatment: Treatment) -> None:
    pairs = [(key, getattr(first, key), getattr(other, key)) for key in SHARED_KEYS]
    pairs += [
        (f"protocol.{key}", getattr(first.protocol, key), getattr(other.protocol, key)) for key in SHARED_PROTOCOL_KEYS
    ]
    for key, here, there in pairs:
        if here != there:
            named = " ".join(f"{factor}={value}" for factor, value in treatment.factors.items())
            raise ConfigError(
                f"{key} differs between treatments ('{named}'), but it belongs to the whole sweep; "
                f"give it one value, or start one sweep for each"
            )
