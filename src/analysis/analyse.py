"""From a table of runs to everything the report says about them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import pandas as pd

from src.analysis import bootstrap, outliers
from src.analysis import settings as configuration
from src.analysis.blocks import block_table, complete_blocks
from src.analysis.cautions import Caution, all_cautions
from src.analysis.comparable import Difference, comparable, differences, finished
from src.analysis.describe import Description, describe, replicate
from src.analysis.ingested import only_ingested
from src.analysis.metrics import METRICS, Metric
from src.analysis.omnibus import Omnibus, compare_all
from src.analysis.outliers import Outlier
from src.analysis.pairs import Pair, compare_pairs
from src.analysis.practical import Practical, practical_meaning
from src.analysis.settings import AnalysisConfig
from src.analysis.threats import Threat, look_for_threats
from src.analysis.values import as_text, finite
from src.errors import ConfigError
from src.report.wording import count

Found = TypeVar("Found")

# The energy that is compared; imported recordings know the whole process only.
ENERGIES = ("energy_j", "energy_total_j")
COLUMNS = (
    "run_id", "run_name", "treatment", "framework", "sweep", "iteration", "position", "sequence", "started_s",
    "status", "meter", "energy_kind",
)  # fmt: skip


@dataclass(frozen=True)
class ExcludedRun:
    """A run that is in no result, and why."""

    run_id: str
    run_name: str
    treatment: str
    reason: str


@dataclass(frozen=True)
class Analysis:
    """All results. `treatments` and every list keep one order: least median energy first.

    `metrics` are those some run has; `missing_metrics` no run has. `energy_metric` is the one that answers
    the question. `factors` are the keys that differ and were allowed to. `whole_recordings` says that all runs were
    recorded elsewhere, so that the task's metrics are those of the whole recording.
    """

    config: AnalysisConfig
    energy_metric: str
    whole_recordings: bool
    treatments: tuple[str, ...]
    frameworks: dict[str, str]
    n_runs: int
    n_usable: int
    metrics: tuple[str, ...]
    missing_metrics: tuple[str, ...]
    factors: tuple[Difference, ...]
    descriptions: tuple[Description, ...]
    omnibus: tuple[Omnibus, ...]
    pairs: tuple[Pair, ...]
    threats: tuple[Threat, ...]
    cautions: tuple[Caution, ...]
    outliers: tuple[Outlier, ...]
    excluded_runs: tuple[ExcludedRun, ...]
    practical: tuple[Practical, ...]

    def description(self, treatment: str, metric: str) -> Description:
        """One treatment and metric; raises KeyError for one that is not there."""
        return _only([d for d in self.descriptions if (d.treatment, d.metric) == (treatment, metric)], metric)

    def pairs_of(self, metric: str) -> tuple[Pair, ...]:
        """All pairs of one metric."""
        return tuple(pair for pair in self.pairs if pair.metric == metric)

    def omnibus_of(self, metric: str) -> Omnibus:
        """The test over all treatments of one metric; raises KeyError for one that is not there."""
        return _only([o for o in self.omnibus if o.metric == metric], metric)


def analyse(runs: pd.DataFrame, config: AnalysisConfig) -> Analysis:
    """Analyse one row per run: the columns of COLUMNS, metrics by name, `params.*`; `tags.flags` may be there.

    Raises ConfigError for an unusable configuration, without a finished run, and where runs must not be
    compared.
    """
    configuration.check(config)
    every_run = comparable(_completed(runs), config.compare)
    usable = _usable(every_run)
    metrics = [metric for name, metric in METRICS.items() if usable[name].notna().any()]
    if not metrics:
        raise ConfigError("no finished run has a metric to analyse; look at the runs in MLflow for what they logged")
    energy = _energy_metric(usable)
    found = outliers.find(usable, [metric.name for metric in metrics], config.outliers)
    cleaned = outliers.without(usable, found)
    return _results(cleaned, every_run, metrics, energy, found, config)


def _results(
    runs: pd.DataFrame,
    every_run: pd.DataFrame,
    metrics: Sequence[Metric],
    energy: str,
    found: list[Outlier],
    config: AnalysisConfig,
) -> Analysis:
    treatments = _ordered_treatments(runs, energy)
    descriptions: list[Description] = []
    omnibus: list[Omnibus] = []
    pairs: list[Pair] = []
    for metric in metrics:
        described, tested, compared = _one_metric(runs, metric, treatments, config)
        descriptions += described
        omnibus.append(tested)
        pairs += compared
    threats = look_for_threats(runs, every_run, energy, config.alpha)
    failed = every_run.drop(index=runs.index)
    energies = [description for description in descriptions if description.metric == energy]
    return Analysis(
        config=config,
        energy_metric=energy,
        whole_recordings=only_ingested(runs),
        treatments=tuple(treatments),
        frameworks=_frameworks(runs, treatments),
        n_runs=len(every_run),
        n_usable=len(runs),
        metrics=tuple(metric.name for metric in metrics),
        missing_metrics=tuple(name for name in METRICS if runs[name].isna().all()),
        factors=tuple(differences(runs, config.compare)),
        descriptions=tuple(descriptions),
        omnibus=tuple(omnibus),
        pairs=tuple(pairs),
        threats=tuple(threats),
        cautions=tuple(all_cautions(runs, failed, descriptions, pairs, threats, energy, config)),
        outliers=tuple(found),
        excluded_runs=_excluded(failed),
        practical=tuple(practical_meaning(runs, energies, energy, config)),
    )


def _one_metric(
    runs: pd.DataFrame, metric: Metric, treatments: Sequence[str], config: AnalysisConfig
) -> tuple[list[Description], Omnibus, list[Pair]]:
    groups = {str(label): group[metric.name] for label, group in runs.groupby("treatment")}
    samples = {treatment: finite(groups[treatment].to_numpy()) for treatment in treatments}
    replicates = {
        treatment: replicate(
            samples[treatment],
            config.bootstrap_samples,
            bootstrap.stream(config.seed, treatment, metric.name),
        )
        for treatment in treatments
    }
    described = [
        describe(treatment, metric.name, metric.unit, samples[treatment], replicates[treatment], 1 - config.alpha)
        for treatment in treatments
    ]
    present = [treatment for treatment in treatments if samples[treatment].size]
    table = block_table(runs, metric.name)
    blocks = complete_blocks(table, present)
    tested = compare_all(metric.name, present, [samples[treatment] for treatment in present], blocks)
    return described, tested, compare_pairs(metric, present, samples, replicates, table, config)


def _completed(runs: pd.DataFrame) -> pd.DataFrame:
    """The table with every metric as a column of numbers, and one row per run from 0 on."""
    absent = [column for column in COLUMNS if column not in runs]
    if absent:
        raise ConfigError(f"the table of runs lacks the columns {', '.join(absent)}; fill them with NaN where unknown")
    table = runs.reset_index(drop=True)
    numbers = [*METRICS, "iteration", "position", "sequence", "started_s"]
    columns = {
        name: pd.to_numeric(table[name], errors="coerce") if name in table else pd.Series(np.nan, index=table.index)
        for name in numbers
    }
    numeric = pd.DataFrame(columns, dtype=float).replace([np.inf, -np.inf], np.nan)
    rest = table.drop(columns=[name for name in numbers if name in table])
    rest = rest.assign(**{name: as_text(rest[name]) for name in ("run_id", "run_name", "treatment", "sweep")})
    return pd.concat([rest, numeric], axis=1)


def _usable(runs: pd.DataFrame) -> pd.DataFrame:
    usable = finished(runs)
    if usable.empty:
        raise ConfigError(
            f"none of {count(len(runs), 'run')} has finished, so there is nothing to analyse;"
            " measure some first, or choose another experiment=NAME"
        )
    return usable


def _energy_metric(runs: pd.DataFrame) -> str:
    """The task's energy where every treatment has it, else the whole process'."""
    known = {name: runs.groupby("treatment")[name].count() for name in ENERGIES}
    return next((name for name in ENERGIES if (known[name] > 0).all()), ENERGIES[0])


def _ordered_treatments(runs: pd.DataFrame, energy: str) -> list[str]:
    medians = runs.groupby("treatment")[energy].median()
    return [str(label) for label in medians.sort_index().sort_values(kind="stable", na_position="last").index]


def _frameworks(runs: pd.DataFrame, treatments: Sequence[str]) -> dict[str, str]:
    first = runs.drop_duplicates("treatment").set_index("treatment")["framework"]
    return {treatment: str(first[treatment]) for treatment in treatments}


def _excluded(failed: pd.DataFrame) -> tuple[ExcludedRun, ...]:
    return tuple(
        ExcludedRun(str(row["run_id"]), str(row["run_name"]), str(row["treatment"]), f"its status is {row['status']}")
        for _, row in failed.iterrows()
    )


def _only(found: list[Found], metric: str) -> Found:
    if not found:
        raise KeyError(metric)
    return found[0]
