"""The records of runs as one table with one row a run, as blocks, and what their metrics are."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from src.analysis.values import Sample
from src.contract.metrics import OF_TRAINING, OLD_PHASES, TASK, TOTAL, Metric, catalogue, of_phase
from src.contract.record import IMPORTED_UID, MACHINE, FiledRun

TEXTS = ("treatment", "framework", "sweep", "meter", "energy_kind", "run_uid")
PLACES = ("iteration", "position", "sequence")
KIND = "workload.kind"
"""The parameter that says what was measured; runs of before it was told are trainings."""
TRAINING = "training"
SEVERAL = "several"
ENERGY_UNITS = ("J", "W", "J·s")

WHOLE_TITLES = {"energy_j": "Energy of the whole recording", "duration_s": "Duration of the whole recording"}
"""Recordings without events know no task."""


@dataclass(frozen=True)
class Table:
    """The runs in the order they began, and what is known of their metrics.

    Columns of `runs`: run_id, run_name, started_s (epoch seconds), status; TEXTS; machine; PLACES (Int64); the
    dictionaries `factors` and `windows`, the tuple `flags`; each metric under its own name; `params.NAME` and, for
    further tags, `tags.NAME` as text. `workload` is what was measured, SEVERAL where finished runs differ in it.
    `metrics` are those that may be compared, `phases` those that the runs have, in their order, and `outside_task` the
    ones among them whose energy is not compared. `whole_recordings` says that all finished runs were recorded
    elsewhere, so that the task's metrics are those of the whole recording.
    """

    runs: pd.DataFrame
    workload: str
    metrics: dict[str, Metric]
    phases: tuple[str, ...]
    outside_task: tuple[str, ...]
    whole_recordings: bool


def table_of(runs: Sequence[FiledRun]) -> Table:
    """All records of one experiment, failed runs among them."""
    ordered = sorted(runs, key=lambda run: (run.start_ms, run.run_id))
    frame = _frame(ordered)
    phases = _phases(ordered)
    whole = only_ingested(finished(frame))
    metrics = _metrics(ordered, phases)
    if whole:
        titles = WHOLE_TITLES | {name: metric.title for name, metric in metrics.items() if name not in WHOLE_TITLES}
        metrics = {name: replace(metric, title=titles[name]) for name, metric in metrics.items()}
    return Table(frame, _workload(ordered), metrics, phases, _outside_task(ordered, phases), whole)


def finished(runs: pd.DataFrame) -> pd.DataFrame:
    """The runs that count."""
    return runs[runs["status"] == "finished"]


def ingested(runs: pd.DataFrame) -> pd.Series:
    """For each run, whether it was recorded elsewhere: a whole recording, in which nobody noted where the task is."""
    return runs["run_uid"].astype(str).str.startswith(IMPORTED_UID)


def only_ingested(runs: pd.DataFrame) -> bool:
    """Whether all of the runs were."""
    return bool(len(runs)) and bool(ingested(runs).all())


def shares(runs: pd.DataFrame) -> pd.DataFrame:
    """The runs with `machine` and `sweep` as text, each machine's part of a sweep called a sweep of its own.

    What a machine measures alone has its own baseline, warm-up, order and blocks, whoever else measures meanwhile.
    """
    sweep, machine = runs["sweep"].fillna(""), runs[MACHINE].fillna("")
    several = machine.groupby(sweep).transform("nunique") > 1
    return runs.assign(sweep=sweep.mask(several, sweep + " on " + machine), machine=machine)


def block_table(runs: pd.DataFrame, metric: str) -> pd.DataFrame:
    """One row per block (an iteration of a sweep), one column per treatment, NaN where a block lacks one.

    Runs without an iteration belong to no block; a treatment that ran twice in a block counts with its mean.
    """
    placed = runs[runs["iteration"].notna() & runs[metric].notna()]
    keys = [placed["sweep"], placed["iteration"].astype(float)]
    cells = placed.groupby([*keys, placed["treatment"]])[metric].mean()
    return cells.unstack()


def complete_blocks(table: pd.DataFrame, treatments: list[str]) -> list[Sample]:
    """Per treatment its values in the blocks that hold all of them, in the same order of blocks."""
    if not set(treatments) <= set(table.columns):
        return [table.to_numpy(dtype=float)[:0, :0].ravel() for _ in treatments]
    values = table[treatments].to_numpy(dtype=float)
    return [column.copy() for column in values[~np.isnan(values).any(axis=1)].T]


def _frame(runs: Sequence[FiledRun]) -> pd.DataFrame:
    tags = [run.tags for run in runs]
    columns: dict[str, Any] = {
        "run_id": _texts(run.run_id for run in runs),
        "run_name": _texts(run.name for run in runs),
        "started_s": np.array([run.start_ms / 1000 for run in runs], dtype=float),
        "status": _texts(run.status for run in runs),
        **{name: _texts(own.get(name) for own in tags) for name in TEXTS},
        MACHINE: _texts(_machines(runs)),
        **{name: _whole_numbers(_texts(own.get(name) for own in tags)) for name in PLACES},
        "factors": pd.Series([run.factors for run in runs], dtype=object),
        "windows": pd.Series([run.windows for run in runs], dtype=object),
        "flags": pd.Series([run.flags for run in runs], dtype=object),
    }
    for name in _names(run.metrics for run in runs):
        values = np.array([run.metrics.get(name, np.nan) for run in runs], dtype=float)
        columns[name] = np.where(np.isfinite(values), values, np.nan)
    for name in _names(run.params for run in runs):
        columns[f"params.{name}"] = _texts(run.params.get(name) for run in runs)
    for name in sorted(set(_names(tags)) - {*TEXTS, *PLACES, MACHINE, "status"}):
        columns[f"tags.{name}"] = _texts(own.get(name) for own in tags)
    return pd.DataFrame(columns)


def _machines(runs: Sequence[FiledRun]) -> Iterator[str | None]:
    """Each run's machine; a run of before runs named it is of the one that is named with the same hardware, if any."""
    named: dict[str | None, set[str]] = {}
    for run in runs:
        if MACHINE in run.tags:
            named.setdefault(run.params.get("hardware.name"), set()).add(run.tags[MACHINE])
    for run in runs:
        alike = named.get(run.params.get("hardware.name"), set())
        yield next(iter(alike)) if MACHINE not in run.tags and len(alike) == 1 else run.machine


