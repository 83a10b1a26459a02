"""Refuses to compare what cannot be compared: whatever differs must be what the comparison is about."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import pandas as pd

from src.analysis.table import KIND, TRAINING, Table, finished, ingested
from src.contract.record import MACHINE, RECORDED
from src.errors import ConfigError

PREFIX = "params."
HARDWARE_NAME = f"{PREFIX}hardware.name"
GROUPS = ("workload", "hardware", "meter", "model", "dataset", "training", "inference", "weights", "protocol", RECORDED)
COLUMNS = ("meter", "energy_kind")
# These say where something is found, what it is called or how long to go on, not how a run was measured.
# Which meter worked is in the column `meter`; `meter.name` may only say `auto`. A program follows from its command
# line, and weights are the same where their checksum is, whoever trained them.
WITHOUT_EFFECT = (
    "workload.name", "workload.program", "workload.metrics", "inference.weights_from",
    "protocol.name", "protocol.iterations", "protocol.retries", "protocol.timeout_s", "protocol.seed",
    "protocol.max_foreign_cpu_share", "protocol.stop", "protocol.minimum_iterations", "protocol.precision_percent",
    "hardware.max_background_load", "meter.name", "meter.binary", "meter.recording", "meter.strict", "meter.also",
    "dataset.path", "dataset.cache", "dataset.mirrors", "dataset.connect_timeout_s",
)  # fmt: skip
OF_MACHINE = (MACHINE, "hardware.name", "hardware.threads", "hardware.affinity", "meter", RECORDED)
"""What a machine has of its own: it may differ between machines that measured the same treatments."""
NOT_RECORDED = "(not recorded)"
IMPORTED = "imported"
FOLDED_FROM = 3
"""So many keys of one group that differ are named together, as the group."""
NAME_KEY = ".name"
LEGIBLE, CUT = 40, 8
"""Characters of a value that a label has room for, and of a longer one that it shows."""
LONGEST = 60
"""Characters of a value that a message has room for."""


@dataclass(frozen=True)
class Difference:
    """A key whose value is not the same in all runs, with the values and how many runs have each."""

    key: str
    values: dict[str, int]

    def __str__(self) -> str:
        values = [f"{_shortened(value)} in {n} {'run' if n == 1 else 'runs'}" for value, n in self.values.items()]
        return f"{self.key} is {', '.join(values)}"


@dataclass(frozen=True)
class Comparable:
    """Runs that may be compared, with the treatments that are, and every key that differs between finished ones.

    `of_machines` are the keys that differ between machines only, each of which measured the treatments.
    """

    table: Table
    differences: tuple[Difference, ...]
    of_machines: tuple[Difference, ...] = ()

    @property
    def runs(self) -> pd.DataFrame:
        """All of them, failed ones too."""
        return self.table.runs


def comparable(table: Table, compare: Sequence[str]) -> Comparable:
    """All runs, with treatments told apart by every factor of `compare` that differs between finished ones.

    A key may differ where `compare` names it or its group, where it is a factor of every run, because the sweep
    went over it, or where it is a machine's own and any two treatments share a machine, as every comparison is made
    within one. Where `compare` names `imported`, what a recording from elsewhere does not tell is no difference.
    Raises ConfigError naming all other keys that differ, their values and the remedy.
    """
    every = _compared(table.runs)
    counted = finished(table.runs)
    values = every.loc[counted.index]
    _refuse_unknown(values, compare)
    refused = _refused(values, counted, compare)
    if IMPORTED in refused:  # the first to be named, as it alone excuses most of the others
        refused = [IMPORTED, *_refused(values, counted, [*compare, IMPORTED])]
    if refused:
        raise ConfigError(_refusal(refused, values, compare))
    told = _told(values, compare)
    differing = _differing(told)
    chosen = sorted((key for key in differing if _named(key, compare)), key=lambda key: _legibility(key, told))
    labelled = _split_treatments(table.runs, every, told, chosen)
    labelled = labelled.assign(treatment=labelled["treatment"].map(readable(labelled)))
    local = [key for key in differing if not _named(key, compare) and _of_machines(counted, told[key])]
    others = [key for key in differing if key not in local]
    of_treatments, of_machines = (tuple(_difference(key, values) for key in keys) for keys in (others, local))
    return Comparable(replace(table, runs=labelled), of_treatments, of_machines)


def _legibility(key: str, values: pd.DataFrame) -> tuple[bool, int, str]:
    """What a person knows things by first: a name, then what is short; what splits no further is in no label."""
    return not key.endswith(NAME_KEY), int(values[key].dropna().astype(str).str.len().max()), key


def readable(runs: pd.DataFrame) -> dict[str, str]:
    """For each label one for people: `torch training.batch_size=32` becomes `torch batch_size=32`.

    Groups of keys are left out, and `name=`; long values, as checksums are, are cut. Where two would become the same,
    all stay as they are.
    """
    treatments = dict(zip(runs["treatment"], runs["factors"], strict=True))
    short = {label: _short(label, factors) for label, factors in treatments.items()}
    return short if len(set(short.values())) == len(short) else {label: label for label in treatments}


def _short(label: str, factors: Mapping[str, str]) -> str:
    for key, value in factors.items():
        shown = value if len(value) <= LEGIBLE else f"{value[:CUT]}…"
        name = "" if key.endswith(NAME_KEY) else f"{key.rpartition('.')[2]}="
        label = label.replace(f"{key}={value}", f"{name}{shown}")
    return label


def _told(values: pd.DataFrame, compare: Sequence[str]) -> pd.DataFrame:
    """The values, missing where that a run does not tell a key is no difference.

    So it is for what only some recordings from elsewhere tell of themselves, and for all that such recordings do not
    tell where `compare` excuses them.
    """
    excused = IMPORTED in compare and IMPORTED in values
    elsewhere = (values[IMPORTED] == "yes") if excused else pd.Series(data=False, index=values.index)
    unknown = {key: elsewhere | _named(key, [RECORDED]) for key in map(str, values.columns)}
    return pd.DataFrame(
        {key: values[key].mask(where & (values[key] == NOT_RECORDED)) for key, where in unknown.items()}
    )


def _differing(values: pd.DataFrame) -> list[str]:
    return [key for key in values.columns if values[key].nunique() > 1]


def _refused(values: pd.DataFrame, runs: pd.DataFrame, compare: Sequence[str]) -> list[str]:
    """The keys that differ though neither `compare` names them nor sweep or machines explain it."""
    told = _told(values, compare)
    unnamed = [key for key in _differing(told) if not _named(key, compare)]
    return [key for key in unnamed if not _swept(runs, told[key]) and not _of_machines(runs, told[key])]


def _refusal(refused: Sequence[str], values: pd.DataFrame, compare: Sequence[str]) -> str:
    """What differs and what to do, keys of one group folded into it where there are many."""
    groups = Counter(key.split(".")[0] for key in refused)
    folded = {group: n for group, n in groups.items() if n >= FOLDED_FROM}
    texts: dict[str, str] = {}
    names: list[str] = []
    for key in refused:
        group = key.split(".")[0]
        n = folded.get(group)
        text = f"{n} keys of {group} differ, as {_difference(key, values)}" if n else str(_difference(key, values))
        texts.setdefault(group if n else key, text)
        names.append(group if n else key)
    # A name covers the keys below it: `meter` is both a key of its own and a group.
    named = [name for name in dict.fromkeys(names) if not _named(name.rpartition(".")[0], names)]
    return (
        f"these runs must not be compared: {'; '.join(texts.values())}. Choose runs that agree in this, or say that"
        f" it is what you compare: 'analysis.compare=[{','.join([*compare, *named])}]'"
    )


def _shortened(value: str) -> str:
    return value if len(value) <= LONGEST else f"{value[:LONGEST]}…"


def _compared(runs: pd.DataFrame) -> pd.DataFrame:
    """One text column for each key that matters; keys without the prefix of the parameters."""
    columns = {column: column for column in COLUMNS}
    for column in runs.columns:
        key = str(column).removeprefix(PREFIX)
        if key != column and key.split(".")[0] in GROUPS and not _named(key, WITHOUT_EFFECT):
            columns[key] = column
    elsewhere = ingested(runs)
    values = {key: runs[column].astype(object).fillna(NOT_RECORDED) for key, column in columns.items()}
    if KIND in values:  # own runs of before it was told are trainings
        values[KIND] = values[KIND].mask((values[KIND] == NOT_RECORDED) & ~elsewhere, TRAINING)
    known = runs[MACHINE].dropna()
    if len(known) and (HARDWARE_NAME not in runs or (known != runs[HARDWARE_NAME].reindex(known.index)).any()):
        values[MACHINE] = runs[MACHINE].astype(object).fillna(NOT_RECORDED)
    if runs["run_uid"].notna().any():
        # The energy of a whole recording holds more than a task's, however alike the runs are otherwise.
        values[IMPORTED] = elsewhere.map({True: "yes", False: "no"})
    return pd.DataFrame(values, index=runs.index)


def _difference(key: str, values: pd.DataFrame) -> Difference:
    counts = values[key].value_counts(sort=False)
    return Difference(key, {str(value): int(counts[value]) for value in sorted(counts.index)})


def _named(key: str, names: Iterable[str]) -> bool:
    return any(key == name or key.startswith(f"{name}.") for name in names)


def _swept(runs: pd.DataFrame, values: pd.Series) -> bool:
    """Whether each treatment has one value of the key, and it is one of every run's factors."""
    if int(values.groupby(runs["treatment"]).nunique().max()) > 1:
        return False
    return all(_named(str(values.name), factors) for factors in runs["factors"])


