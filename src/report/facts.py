"""What the runs and their sweeps say about how they were measured. Pure functions over the table of runs."""

from __future__ import annotations

import json
import shlex
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from src.analysis.comparable import finished
from src.report.load import Loaded, flag_codes
from src.report.wording import count

NONE_RECORDED = "not recorded"
WORK = ("model.name", "dataset.name")
"""The parameters that say in a word what a run did."""


@dataclass(frozen=True)
class FailedRun:
    """A run that could not be measured; `retried` if a later try at the same place finished."""

    name: str
    sweep: str
    reason: str
    retried: bool


def counted(loaded: Loaded) -> Loaded:
    """What the results are about: the finished runs, and the sweeps that have some."""
    runs = finished(loaded.runs)
    present = set(runs["sweep"].dropna())
    return replace(loaded, runs=runs, sweeps=tuple(sweep for sweep in loaded.sweeps if sweep.name in present))


def energy_kinds(runs: pd.DataFrame) -> dict[str, int]:
    """How many finished runs there are of each kind of energy."""
    counts = finished(runs)["energy_kind"].fillna("unknown").value_counts()
    return {str(kind): int(counts[kind]) for kind in sorted(counts.index)}


def failed_runs(runs: pd.DataFrame) -> list[FailedRun]:
    """Every failed run with its reason."""
    place = ["sweep", "iteration", "treatment"]
    done = {tuple(map(str, row)) for row in runs.loc[runs["status"] == "finished", place].to_numpy()}
    failed = runs[runs["status"] != "finished"]
    reasons = failed["tags.error"] if "tags.error" in failed else pd.Series(None, failed.index)
    return [
        FailedRun(
            str(row["run_name"]),
            str(row["sweep"]),
            reason if isinstance(reason, str) else NONE_RECORDED,
            tuple(str(row[key]) for key in place) in done,
        )
        for (_, row), reason in zip(failed.iterrows(), reasons, strict=True)
    ]


def flag_counts(runs: pd.DataFrame) -> dict[str, tuple[int, str]]:
    """For each flag's code: how many runs bear it, and one run's text."""
    if "tags.flags" not in runs:
        return {}
    texts = [text for text in runs["tags.flags"] if isinstance(text, str)]
    counts = Counter(code for text in texts for code in flag_codes(text))
    examples = {code: next(text for text in texts if code in flag_codes(text)) for code in counts}
    return {code: (counts[code], _text_of(code, examples[code])) for code in sorted(counts)}


def _text_of(code: str, flags: str) -> str:
    return flags[flags.index(f"{code}: ") + len(code) + 2 :].split("; ")[0]


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


def versions(runs: pd.DataFrame, treatment: str) -> str:
    """Which versions a treatment ran with."""
    own = runs[runs["treatment"] == treatment]
    names = [column for column in runs.columns if column.startswith("params.version.")]
    found = {column.removeprefix("params.version."): values(own, column) for column in names}
    return ", ".join(f"{name} {'/'.join(numbers)}" for name, numbers in found.items() if numbers)


def layers(runs: pd.DataFrame) -> tuple[list[dict[str, Any]], tuple[int, ...], str]:
    """The model's layers, the shape of its input and its name; empty where unknown or more than one."""
    texts, shapes = values(runs, "params.model.layers"), values(runs, "params.dataset.image_shape")
    if len(texts) != 1 or len(shapes) != 1:
        return [], (), ""
    try:
        parsed, shape = json.loads(texts[0]), json.loads(shapes[0])
    except ValueError:
        return [], (), ""
    return parsed, tuple(shape), known(runs, "model.name") or ""


def sweep_command(plan: Mapping[str, Any]) -> str | None:
    """The command line that made a sweep, from its plan.json; None where it has no treatments."""
    choices: dict[str, list[str]] = {}
    for treatment in plan.get("treatments", []):
        for override in treatment["overrides"]:
            key, _, value = override.partition("=")
            choices.setdefault(key, [])
            if value not in choices[key]:
                choices[key].append(value)
    if not choices:
        return None
    words = [f"{key}={','.join(options)}" for key, options in choices.items()]
    return "python -m src.main -m " + shlex.join(words)


def same_in_all(runs: pd.DataFrame, columns: Sequence[str]) -> bool:
    """Whether none of the columns has two values."""
    return all(len(values(runs, column)) < 2 for column in columns)


def _tidy(text: str) -> str:
    """`60.0` and `["a","b"]` as a person writes them."""
    if text.startswith('["'):
        return ", ".join(json.loads(text))
    return text.removesuffix(".0") if text.replace(".", "", 1).isdigit() else text
