"""The runs of an experiment, as the statistics want them, and the sweeps they came from."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from src.analysis.table import Table, table_of
from src.contract.commands import override
from src.errors import ConfigError, TrackError
from src.track.store import Store, explained

ACCURACY_DIGITS = 6
"""A test set of fewer than half a million images has no finer accuracy; what float32 adds below is rounding."""


@dataclass(frozen=True)
class Sweep:
    """A sweep's own run in the store: `params` are the facts of its host and protocol."""

    name: str
    run_id: str
    params: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Loaded:
    """All measured runs and their sweeps."""

    experiment: str
    table: Table
    sweeps: tuple[Sweep, ...]

    @property
    def runs(self) -> pd.DataFrame:
        """One a row."""
        return self.table.runs


def load(store: Store, experiment: str, sweeps: Collection[str] = ()) -> Loaded:
    """Read an experiment, or some sweeps of it, accuracies without the rounding of float32.

    Raises ConfigError where it has no run, TrackError for a store.
    """
    with explained(f"The experiments of {store.uri} cannot be read", "see that the store works"):
        found = store.client.get_experiment_by_name(experiment)
        if found is None:
            raise ConfigError(_unknown(store, experiment))
    records = [run for run in store.records(experiment) if not sweeps or run.tags.get("sweep") in sweeps]
    if not records:
        place = f"sweep {', '.join(map(repr, sweeps))} of " if sweeps else ""
        raise ConfigError(
            f"{place}experiment '{experiment}' in {store.uri} holds no measured run; measure some with "
            f"`python -m src.main -m framework=tf,torch,jax {override('experiment', experiment)}`"
        )
    table = table_of(records)
    if "accuracy" in table.runs:
        table.runs["accuracy"] = table.runs["accuracy"].round(ACCURACY_DIGITS)
    present = {run.tags.get("sweep") for run in records}
    own = [sweep for sweep in _sweeps(store, found.experiment_id) if sweep.name in present]
    return Loaded(experiment, table, tuple(own))


def sweep_file(store: Store, sweep: Sweep, name: str) -> Path | None:
    """A file of the sweep's own run, or None where it has none."""
    try:
        return store.artifact(sweep.run_id, name)
    except TrackError:
        return None


def _sweeps(store: Store, experiment_id: str) -> list[Sweep]:
    """Every sweep's own run, page by page, in the order of their names."""
    found: list[Sweep] = []
    token = None
    with explained(f"The sweeps in {store.uri} cannot be read", "see that the store works"):
        while True:
            page = store.client.search_runs([experiment_id], "tags.kind = 'sweep'", page_token=token)
            found += [Sweep(run.data.tags.get("sweep", ""), run.info.run_id, dict(run.data.params)) for run in page]
            token = page.token
            if not token:
                return sorted(found, key=lambda sweep: sweep.name)


def _unknown(store: Store, experiment: str) -> str:
    names = [found.name for found in store.client.search_experiments(max_results=20)]
    have = ", ".join(names) or "none"
    return f"experiment={experiment}: {store.uri} has no such experiment; it has: {have}"
