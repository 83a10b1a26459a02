"""Refuses to compare what cannot be compared: whatever differs must be what the comparison is about."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from src.analysis.ingested import ingested
from src.errors import ConfigError
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
IMPORTED = "imported"
FOLDED_FROM = 3
"""So many keys of one group that differ are named together, as the group."""
LONGEST = 60
"""Characters of a value that a message has room for."""


@dataclass(frozen=True)
class Difference:
    """A key whose value is not the same in all runs, with the values and how many runs have each."""

    key: str
    values: dict[str, int]

    def __str__(self) -> str:
        values = [f"{_shortened(value)} in {count(n, 'run')}" for value, n in self.values.items()]
        return f"{self.key} is {', '.join(values)}"


def finished(runs: pd.DataFrame) -> pd.DataFrame:
    """The runs that count; MLflow writes the status in capitals."""
    return runs[runs["status"].astype(str).str.lower() == USABLE]


def comparable(runs: pd.DataFrame, compare: Sequence[str]) -> pd.DataFrame:
    """All runs, with treatments told apart by every factor of `compare` that differs between finished ones.

    A key may differ where `compare` names it or its group, or where every treatment's label names it, because
    the sweep went over it. Where `compare` names `imported`, what a recording from elsewhere does not tell is no
    difference. Raises ConfigError naming all other keys that differ, their values and the remedy. Labelling twice
    changes nothing.
    """
    every = _compared(runs)
    counted = finished(runs)
    table, labels = every.loc[counted.index], counted["treatment"]
    _refuse_unknown(table, compare)
    refused = _refused(table, labels, compare)
    if IMPORTED in refused:  # the first to be named, as it alone excuses most of the others
        refused = [IMPORTED, *_refused(table, labels, [*compare, IMPORTED])]
    if refused:
        raise ConfigError(_refusal(refused, table, compare))
    told = _told(table, compare)
    return _split_treatments(runs, every, told, [key for key in _differing(told) if _named(key, compare)])


def differences(runs: pd.DataFrame, compare: Sequence[str]) -> list[Difference]:
    """Every key that differs between the runs, allowed or not; `compare` as in `comparable`."""
    table = _compared(runs)
    return [_difference(key, table) for key in _differing(_told(table, compare))]


def _told(table: pd.DataFrame, compare: Sequence[str]) -> pd.DataFrame:
    """The table, missing where `compare` excuses that a recording from elsewhere does not tell a key."""
    if IMPORTED not in compare or IMPORTED not in table:
        return table
    elsewhere = table[IMPORTED] == "yes"
    return pd.DataFrame({key: table[key].mask(elsewhere & (table[key] == NOT_RECORDED)) for key in table.columns})


def _differing(table: pd.DataFrame) -> list[str]:
    return [key for key in table.columns if table[key].nunique() > 1]


def _refused(table: pd.DataFrame, treatments: pd.Series, compare: Sequence[str]) -> list[str]:
    """The keys that differ though neither `compare` nor every treatment's label names them."""
    told = _told(table, compare)
    return [key for key in _differing(told) if not _named(key, compare) and not _swept(treatments, told[key])]


def _refusal(refused: Sequence[str], table: pd.DataFrame, compare: Sequence[str]) -> str:
    """What differs and what to do, keys of one group folded into it where there are many."""
    groups = Counter(key.split(".")[0] for key in refused)
    folded = {group: n for group, n in groups.items() if n >= FOLDED_FROM}
    texts: dict[str, str] = {}
    names: list[str] = []
    for key in refused:
        group = key.split(".")[0]
        n = folded.get(group)
        text = f"{n} keys of {group} differ, as {_difference(key, table)}" if n else str(_difference(key, table))
        texts.setdefault(group if n else key, text)
        names.append(group if n else key)
    # A name covers the keys below it: `meter` is both a key of its own and a group.
    named = [name for name in dict.fromkeys(names) if not _named(name.rpartition(".")[0], names)]
    return (
        f"these runs must not be compared: {'; '.join(texts.values())}. Choose runs that agree in this, or say that"
        f" it is what you compare: analysis.compare=[{','.join([*compare, *named])}]"
    )


def _shortened(value: str) -> str:
    return value if len(value) <= LONGEST else f"{value[:LONGEST]}…"


def _compared(runs: pd.DataFrame) -> pd.DataFrame:
    """One text column for each key that matters; keys without the prefix of the parameters."""
    columns = {column: column for column in COLUMNS if column in runs}
    for column in runs.columns:
        key = str(column).removeprefix(PREFIX)
        if key != column and key.split(".")[0] in GROUPS and not _named(key, WITHOUT_EFFECT):
            columns[key] = column
    table = pd.DataFrame({key: runs[column].map(_text) for key, column in columns.items()}, index=runs.index)
    # The energy of a whole recording holds more than a task's, however alike the runs are otherwise.
    return table.assign(**{IMPORTED: ingested(runs).map({True: "yes", False: "no"})}) if "run_uid" in runs else table


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
    runs: pd.DataFrame, table: pd.DataFrame, counted: pd.DataFrame, factors: Sequence[str]
) -> pd.DataFrame:
    """Runs of one treatment that differ in a factor become treatments of their own, labelled `key=value`.

    The runs that count decide which do; the others get the label of those they would have been among.
    """
    labels = runs["treatment"].astype(str)
    for key in factors:
        own = labels.loc[counted.index]
        if int(counted[key].groupby(own).nunique().max()) > 1:
            labels = labels + " " + key + "=" + table[key]
    return runs.assign(treatment=labels)
