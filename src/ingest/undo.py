"""Take an import back: `python -m src.ingest undo=NAME experiment=NAME`; measured runs are never touched."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from omegaconf import MISSING

from src.contract.record import IMPORT, IMPORTED_UID, FiledRun
from src.errors import ConfigError
from src.ingest.options import parse_as
from src.track import open_store
from src.track.refile import close_sweep
from src.track.store import Store

EXAMPLE = "python -m src.ingest undo=NAME experiment=NAME"
SHOWN = 10


@dataclass
class UndoOptions:
    """Which import is to be taken back."""

    # What the import printed, or the name of a sweep of imported runs.
    undo: str = MISSING
    # MLflow's experiment; where none is given, that of MLFLOW_EXPERIMENT_NAME.
    experiment: str = MISSING
    # MLflow's store; null takes MLFLOW_TRACKING_URI or MLflow's own default.
    tracking_uri: str | None = None


def undo(arguments: Sequence[str]) -> str:
    """Delete the import's runs, as MLflow's pages do, and say how many; raises ConfigError for a name of none."""
    options = parse_as(UndoOptions, arguments, EXAMPLE)
    store = open_store(options.tracking_uri)
    imported = [run for run in store.records(options.experiment) if run.uid.startswith(IMPORTED_UID)]
    runs = [run for run in imported if options.undo in (run.tags.get(IMPORT), run.tags.get("sweep"))]
    if not runs:
        raise ConfigError(f"undo={options.undo}: {_known(imported, options.experiment)}")
    store.delete_runs(run.run_id for run in runs)
    for sweep in sorted({run.sweep for run in runs if run.sweep}):
        _close(store, options.experiment, sweep)
    count = f"{len(runs)} imported {'run was' if len(runs) == 1 else 'runs were'}"
    return (
        f"{count} taken back from experiment '{options.experiment}' ({_labels(runs)}); `mlflow gc` would remove them "
        "for good, and the command that filed them files them again"
    )


def _close(store: Store, experiment: str, sweep: str) -> None:
    """Tell of a sweep what is left of it, and take away one of which nothing is."""
    parent = store.start_sweep(experiment, sweep, {}, {})
    if any(run.sweep == sweep for run in store.records(experiment)):
        close_sweep(store, experiment, sweep, parent, None)
    else:
        store.delete_runs([parent])


def _known(imported: Sequence[FiledRun], experiment: str) -> str:
    if not imported:
        return f"experiment '{experiment}' holds no imported run"
    named: dict[str, list[FiledRun]] = {}
    for run in imported:
        named.setdefault(run.tags.get(IMPORT) or run.tags.get("sweep", ""), []).append(run)
    listed = [f"{name} ({len(runs)} of {_labels(runs)})" for name, runs in list(named.items())[-SHOWN:]]
    return f"no such import in experiment '{experiment}'; there are {'; '.join(listed)}"


def _labels(runs: Sequence[FiledRun]) -> str:
    return ", ".join(Counter(run.tags["treatment"] for run in runs))
