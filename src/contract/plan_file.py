"""plan.json: what a sweep is to measure, in which order; the truth that a stopped sweep goes on from."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any, Self

from src.contract.json_files import ContractError, read_object, take, texts, write_json

PLAN_FILE = "plan.json"
VERSION = 2


@dataclass(frozen=True)
class Treatment:
    """What is compared: its label for people, the overrides that make it, and the `factors` that set it apart.

    A factor is a key that the sweep goes over and this treatment's value of it, as text.
    """

    label: str
    overrides: tuple[str, ...] = ()
    factors: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Slot:
    """One planned run: `treatment` is an index; iteration (the block), position in it and sequence count from 1.

    `share` says which machine measures it, counted from 1.
    """

    sequence: int
    iteration: int
    position: int
    treatment: int
    share: int = 1


@dataclass(frozen=True)
class PlanFile:
    """Treatments with their whole configurations (same indices), and the slots in the order they run.

    Of several sweeps that one command line asks for it is the `number`th. One that needed no more than its first
    `enough` blocks to know enough ended there. Plans of before this version have no
    configurations, and treatments without factors.
    """

    sweep: str
    treatments: tuple[Treatment, ...]
    slots: tuple[Slot, ...]
    configs: tuple[dict[str, Any], ...] = ()
    number: int = 1
    enough: int | None = None

    @property
    def asked(self) -> int:
        """How many runs it needs."""
        return sum(self.enough is None or slot.iteration <= self.enough for slot in self.slots)

    def write(self, folder: Path) -> None:
        """Write plan.json into the sweep's folder, atomically."""
        write_json(folder / PLAN_FILE, {"version": VERSION, **dataclasses.asdict(self)})

    @classmethod
    def read(cls, folder: Path) -> Self:
        """The plan in a sweep's folder, of version 1 too; raises ContractError where none is whole."""
        path = folder / PLAN_FILE
        values = read_object(path)
        if values.get("version") not in (1, VERSION):
            raise ContractError(f"{path} is of version {values.get('version')!r:.20}, which this project cannot read")
        treatments = [_treatment(each, path) for each in take(values, "treatments", list, str(path))]
        slots = [_slot(each, len(treatments), path) for each in take(values, "slots", list, str(path))]
        configs = take({"configs": [], **values}, "configs", list, str(path))
        if not slots:
            raise ContractError(f"{path} plans no run")
        for config in configs:
            if not isinstance(config, dict):
                raise ContractError(f"{path}: a configuration is {config!r:.80}, not an object")
        number = take({"number": 1, **values}, "number", int, str(path))
        enough = values.get("enough")
        if enough is not None and not isinstance(enough, int):
            raise ContractError(f"{path}: `enough` is {enough!r:.80}, not a number of blocks")
        sweep = take(values, "sweep", str, str(path))
        return cls(sweep, tuple(treatments), tuple(slots), tuple(configs), number, enough)


def blocks(slots: Iterable[Slot]) -> list[list[Slot]]:
    """The slots, one list a block, in their order."""
    return [list(block) for _, block in groupby(slots, key=lambda slot: slot.iteration)]


def _treatment(values: Any, path: Path) -> Treatment:
    if not isinstance(values, dict):
        raise ContractError(f"{path}: a treatment is {values!r:.80}, not an object")
    overrides = texts(values.get("overrides"), f"{path}: `overrides`")
    factors = take({"factors": {}, **values}, "factors", dict, str(path))
    texts(list(factors.values()), f"{path}: `factors`")
    return Treatment(take(values, "label", str, str(path)), tuple(overrides), factors)


def _slot(values: Any, treatments: int, path: Path) -> Slot:
    if not isinstance(values, dict):
        raise ContractError(f"{path}: a slot is {values!r:.80}, not an object")
    names = ("sequence", "iteration", "position", "treatment", "share")
    slot = Slot(**{name: take({"share": 1, **values}, name, int, str(path)) for name in names})
    if not 0 <= slot.treatment < treatments:
        raise ContractError(f"{path}: slot {slot.sequence} names treatment {slot.treatment}, which is not there")
    return slot
