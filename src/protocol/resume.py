"""Going on with a sweep: the plan on disk is the truth; what is finished stays, the rest follows in its order."""

from __future__ import annotations

import dataclasses
import functools
import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args, get_type_hints

from omegaconf import MISSING

from src.config.schema import Config
from src.contract.json_files import ContractError
from src.contract.plan_file import PLAN_FILE, PlanFile, Slot
from src.contract.record import RECORD_FILE, RunRecord, flatten
from src.errors import ConfigError
from src.plan.sweep_plan import SweepPlan, numbered, plain
from src.protocol.filing import recovered

LATEST = "latest"
MAY_DIFFER = (
    *("analysis", "track", "tracking_uri", "resume", "dry_run", "protocol.iterations", "protocol.allow_concurrent"),
    *("protocol.machines", "protocol.sweeps", "protocol.reboot", "protocol.preflight"),
)
PLACES = ("multirun", "outputs")
"""Where sweeps lie that were given no folder of their own."""
DEPTHS = ("*/*", "*/*/sweep-*")
SHOWN = 6


@dataclass(frozen=True)
class Progress:
    """What a sweep has come to: its records, the slots that are left, and how often each of these was tried."""

    finished: list[RunRecord]
    failed: list[RunRecord]
    left: list[Slot]
    tried: dict[int, int]


def go_on(asked: SweepPlan, here: Path) -> tuple[SweepPlan, Path]:
    """The plan that is on disk, extended where more iterations are asked for, and its folder.

    Raises ConfigError where there is none, or where it was planned otherwise than `asked`.
    """
    folder = _folder(str(asked.shared.resume), asked.shared.experiment, here)
    old = _read_plan(folder)
    _refuse_differences(old, asked, folder)
    iterations = max(slot.iteration for slot in old.slots)
    if asked.iterations < iterations:
        raise ConfigError(
            f"protocol.iterations={asked.iterations}: the sweep in {folder} was planned with {iterations}; take at "
            "least that many"
        )
    asked = numbered(asked, old.number, None if asked.shared.protocol.share else asked.iterations)
    if [_place(slot) for slot in asked.slots[: len(old.slots)]] != [_place(slot) for slot in old.slots]:
        raise ConfigError(f"resume={folder}: its order cannot be continued by this version; begin a new sweep")
    slots = (*old.slots, *asked.slots[len(old.slots) :])
    return dataclasses.replace(
        asked, sweep=old.sweep, treatments=old.treatments, slots=slots, enough=old.enough
    ), folder


def _place(slot: Slot) -> Slot:
    """A slot without the share that measures it."""
    return dataclasses.replace(slot, share=1)


def _read_plan(folder: Path) -> PlanFile:
    try:
        plan = PlanFile.read(folder)
    except ContractError as error:
        raise ConfigError(f"resume={folder}: {error}") from error
    if len(plan.configs) != len(plan.treatments):
        raise ConfigError(
            f"resume={folder}: this sweep was begun by an earlier version, whose plan does not hold the configuration; "
            "it cannot be gone on with, but its runs stay"
        )
    return plan


def progress_of(plan: SweepPlan, folder: Path, recover: bool = True) -> Progress:
    """What is on disk of a plan; a run without a whole record is as good as not begun.

    With `recover`, one that was measured to its end gets its record; not where it may be measured right now.
    """
    finished, failed, left, tried = [], [], [], {}
    for slot in plan.asked:
        records = list(_attempts(plan, folder, slot, recover))
        done = [record for record in records if record.status == "finished"]
        finished += done[:1]
        failed += [record for record in records if record.status != "finished"]
        if not done:
            left.append(slot)
            tried[slot.sequence] = len(records)
    return Progress(finished, failed, left, tried)


def _attempts(plan: SweepPlan, folder: Path, slot: Slot, recover: bool) -> list[RunRecord]:
    """The records of a slot's tries, in their order, up to the first that has none and cannot get one any more."""
    records: list[RunRecord] = []
    folders = (folder / plan.folder(slot, attempt) for attempt in itertools.count())
    for run in folders:
        try:
            if not (run / RECORD_FILE).exists() and (not recover or recovered(run) is None):
                break
            records.append(RunRecord.read(run))
        except ContractError as error:
            raise ConfigError(f"{error}; or move that folder away, then the run is measured again") from error
    return records


def _folder(named: str, experiment: str, here: Path) -> Path:
    if named != LATEST:
        folder = here / Path(named).expanduser()
        if not (folder / PLAN_FILE).is_file():
            raise ConfigError(
                f"resume={named}: there is no {PLAN_FILE} in {folder}; name a sweep's folder, or {LATEST}"
            )
        return folder
    plans = [path for place in PLACES for depth in DEPTHS for path in (here / place).glob(f"{depth}/{PLAN_FILE}")]
    own = [path for path in sorted(plans, key=_age_s) if _experiment(path.parent) == experiment]
    if not own:
        raise ConfigError(
            f"resume={LATEST}: no sweep of experiment '{experiment}' lies in {' or '.join(PLACES)}; name its folder"
        )
    return own[0].parent


def _age_s(path: Path) -> float:
    return -path.stat().st_mtime


def _experiment(folder: Path) -> str | None:
    try:
        configs = PlanFile.read(folder).configs
    except ContractError:
        return None
    return str(configs[0].get("experiment")) if configs else None


def _refuse_differences(old: PlanFile, asked: SweepPlan, folder: Path) -> None:
    there, here = ([t.label for t in plan.treatments] for plan in (old, asked))
    if there != here:
        raise ConfigError(
            f"resume={folder}: that sweep compares {', '.join(there)}, this command line {', '.join(here)}; repeat its "
            "command line"
        )
    told = [
        f"{key} was {was} and is now {now} ({label})"
        for label, one, other in zip(there, old.configs, asked.configs, strict=True)
        for key, was, now in _differences(one, plain(other))
    ]
    if told:
        more = f"; and {len(told) - SHOWN} more" if len(told) > SHOWN else ""
        raise ConfigError(
            f"resume={folder}: that sweep was planned otherwise: {'; '.join(told[:SHOWN])}{more}. Repeat its "
            "command line, or begin a new sweep"
        )


def _differences(one: Mapping[str, Any], other: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """What differs; a key that the version of the first did not know yet had its default."""
    was, now = (flatten(values, leave_out=MAY_DIFFER) for values in (one, other))
    was = {key: value for key, value in _defaults().items() if key in now and not _knows(one, key)} | was
    return [
        (key, was.get(key, "not set"), now.get(key, "not set"))
        for key in dict.fromkeys([*was, *now])
        if was.get(key) != now.get(key)
    ]


def _knows(values: Mapping[str, Any], key: str) -> bool:
    """Whether a configuration has a key of a group, be it unset."""
    group, _, name = key.partition(".")
    return name in (values.get(group) or {})


@functools.cache
def _defaults() -> dict[str, str]:
    """The schema's own, by dotted key."""
    kinds = {
        name: kind
        for name, hint in get_type_hints(Config).items()
        for kind in (hint, *get_args(hint))
        if dataclasses.is_dataclass(kind)
    }
    known = {
        group: {field.name: field.default for field in dataclasses.fields(kind) if _is_plain(field.default)}
        for group, kind in kinds.items()
    }
    return flatten(known, leave_out=())


def _is_plain(default: object) -> bool:
    return isinstance(default, str | int | float) and default != MISSING
