"""Refuses to compare what cannot be compared: whatever differs must be what the comparison is about."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from src.errors import ConfigError
from src.report.statistics.ingested import ingested
from src.report.wording import count

PREFIX = "params."
GROUPS = ("hardware", "meter", "model", "dataset", "training", "protocol")
COLUMNS = ("meter", "energy_kind")
# These say where something is found, what it is called or how long to go on, not how a run was measured.
# Which meter worked is in the column `meter`; `meter.name` may only say `auto`.
WITHOUT_EFFECT = (
    "protocol.name", "protocol.iterations", "protocol.retries", "protocol.timeout_s", "protocol.seed",
    "hardware.max_background_load", "meter.name", "meter.binary", "meter.recording",
    "dataset.path", "dataset.cache", "dataset.mirrors", "dataset.connect_timeout_s",
)  # fmt: skip
USABLE = "finished"
NOT_RECORDED = "(not recorded)"


@dataclass(frozen=True)
class Difference:
    """A key whose value is not the same in all runs, with the values and how many runs have each."""

    key: str
    values: dict[str, int]

    def __str__(self) -> str:
        return f"{self.key} is " + ", ".join(f"{value} in {count(n, 'run')}" for value, n in self.values.items())


def finished(runs: pd.DataFrame) -> pd.DataFrame:
    """The runs that count; MLflow writes the status in capitals."""
    return runs[runs["status"].astype(str).str.lower() == USABLE]


def comparable(runs: pd.DataFrame, compare: Sequence[str]) -> pd.DataFrame:
    """All runs, with treatments told apart by every factor of `compare` that differs between finished ones.

    A key may differ where `compare` names it or its group, or where every treatment's label names it, because
    the sweep went over it. Raises ConfigError naming all other keys that differ, their values and the remedy.
    Labelling twice changes nothing.
    """
    every = _compared(runs)
    counted = finished(runs)
    table = every.loc[counted.index]
    _refuse_unknown(table, compare)
    differing = [key for key in table.columns if table[key].nunique() > 1]
    refused = [key for key in differing if not _named(key, compare) and not _swept(counted["treatment"], table[key])]
    if refused:
        differences = "; ".join(str(_difference(key, table)) for key in refused)
        raise ConfigError(
            f"these runs must not be compared: {differences}. Choose runs that agree in this, or say that"
            f" it is what you compare: analysis.compare=[{','.join([*compare, *refused])}]"
        )
    return _split_treatments(runs, counted, every, [key for key in differing if _named(key, compare)])


def differences(runs: pd.DataFrame) -> list[Difference]:
    """Every key that differs between the runs, allowed or not."""
    table = _compared(runs)
    return [_difference(key, table) for key in table.columns if table[key].nunique() > 1]


def _compared(runs: pd.DataFrame) -> pd.DataFrame:
    """One text column for each key that matters; keys without the prefix of the parameters."""
    columns = {column: column for column in COLUMNS if column in runs}
    for column in runs.columns:
        key = str(column).removeprefix(PREFIX)
        if key != column and key.split(".")[0] in GROUPS and not _named(key, WITHOUT_EFFECT):
            columns[key] = column
    table = pd.DataFrame({key: runs[column].map(_text) for key, column in columns.items()}, index=runs.index)
    # The energy of a whole recording holds more than a task's, however alike the runs are otherwise.
    return table.assign(imported=ingested(runs).map({True: "yes", False: "no"})) if "run_uid" in runs else table


def _text(value: object) -> str:
    if value is None or value is pd.NA or (isinstance(value, float) and math.isnan(value)):
        return NOT_RECORDED
    return str(value)


def _difference(key: str, table: pd.DataFrame) -> Difference:
    counts = table[key].value_counts(sort=False)
    return Difference(key, {str(value): int(counts[value]) for value in sorted(counts.index)})


def _named(key: str, names: Sequence[str]) -> bool:
    return any(key == name or key.startswith(f"{name}.") for name in names)


def _swept(treatments: pd.Series, values: pd.Series) -> bool:
    """Whether each treatment has one value of the key, and every label says so (`key=value`)."""
    if int(values.groupby(treatments.astype(str)).nunique().max()) > 1:
        return False
    return all(_named(str(values.name), _keys_in(label)) for label in treatments.astype(str).unique())


def _keys_in(label: str) -> list[str]:
    return [token.split("=")[0] for token in label.split() if "=" in token]


def _refuse_unknown(table: pd.DataFrame, compare: Sequence[str]) -> None:
    known = sorted(str(key) for key in table.columns)
    for name in compare:
        if name != "framework" and not name.startswith("framework.") and not any(_named(key, [name]) for key in known):
            raise ConfigError(
                f"analysis.compare names '{name}', which no run has recorded; it may name: {', '.join(known)}"
            )


def _split_treatments(
    runs: pd.DataFrame, counted: pd.DataFrame, table: pd.DataFrame, factors: Sequence[str]
) -> pd.DataFrame:
    """Runs of one treatment that differ in a factor become treatments of their own, labelled `key=value`.

    The runs that count decide which do; the others get the label of those they would have been among.
    """
    labels = runs["treatment"].astype(str)
    for key in factors:
        own = labels.loc[counted.index]
        if int(table.loc[counted.index, key].groupby(own).nunique().max()) > 1:
            labels = labels + " " + key + "=" + table[key]
    return runs.assign(treatment=labels)