def _workload(runs: Sequence[FiledRun]) -> str:
    kinds = {run.params.get(KIND, TRAINING) for run in runs if run.status == "finished"}
    return kinds.pop() if len(kinds) == 1 else SEVERAL if kinds else TRAINING


def _texts(values: Iterable[str | None]) -> pd.Series:
    return pd.Series(list(values), dtype="str")


def _whole_numbers(text: pd.Series) -> pd.Series:
    """As Int64; what is no whole number of at most nine digits is missing, so that no tag makes a store unreadable."""
    return pd.to_numeric(text.where(text.str.fullmatch(r"[0-9]{1,9}", na=False))).astype("Int64")


def _names(found: Iterable[Mapping[str, Any]]) -> list[str]:
    return sorted(set(itertools.chain.from_iterable(found)))


def _metrics(runs: Sequence[FiledRun], phases: Sequence[str]) -> dict[str, Metric]:
    """What the runs say of their own metrics, and what is known of those that say nothing."""
    own = {name: metric for run in reversed(runs) for name, metric in run.described.items()}
    if not any(not run.described and KIND not in run.params for run in runs):
        return catalogue(phases, own.values())
    old = {metric.name: metric for metric in OF_TRAINING}
    return catalogue(dict.fromkeys((*OLD_PHASES, *phases)), (old | own).values())


def _phases(runs: Sequence[FiledRun]) -> tuple[str, ...]:
    """Those that have an energy: as their windows follow each other, else in the order of before they had windows."""
    measured = set(itertools.chain.from_iterable(run.metrics for run in runs))
    known = dict.fromkeys(phase for run in runs for phase in run.windows)
    both = (name.removeprefix("energy_").removesuffix("_j") for name in sorted(measured))
    guessed = (phase for phase in both if {metric.name for metric in of_phase(phase)} <= measured)
    every = dict.fromkeys([*known, *OLD_PHASES, *guessed])
    return tuple(phase for phase in every if phase not in (TASK, TOTAL) and of_phase(phase)[0].name in measured)


def _outside_task(runs: Sequence[FiledRun], phases: Sequence[str]) -> tuple[str, ...]:
    """Phases before and after the task, which lasts from the begin of its first one to the end of its last."""
    told = next(
        (run for run in runs if phases and set(phases) <= set(run.windows) and "duration_s" in run.metrics), None
    )
    if told is None:
        return tuple(phase for phase in phases if phase == OLD_PHASES[0])
    spans = itertools.combinations_with_replacement(phases, 2)
    windows, length_s = told.windows, told.metrics["duration_s"]
    first, last = min(spans, key=lambda span: abs(windows[span[1]][1] - windows[span[0]][0] - length_s))
    begin_s, end_s = windows[first][0], windows[last][1]
    return tuple(phase for phase in phases if windows[phase][1] <= begin_s or windows[phase][0] >= end_s)
