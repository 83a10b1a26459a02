"""The runs of an experiment, as the statistics want them, and the sweeps they came from."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from src.analysis.table import Table, table_of
from src.contract.commands import override
from src.contract.course import Step, read_course
from src.contract.record import FiledRun
from src.errors import ConfigError, TrackError
from src.report.courses import course_sentence

if TYPE_CHECKING:
    from src.track.apart import StoreApart
    from src.track.store import Store

ALL, LAST = "all", "last"
STUDY = "study"
WHOLE = "FINISHED"
ACCURACY_DIGITS = 6
"""A test set of fewer than half a million images has no finer accuracy; what float32 adds below is rounding."""


@dataclass(frozen=True)
class Sweep:
    """A sweep's own run in the store: `params` are facts of host and protocol, `ended` tells whether it is whole.

    `course` is how it went, as far as that was told; sweeps of before tell none.
    """

    name: str
    run_id: str
    params: Mapping[str, str] = field(default_factory=dict)
    ended: bool = True
    course: tuple[Step, ...] = ()

    @property
    def protocol(self) -> str:
        """The protocol's name, or what there is instead of one."""
        return "single run" if self.params.get("runs") == "1" else self.params.get("protocol.name", "")

    @property
    def planned(self) -> int | None:
        """How many runs it was planned with last; nobody knows of a sweep that may end early before it has."""
        runs = str(self.course[-1].planned) if self.course else self.params.get("runs", "")
        return int(runs) if runs.isdigit() and self.params.get("protocol.stop") != "precision" else None


@dataclass(frozen=True)
class Loaded:
    """All measured runs that are looked at, and their sweeps; `notes` say what of the experiment is not.

    `unfinished` holds the sweeps that lack runs, and how many there are of how many.
    """

    experiment: str
    table: Table
    sweeps: tuple[Sweep, ...]
    notes: tuple[str, ...] = ()
    unfinished: tuple[tuple[str, int, int], ...] = ()

    @property
    def runs(self) -> pd.DataFrame:
        """One a row."""
        return self.table.runs


def load(store: Store, experiment: str, sweeps: Collection[str] = ()) -> Loaded:
    """Read an experiment, or some sweeps of it, accuracies without the rounding of float32.

    `sweeps` are names, or ALL, or LAST; without any, what was measured by the study's protocol, if something was.

    Raises ConfigError where it has no run, TrackError for a store.
    """
    from src.track.store import explained  # whoever is here has loaded MLflow

    with explained(f"The experiments of {store.uri} cannot be read", "see that the store works"):
        found = store.client.get_experiment_by_name(experiment)
        if found is None:
            raise ConfigError(_unknown(store, experiment))
    every, known = store.records(experiment), _sweeps(store, found.experiment_id)
    chosen, notes = _chosen(every, known, sweeps)
    records = [run for run in every if chosen is None or run.tags.get("sweep") in chosen]
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
    own = [sweep for sweep in known if sweep.name in present]
    notes = (*notes, *filter(None, (course_sentence(sweep.name, sweep.course) for sweep in own)))
    return Loaded(experiment, table, tuple(own), notes, tuple(_unfinished(records, own)))


def _chosen(
    runs: Sequence[FiledRun], known: Sequence[Sweep], asked: Collection[str]
) -> tuple[set[str] | None, tuple[str, ...]]:
    """The names of the sweeps to look at, None for all runs; and what is left out where nobody asked for it."""
    if ALL in asked:
        return None, ()
    if LAST in asked:
        latest = max((run for run in runs if run.sweep), key=lambda run: run.start_ms, default=None)
        return (None, ()) if latest is None or latest.sweep is None else ({latest.sweep}, ())
    if asked:
        return set(asked), ()
    studies = {sweep.name for sweep in known if sweep.protocol == STUDY}
    others = [sweep for sweep in known if sweep.name not in studies]
    if not studies or not others:
        return None, ()
    kept = {run.tags.get("sweep", "") for run in runs} - {sweep.name for sweep in others}
    kinds = ", ".join(sorted({sweep.protocol or "unknown" for sweep in others}))
    count = f"{len(others)} {'sweep' if len(others) == 1 else 'sweeps'}"
    return kept, (f"Left out: {count} of another protocol ({kinds}); sweep={ALL} takes all in.",)


def _unfinished(runs: Sequence[FiledRun], sweeps: Sequence[Sweep]) -> Iterator[tuple[str, int, int]]:
    for sweep in sweeps:
        finished = sum(run.tags.get("sweep") == sweep.name and run.status == "finished" for run in runs)
        if not sweep.ended and sweep.planned is not None and finished < sweep.planned:
            yield sweep.name, finished, sweep.planned


def tell_looks(store: Store | StoreApart, loaded: Loaded) -> None:
    """Note in each sweep that still lacks runs that its results were looked at; a store may refuse that."""
    with contextlib.suppress(TrackError):
        lacking = {name: (finished, planned) for name, finished, planned in loaded.unfinished}
        for sweep in loaded.sweeps:
            if sweep.name in lacking and sweep.course:
                finished, planned = lacking[sweep.name]
                look = Step("looked", int(time.time() * 1000), planned, finished)
                store.at_store(_add_step, sweep.run_id, (*sweep.course, look))


def _add_step(store: Store, run_id: str, steps: Sequence[Step]) -> None:
    store.add_step(run_id, steps)


def sweep_file(store: Store | StoreApart, sweep: Sweep, name: str) -> Path | None:
    """A file of the sweep's own run, or None where it has none."""
    try:
        return store.artifact(sweep.run_id, name)
    except TrackError:
        return None


def _sweeps(store: Store, experiment_id: str) -> list[Sweep]:
    """Every sweep's own run, page by page, in the order of their names."""
    from src.track.store import COURSE_TAG, explained

    found: list[Sweep] = []
    token = None
    with explained(f"The sweeps in {store.uri} cannot be read", "see that the store works"):
        while True:
            page = store.client.search_runs([experiment_id], "tags.kind = 'sweep'", page_token=token)
            for run in page:
                own = run.data
                course = read_course(own.tags.get(COURSE_TAG, ""))
                ended = run.info.status == WHOLE
                found.append(Sweep(own.tags.get("sweep", ""), run.info.run_id, dict(own.params), ended, course))
            token = page.token
            if not token:
                return sorted(found, key=lambda sweep: sweep.name)


def _unknown(store: Store, experiment: str) -> str:
    names = [found.name for found in store.client.search_experiments(max_results=20)]
    have = ", ".join(names) or "none"
    return f"experiment={experiment}: {store.uri} has no such experiment; it has: {have}"