def _of_machines(runs: pd.DataFrame, values: pd.Series) -> bool:
    """Whether the key is a machine's own, has one value on each, and any two of several treatments share a machine."""
    machines = runs[MACHINE]
    if not _named(str(values.name), OF_MACHINE) or machines.isna().any():
        return False
    if int(values.groupby(machines).nunique().max()) > 1:
        return False
    used = [set(own) for _, own in machines.groupby(runs["treatment"])]
    return len(used) > 1 and all(one & other for one, other in itertools.combinations(used, 2))


def _refuse_unknown(values: pd.DataFrame, compare: Sequence[str]) -> None:
    known = sorted(str(key) for key in values.columns)
    for name in compare:
        if name != "framework" and not name.startswith("framework.") and not any(_named(key, [name]) for key in known):
            raise ConfigError(
                f"analysis.compare names '{name}', which no run has recorded; it may name: {', '.join(known)}"
            )


def _split_treatments(
    runs: pd.DataFrame, every: pd.DataFrame, counted: pd.DataFrame, keys: Sequence[str]
) -> pd.DataFrame:
    """Runs of one treatment that differ in a key become treatments of their own, labelled `key=value`.

    The runs that count decide which do; the others get the label of those they would have been among.
    """
    labels, factors = runs["treatment"], runs["factors"]
    for key in keys:
        own = labels.loc[counted.index]
        if int(counted[key].groupby(own).nunique().max()) > 1:
            labels = labels + " " + key + "=" + every[key]
            added = [known | {key: value} for known, value in zip(factors, every[key], strict=True)]
            factors = pd.Series(added, index=runs.index, dtype=object)
    return runs.assign(treatment=labels, factors=factors)
