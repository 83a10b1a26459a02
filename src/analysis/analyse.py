"""From the runs of an experiment to everything the report says about them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import pandas as pd

from src.analysis import bootstrap, outliers
from src.analysis import settings as configuration
from src.analysis.blocks import DURATIONS, material
from src.analysis.cautions import Caution, all_cautions
from src.analysis.comparable import Comparable, Difference
from src.analysis.costly import CostlyRuns, costly_runs
from src.analysis.describe import Description, describe
from src.analysis.doubtful import DoubtfulRun, doubtful_runs
from src.analysis.factorial import Factorial, factorial
from src.analysis.machines import levelled, machines_compared, typical
from src.analysis.omnibus import Omnibus, compare_all
from src.analysis.outliers import Outlier
from src.analysis.pairs import Pair, compare_pairs, without_machines, without_verdict
from src.analysis.practical import Practical, practical_meaning
from src.analysis.settings import AnalysisConfig
from src.analysis.table import ENERGY_UNITS, Table, block_table, complete_blocks, finished, shares
from src.analysis.threats import Threat, look_for_threats
from src.analysis.values import Sample, finite
from src.contract.metrics import Metric
from src.errors import ConfigError

Found = TypeVar("Found")

# The energy that is compared; imported recordings know the whole process only.
ENERGIES = ("energy_j", "energy_total_j")
ESTIMATED = "estimated"


@dataclass(frozen=True)
class ExcludedRun:
    """A run that is in no result: it failed, or was disturbed and measured again."""

    run_id: str
    run_name: str
    treatment: str
    status: str


@dataclass(frozen=True)
class WithDoubtful:
    """What the metric that decides would say if doubtful runs counted too."""

    descriptions: tuple[Description, ...]
    pairs: tuple[Pair, ...]


@dataclass(frozen=True)
class Analysis:
    """All results. `treatments` and every list keep one order: least mean of what decides first (least median, where
    the published rule decides).

    `metrics` are those some run has, `missing_metrics` no run has, and `catalogue` describes all of them.
    `energy_metric` is the energy that is shown first; `decisive_metric`, the same or a duration where an energy was
    estimated, answers the question. `doubtful_runs` count in no result but `with_doubtful`, None where there are
    none. `workload` is what was measured. `treatment_factors` is what sets each treatment apart, and `factors` are
    the keys that differ and were allowed to; `machines` are those within which is compared, none where there are not
    several, and `machine_facts` the keys that differ between them. `phases` are those that the runs have,
    `outside_task` the ones among them whose energy is not compared. `whole_recordings` says that all runs were recorded
    elsewhere, so that the task's metrics are those of the whole recording. `factorial` has the main effects and
    interactions of what decides, where the treatments are a full crossing of factors.
    """

    config: AnalysisConfig
    workload: str
    energy_metric: str
    decisive_metric: str
    whole_recordings: bool
    treatments: tuple[str, ...]
    treatment_factors: dict[str, dict[str, str]]
    frameworks: dict[str, str]
    n_runs: int
    n_usable: int
    metrics: tuple[str, ...]
    missing_metrics: tuple[str, ...]
    catalogue: dict[str, Metric]
    phases: tuple[str, ...]
    outside_task: tuple[str, ...]
    factors: tuple[Difference, ...]
    machines: tuple[str, ...]
    machine_facts: tuple[Difference, ...]
    descriptions: tuple[Description, ...]
    omnibus: tuple[Omnibus, ...]
    pairs: tuple[Pair, ...]
    threats: tuple[Threat, ...]
    cautions: tuple[Caution, ...]
    costly: tuple[CostlyRuns, ...]
    outliers: tuple[Outlier, ...]
    excluded_runs: tuple[ExcludedRun, ...]
    doubtful_runs: tuple[DoubtfulRun, ...]
    with_doubtful: WithDoubtful | None
    practical: tuple[Practical, ...]
    factorial: Factorial | None = None

    def description(self, treatment: str, metric: str) -> Description:
        """One treatment and metric; raises KeyError for one that is not there."""
        return _only([d for d in self.descriptions if (d.treatment, d.metric) == (treatment, metric)], metric)

    def pairs_of(self, metric: str) -> tuple[Pair, ...]:
        """All pairs of one metric."""
        return tuple(pair for pair in self.pairs if pair.metric == metric)

    def omnibus_of(self, metric: str) -> Omnibus:
        """The test over all treatments of one metric; raises KeyError for one that is not there."""
        return _only([o for o in self.omnibus if o.metric == metric], metric)


def analyse(compared: Comparable, config: AnalysisConfig) -> Analysis:
    """Analyse runs that may be compared; raises ConfigError for an unusable configuration, and without a result."""
    configuration.check(config)
    table = compared.table
    every_run = shares(table.runs)
    if not set(ENERGIES) & set(every_run):
        every_run[ENERGIES[0]] = np.nan
    usable = _usable(every_run)
    metrics = [metric for name, metric in table.metrics.items() if name in usable and usable[name].notna().any()]
    if not metrics:
        raise ConfigError("no finished run has a metric to analyse; look at the runs in MLflow for what they logged")
    doubtful = doubtful_runs(usable)
    trusted = _without(doubtful, usable, metrics)
    found = outliers.find(trusted, [metric.name for metric in metrics], config.outliers)
    cleaned = outliers.without(trusted, found)
    return _results(cleaned, usable, every_run, compared, metrics, doubtful, found, config)


def _results(
    runs: pd.DataFrame,
    usable: pd.DataFrame,
    every_run: pd.DataFrame,
    compared: Comparable,
    metrics: Sequence[Metric],
    doubtful: Sequence[DoubtfulRun],
    found: list[Outlier],
    config: AnalysisConfig,
) -> Analysis:
    table = compared.table
    energy = _energy_metric(usable)
    estimated = bool((usable["energy_kind"] == ESTIMATED).any())
    time = DURATIONS[energy]  # an estimate knows little but the time
    decisive = time if estimated and time in runs and runs[time].notna().any() else energy
    machines = machines_compared(runs, decisive)
    treatments = _ordered_treatments(runs, decisive, machines, config)
    descriptions: list[Description] = []
    omnibus: list[Omnibus] = []
    pairs: list[Pair] = []
    for metric in metrics:
        described, tested, paired = _one_metric(runs, metric, treatments, config)
        descriptions += described
        omnibus.append(tested)
        told = paired if metric.name == decisive else [without_machines(pair) for pair in paired]
        pairs += [without_verdict(pair) for pair in told] if estimated and metric.unit in ENERGY_UNITS else told
    threats = look_for_threats(runs, every_run, decisive, config.alpha)
    within = runs.assign(**{decisive: levelled(runs, decisive)}) if machines else runs
    costly = costly_runs(_samples(within, decisive, treatments), config.relevant_percent)
    failed = every_run.drop(index=runs.index)
    energies = [description for description in descriptions if description.metric == energy]
    first = runs.drop_duplicates("treatment").set_index("treatment")
    factors = {treatment: first["factors"][treatment] for treatment in treatments}
    return Analysis(
        config=config,
        workload=table.workload,
        energy_metric=energy,
        decisive_metric=decisive,
        whole_recordings=table.whole_recordings,
        treatments=tuple(treatments),
        treatment_factors=factors,
        frameworks={treatment: str(first["framework"].fillna("")[treatment]) for treatment in treatments},
        n_runs=len(every_run),
        n_usable=len(runs) - len(doubtful),
        metrics=tuple(metric.name for metric in metrics),
        missing_metrics=_missing(table, runs),
        catalogue=table.metrics,
        phases=table.phases,
        outside_task=table.outside_task,
        factors=compared.differences,
        machines=machines,
        machine_facts=compared.of_machines if machines else (),
        descriptions=tuple(descriptions),
        omnibus=tuple(omnibus),
        pairs=tuple(pairs),
        threats=tuple(threats),
        cautions=tuple(all_cautions(within, failed, descriptions, pairs, threats, costly, decisive, config)),
        costly=tuple(costly),
        outliers=tuple(found),
        excluded_runs=_excluded(failed),
        doubtful_runs=tuple(doubtful),
        with_doubtful=_with_doubtful(usable, table.metrics[decisive], treatments, config) if doubtful else None,
        practical=() if estimated else tuple(practical_meaning(runs, energies, energy, config)),
        factorial=factorial(runs, decisive, factors, config),
    )


def _without(doubtful: Sequence[DoubtfulRun], runs: pd.DataFrame, metrics: Sequence[Metric]) -> pd.DataFrame:
    """The runs with every number of doubtful ones missing: their treatments remain, should they have no other."""
    if not doubtful:
        return runs
    trusted = runs.copy()
    left_out = trusted["run_id"].astype(str).isin({run.run_id for run in doubtful})
    trusted.loc[left_out, [metric.name for metric in metrics]] = np.nan
    return trusted


def _with_doubtful(
    usable: pd.DataFrame, metric: Metric, treatments: Sequence[str], config: AnalysisConfig
) -> WithDoubtful:
    found = outliers.find(usable, [metric.name], config.outliers)
    described, _, pairs = _one_metric(outliers.without(usable, found), metric, treatments, config)
    return WithDoubtful(tuple(described), tuple(pairs))


def _one_metric(
    runs: pd.DataFrame, metric: Metric, treatments: Sequence[str], config: AnalysisConfig
) -> tuple[list[Description], Omnibus, list[Pair]]:
    samples = _samples(runs, metric.name, treatments)
    replicates = {
        treatment: bootstrap.median_replicates(
            samples[treatment],
            config.bootstrap_samples,
            bootstrap.stream(config.seed, treatment, metric.name),
        )
        for treatment in treatments
    }
    described = [
        describe(treatment, metric.name, metric.unit, samples[treatment], 1 - config.alpha) for treatment in treatments
    ]
    present = [treatment for treatment in treatments if samples[treatment].size]
    table = block_table(runs, metric.name)
    blocks = complete_blocks(table, present)
    tested = compare_all(metric.name, present, [samples[treatment] for treatment in present], blocks)
    return described, tested, compare_pairs(metric, present, samples, replicates, material(runs, metric.name), config)


def _samples(runs: pd.DataFrame, metric: str, treatments: Sequence[str]) -> dict[str, Sample]:
    """Each treatment's values in the order they were measured."""
    groups = {str(label): group[metric] for label, group in runs.groupby("treatment")}
    return {treatment: finite(groups[treatment].to_numpy()) for treatment in treatments}


