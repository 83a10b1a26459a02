"""Filing what a store missed: runs first, then the parent run of each sweep that gained some."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from src.track.record import RunRecord, Status
from src.track.summary import summary_metrics, summary_note

if TYPE_CHECKING:
    from src.track.store import Store


def refile(store: Store, records: Sequence[RunRecord]) -> tuple[int, int]:
    """File each record that is not filed yet below its sweep's parent run, which is made where there is none.

    Returns how many were filed and how many were there already. Raises TrackError where the store fails; what
    was filed until then stays.
    """
    new = [record for record in records if not store.is_filed(record)]
    sweeps = sorted({(record.experiment, record.sweep) for record in new if record.sweep})
    parents = {sweep: store.start_sweep(*sweep, params={}, tags={}) for sweep in sweeps}
    for record in new:
        store.file_run(record, parents.get((record.experiment, record.sweep or "")))
    for (experiment, sweep), parent_run_id in parents.items():
        close_sweep(store, experiment, sweep, parent_run_id)
    return len(new), len(records) - len(new)


def close_sweep(
    store: Store,
    experiment: str,
    sweep: str,
    parent_run_id: str,
    status: Status | None = None,
    artifacts: Sequence[Path] = (),
) -> None:
    """Close a sweep's parent run with the summary of all runs that are filed below it.

    Without a `status`, a sweep with at least one finished run counts as finished.
    """
    runs = store.runs(experiment)
    runs = runs[runs["sweep"] == sweep]
    if status is None:
        status = "finished" if (runs["status"] == "finished").any() else "failed"
    store.finish_sweep(parent_run_id, summary_metrics(runs), artifacts, status, summary_note(runs))
