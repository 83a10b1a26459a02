"""Filing what a store missed: runs first, then the parent run of each sweep that gained some or was never closed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from src.contract.json_files import ContractError
from src.contract.plan_file import PLAN_FILE, PlanFile
from src.contract.record import RunRecord, Status
from src.errors import TrackError
from src.track.sweep_note import summary_metrics, summary_note

if TYPE_CHECKING:
    from src.track.store import Store


@dataclass
class Folder:
    """A sweep's folder, or that around runs of no sweep: its records, and its plan where there is one."""

    path: Path
    plan: PlanFile | None = None
    records: list[RunRecord] = field(default_factory=list)

    @property
    def sweeps(self) -> set[tuple[str, str]]:
        """Experiment and name of the sweeps that lie here: one, as a rule; also of one that measured nothing."""
        told = {(record.experiment, record.sweep) for record in self.records if record.sweep}
        if not told and self.plan is not None and self.plan.configs:
            told = {(str(self.plan.configs[0].get("experiment")), self.plan.sweep)}
        return told


@dataclass
class Refiled:
    """How many runs were filed and how many were there already, and why the store refuses others."""

    filed: int = 0
    known: int = 0
    refused: list[str] = field(default_factory=list)


def refile(store: Store, folder: Folder) -> Refiled:
    """File each record that is not filed yet below its sweep's parent run, which is made where there is none.

    A parent that was never closed is closed, also where nothing was measured. A record that the store refuses does not
    hold up the others. Raises TrackError where the store is silent; what was filed until then stays.
    """
    done = Refiled()
    new = [record for record in folder.records if _is_new(store, record, done)]
    gaining = {(record.experiment, record.sweep) for record in new}
    plan_file = folder.path / PLAN_FILE
    parents = {
        sweep: store.start_sweep(*sweep, {}, {}, [plan_file] if plan_file.exists() else [])
        for sweep in sorted(folder.sweeps)
        if sweep in gaining or store.is_open(*sweep)
    }
    for record in new:
        try:
            store.file_run(record, parents.get((record.experiment, record.sweep or "")))
            done.filed += 1
        except TrackError as error:
            done.refused.append(str(error))
            if not store.answers():
                raise
    for sweep, parent_run_id in parents.items():
        close_sweep(store, *sweep, parent_run_id, len(folder.plan.slots) if folder.plan else None)
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
) -> None:
    """Close a sweep's parent run with the summary of all runs that are filed below it.

    A sweep counts as finished when as many runs finished as were planned, or one, where the plan is unknown.
    """
    runs = [run for run in store.records(experiment) if run.sweep == sweep]
    finished = sum(run.status == "finished" for run in runs)
    status: Status = "finished" if finished >= (planned or 1) else "failed"
    store.finish_sweep(parent_run_id, summary_metrics(runs), artifacts, status, summary_note(runs))


def plan_of(folder: Path) -> PlanFile | None:
    """The plan in a sweep's folder; None where there is none that can be read."""
    try:
        return PlanFile.read(folder)
    except ContractError:
        return None