def _usable(runs: pd.DataFrame) -> pd.DataFrame:
    usable = finished(runs)
    if usable.empty:
        many = "1 run" if len(runs) == 1 else f"{len(runs)} runs"
        raise ConfigError(
            f"none of {many} has finished, so there is nothing to analyse;"
            " measure some first, or choose another experiment=NAME"
        )
    return usable


def _missing(table: Table, runs: pd.DataFrame) -> tuple[str, ...]:
    return tuple(name for name in table.metrics if name not in runs or runs[name].isna().all())


def _energy_metric(runs: pd.DataFrame) -> str:
    """The task's energy where every treatment has it, else the whole process'."""
    known = [name for name in ENERGIES if name in runs]
    return next((name for name in known if (runs.groupby("treatment")[name].count() > 0).all()), known[0])


def _ordered_treatments(runs: pd.DataFrame, metric: str, machines: Sequence[str], config: AnalysisConfig) -> list[str]:
    """The least first: by means, which the bill is made of, or by the published rule's medians."""
    by_treatment = runs.groupby("treatment")[metric]
    middles = by_treatment.mean() if config.decision == configuration.BLOCKS else by_treatment.median()
    middles = typical(runs, metric) if machines else middles
    return [str(label) for label in middles.sort_index().sort_values(kind="stable", na_position="last").index]


def _excluded(failed: pd.DataFrame) -> tuple[ExcludedRun, ...]:
    columns = (failed[name] for name in ("run_id", "run_name", "treatment", "status"))
    return tuple(ExcludedRun(*map(str, row)) for row in zip(*columns, strict=True))


def _only(found: list[Found], metric: str) -> Found:
    if not found:
        raise KeyError(metric)
    return found[0]
