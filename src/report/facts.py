"""What the runs and their sweeps say about how they were measured. Pure functions over the table of runs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace

import pandas as pd

from src.analysis.table import finished
from src.contract.flags import Flag
from src.contract.record import MACHINE
from src.figures.gallery import Network
from src.figures.numbers import count
from src.report.load import Loaded

NONE_RECORDED = "not recorded"
WORK = ("model.name", "dataset.name")
"""The parameters that say in a word what a run did."""


@dataclass(frozen=True)
class FailedRun:
    """A run that does not count; `retried` if a later try at the same place finished."""

    name: str
    status: str
    sweep: str
    reason: str
    retried: bool


def counted(loaded: Loaded) -> Loaded:
    """What the results are about: the finished runs, and the sweeps that have some."""
    runs = finished(loaded.runs)
    present = set(runs["sweep"].dropna())
    return replace(
        loaded,
        table=replace(loaded.table, runs=runs),
        sweeps=tuple(sweep for sweep in loaded.sweeps if sweep.name in present),
    )


def energy_kinds(runs: pd.DataFrame) -> dict[str, int]:
    """How many finished runs there are of each kind of energy."""
    counts = finished(runs)["energy_kind"].fillna("unknown").value_counts()
    return {str(kind): int(counts[kind]) for kind in sorted(counts.index)}


def failed_runs(runs: pd.DataFrame) -> list[FailedRun]:
    """Every run that does not count, with its reason."""
    place = ["sweep", "iteration", "treatment"]
    done = {tuple(map(str, row)) for row in runs.loc[runs["status"] == "finished", place].to_numpy()}
    failed = runs[runs["status"] != "finished"]
    reasons = failed["tags.error"] if "tags.error" in failed else pd.Series(None, failed.index)
    return [
        FailedRun(
            str(row["run_name"]),
            str(row["status"]),
            str(row["sweep"]),
            reason if isinstance(reason, str) else NONE_RECORDED,
            tuple(str(row[key]) for key in place) in done,
        )
        for (_, row), reason in zip(failed.iterrows(), reasons, strict=True)
    ]


def flag_counts(runs: pd.DataFrame) -> dict[str, tuple[int, str]]:
    """For each flag's code: how many runs bear it, and one run's text."""
    found: dict[str, list[Flag]] = {}
    for flags in runs["flags"]:
        for flag in {each.code: each for each in reversed(flags)}.values():
            found.setdefault(flag.code, []).append(flag)
    return {code: (len(found[code]), found[code][0].text) for code in sorted(found)}


def values(runs: pd.DataFrame, column: str) -> list[str]:
    """Every value that a column has, as text, the most frequent first; none for an unknown column."""
    if column not in runs:
        return []
    counts = runs[column].dropna().astype(str).value_counts()
    return [str(value) for value in counts.index]


def known(runs: pd.DataFrame, key: str) -> str | None:
    """A parameter's value; several are listed; None where no run has it."""
    found = values(runs, f"params.{key}")
    return " or ".join(_tidy(value) for value in found[:4]) + (" or …" if found[4:] else "") if found else None


def recorded_in_all(runs: pd.DataFrame, keys: Sequence[str]) -> bool:
    """Whether every run tells each of these parameters."""
    return all(f"params.{key}" in runs and bool(runs[f"params.{key}"].notna().all()) for key in keys)


def told(runs: pd.DataFrame, key: str) -> str | None:
    """A parameter's value as `known` has it, and how many runs do not tell theirs."""
    value = known(runs, key)
    if value is None or recorded_in_all(runs, [key]):
        return value
    return f"{value} (not recorded for {count(int(runs[f'params.{key}'].isna().sum()), 'run')})"


def swept(loaded: Loaded, key: str) -> str | None:
    """A fact of the sweeps' host or protocol."""
    found = list(dict.fromkeys(sweep.params[key] for sweep in loaded.sweeps if key in sweep.params))
    return " or ".join(_tidy(value) for value in found) if found else None


def of_machine(loaded: Loaded, machine: str, key: str) -> str | None:
    """A fact of one of several machines: what its runs say, else the sweeps that it alone measured."""
    own = loaded.runs[loaded.runs[MACHINE] == machine]
    if (said := known(own, key)) is not None:
        return said
    others = set(loaded.runs.loc[loaded.runs[MACHINE] != machine, "sweep"].dropna())
    alone = set(own["sweep"].dropna()) - others
    return swept(replace(loaded, sweeps=tuple(sweep for sweep in loaded.sweeps if sweep.name in alone)), key)


def versions(runs: pd.DataFrame, treatment: str) -> str:
    """Which versions a treatment ran with."""
    own = runs[runs["treatment"] == treatment]
    names = [column for column in runs.columns if column.startswith("params.version.")]
    found = {column.removeprefix("params.version."): values(own, column) for column in names}
    return ", ".join(f"{name} {'/'.join(numbers)}" for name, numbers in found.items() if numbers)


def network(runs: pd.DataFrame) -> Network | None:
    """The model that all runs have; None where it is unknown or there are several."""
    texts, shapes = values(runs, "params.model.layers"), values(runs, "params.dataset.image_shape")
    if len(texts) != 1 or len(shapes) != 1:
        return None
    try:
        layers, shape = json.loads(texts[0]), json.loads(shapes[0])
    except ValueError:
        return None
    return Network(tuple(layers), tuple(shape), known(runs, "model.name") or "")


def _tidy(text: str) -> str:
    """`60.0` and `["a","b"]` as a person writes them."""
    if text.startswith('["'):
        return ", ".join(json.loads(text))
    return text.removesuffix(".0") if text.replace(".", "", 1).isdigit() else text
