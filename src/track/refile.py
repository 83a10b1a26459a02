"""Filing what a store missed: runs first, then the parent run of each sweep that gained some or was never closed."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from src.contract.course import Step
from src.contract.json_files import ContractError
from src.contract.plan_file import PLAN_FILE, PlanFile
from src.contract.record import RunRecord
from src.errors import TrackError
from src.track.sweep_note import summary_metrics, summary_note

if TYPE_CHECKING:
    from src.track.store import Store


@dataclass
class Refiled:
    """How many runs were filed and how many were there already, and why the store refuses others."""

    filed: int = 0
    known: int = 0
    refused: list[str] = field(default_factory=list)


def refile(store: Store, records: Sequence[RunRecord]) -> Refiled:
    """File each record that is not filed yet below its sweep's parent run, which is made where there is none.

    A record that the store refuses does not hold up the others. Raises TrackError where the store is silent; what was
    filed until then stays.
    """
    done = Refiled()
    new = [record for record in records if _is_new(store, record, done)]
    gaining = {(record.experiment, record.sweep) for record in new}
    folders = {(record.experiment, record.sweep): record.folder.parent for record in records if record.sweep}
    parents = {
        sweep: store.start_sweep(*sweep, {}, {}, [path for path in [folder / PLAN_FILE] if path.exists()])
        for sweep, folder in folders.items()
        if sweep in gaining or store.is_open(*sweep)
    }
    for record in new:
        try:
            store.file_run(record, parents.get((record.experiment, record.sweep or "")))
            done.filed += 1
        except TrackError as error:
            if not store.answers():
                raise
            done.refused.append(str(error))
    for sweep, parent_run_id in parents.items():
        close_sweep(store, *sweep, parent_run_id, planned_runs(folders[sweep]))
    return done


def _is_new(store: Store, record: RunRecord, done: Refiled) -> bool:
    try:
        is_filed = store.is_filed(record)
    except TrackError as error:
        if not store.answers():
            raise
        done.refused.append(str(error))
        return False
    done.known += is_filed
    return not is_filed


def close_sweep(
    store: Store,
    experiment: str,
    sweep: str,
    parent_run_id: str,
    planned: int | None,
    artifacts: Sequence[Path] = (),
    stopped: bool = False,
) -> None:
    """Close a sweep's parent run with the summary of all runs that are filed below it.

    A sweep counts as finished when as many runs finished as were planned, or one, where the plan is unknown; else it
    failed, or was `stopped` by somebody.
    """
    store.drop_halves(experiment, sweep, parent_run_id)
    runs = [run for run in store.records(experiment) if run.sweep == sweep]
    finished = sum(run.status == "finished" for run in runs)
    lacking: Literal["stopped", "failed"] = "stopped" if stopped else "failed"
    status: Literal["finished", "stopped", "failed"] = "finished" if finished >= (planned or 1) else lacking
    steps = store.course(parent_run_id)
    if steps:
        steps = _ended(steps, status, planned or steps[-1].planned, finished, reported=bool(artifacts))
        store.add_step(parent_run_id, steps)
    store.finish_sweep(parent_run_id, summary_metrics(runs), artifacts, status, summary_note(runs, steps))


def _ended(
    steps: Sequence[Step], status: Literal["finished", "stopped", "failed"], planned: int, finished: int, reported: bool
) -> tuple[Step, ...]:
    """The course with its end, once; a report on fewer runs than were planned is a look before the end."""
    last = steps[-1]
    if (last.what, last.planned, last.finished) == (status, planned, finished):
        return tuple(steps)
    now = int(time.time() * 1000)
    look = [Step("looked", now, planned, finished)] if reported and status != "finished" else []
    return (*steps, *look, Step(status, now, planned, finished))


def close_dead(store: Store, folder: Path) -> None:
    """Close the parent run of a sweep that was killed, also before any of its runs was finished."""
    try:
        plan = PlanFile.read(folder)
    except ContractError:
        return
    experiment = str(plan.configs[0].get("experiment") or "") if plan.configs else ""
    if experiment and store.has(experiment) and store.is_open(experiment, plan.sweep):
        parent = store.start_sweep(experiment, plan.sweep, {}, {})
        close_sweep(store, experiment, plan.sweep, parent, plan.asked)


def planned_runs(folder: Path) -> int | None:
    """How many runs the plan in a sweep's folder has; None where there is no plan that can be read."""
    try:
        return PlanFile.read(folder).asked
    except ContractError:
        return None
