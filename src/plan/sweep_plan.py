"""The plan of a sweep: which treatments, with which checked configurations, in which order."""

from __future__ import annotations

import dataclasses
import json
import re
import uuid
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from src.config.check import check
from src.config.schema import PRECISION, Config, ProtocolConfig
from src.contract.commands import override
from src.contract.plan_file import PLAN_FILE, PlanFile, Slot, Treatment
from src.contract.record import RECORD_FILE
from src.errors import ConfigError
from src.plan.schedule import deal, schedule
from src.plan.treatments import labelled, slug
from src.public import public, public_values

SHARED_KEYS = ("experiment", "tracking_uri", "resume", "dry_run", "analysis", "track")
"""Parts of the configuration that belong to the sweep, so that all its treatments must agree on them ..."""
SHARED_PROTOCOL_KEYS = (
    "iterations", "stop", "minimum_iterations", "precision_percent", "order", "seed", "warmup_s", "warmup",
    "warmup_minimum_s", "baseline_s", "rest", "rest_margin_c", "rest_max_s", "retries", "allow_concurrent", "machines",
    "share", "sweeps", "reboot",
)  # fmt: skip
"""... and the same within `protocol`; its other keys may be a treatment's own."""


@dataclass(frozen=True)
class SweepPlan:
    """Treatments with their checked configurations (same indices), and the slots in the order they run.

    It is the `number`th sweep of its command line. Where it ended early, its first `enough` blocks told enough.
    """

    sweep: str
    treatments: tuple[Treatment, ...]
    configs: tuple[Config, ...]
    slots: tuple[Slot, ...]
    number: int = 1
    enough: int | None = None

    @property
    def shared(self) -> Config:
        """A configuration to read what all treatments agree on."""
        return self.configs[0]

    @property
    def iterations(self) -> int:
        """How many blocks there are, on all machines."""
        return max(slot.iteration for slot in self.slots)

    @property
    def blocks(self) -> int:
        """How many of them this plan holds."""
        return len({slot.iteration for slot in self.slots})

    @property
    def asked(self) -> tuple[Slot, ...]:
        """The slots that are needed."""
        return tuple(slot for slot in self.slots if self.enough is None or slot.iteration <= self.enough)

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
        PlanFile(self.sweep, self.treatments, self.slots, configs, self.number, self.enough).write(folder)


def plain(config: Config) -> dict[str, Any]:
    """The configuration as JSON takes it, without passwords."""
    values: dict[str, Any] = public_values(json.loads(json.dumps(dataclasses.asdict(config))))
    return values


def unique_name() -> str:
    """A name for a sweep that begins now, e.g. `2026-03-01_14-05-59_1f0c`."""
    return f"{datetime.now():%Y-%m-%d_%H-%M-%S}_{uuid.uuid4().hex[:4]}"


def make_plan(
    sweep: str,
    treatments: Sequence[Treatment],
    configs: Sequence[Config],
    iterations: int | None = None,
) -> SweepPlan:
    """Plan the first sweep, each configuration checked; `iterations` overrules the protocol's, for a run alone.

    Raises ConfigError for what cannot be run, and where treatments disagree on what they must share.
    """
    for config, treatment in zip(configs, treatments, strict=True):
        check(config)
        _refuse_disagreement(configs[0], config, treatment)
    _refuse_shares(configs[0].protocol, iterations or configs[0].protocol.iterations)
    named = [_public(treatment) for treatment in labelled(treatments, configs)]
    _refuse_equal_labels(named)
    return numbered(SweepPlan(sweep, tuple(named), tuple(configs), ()), 1, iterations)


def numbered(plan: SweepPlan, number: int, iterations: int | None = None) -> SweepPlan:
    """The `number`th sweep of the same command line: in an order of its own, with a name that tells it from the first.

    Its blocks are dealt to the machines that share them, or only those that this machine measures are kept.
    """
    protocol = plan.shared.protocol
    seed = protocol.seed + number - 1
    slots = schedule(len(plan.treatments), iterations or protocol.iterations, protocol.order, seed)
    own, shares = _share(protocol)
    slots = deal(slots, shares)
    kept = [slot for slot in slots if own in (None, slot.share)]
    name = plan.sweep if number == 1 else f"{plan.sweep}_{number}"
    return dataclasses.replace(plan, sweep=name, slots=tuple(kept), number=number)


def _share(protocol: ProtocolConfig) -> tuple[int | None, int]:
    """Which share this machine measures alone, if it is told so, and of how many."""
    if protocol.share is None:
        return None, protocol.machines
    found = re.fullmatch(r"([1-9]\d{0,5})/([1-9]\d{0,5})", protocol.share)
    if found is None or int(found[1]) > int(found[2]):
        raise ConfigError(
            f"protocol.share={protocol.share}: must be like 2/4, the second of four shares; start 1/4 to 4/4 on one "
            "machine each"
        )
    return int(found[1]), int(found[2])


def _refuse_shares(protocol: ProtocolConfig, iterations: int) -> None:
    """Raise ConfigError for shares that cannot be dealt, or do not go with the rest of the protocol."""
    own, shares = _share(protocol)
    key = "protocol.machines" if own is None else "protocol.share"
    value = shares if own is None else protocol.share
    if own is not None and protocol.machines > 1:
        raise ConfigError("protocol.share and protocol.machines: the one is by hand, the other for a cluster; take one")
    if shares > iterations:
        raise ConfigError(
            f"{key}={value}: with protocol.iterations={iterations} some get no block; take fewer machines, or "
            "more protocol.iterations"
        )
    if shares > 1 and protocol.stop == PRECISION:
        raise ConfigError(
            f"protocol.stop={PRECISION}: no machine sees the others' blocks, so none can tell whether enough is known; "
            f"leave it or {key} out"
        )
    if protocol.machines > 1 and protocol.sweeps > 1:
        raise ConfigError(
            "protocol.sweeps: each machine of a cluster measures its share once; take 1, and start the command again"
        )


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
            example = "as in experiment=NAME, " if key == "experiment" else ""
            raise ConfigError(
                f"{key} differs between treatments ('{named}'), but it belongs to the whole sweep; "
                f"give it one value, {example}or start one sweep for each"
            )
