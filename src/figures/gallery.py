"""All figures of a report."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import pandas as pd

from src.analysis import outliers
from src.analysis.analyse import Analysis
from src.contract.metrics import OF_TASK, Metric
from src.figures.accuracy import draw_accuracy_energy
from src.figures.architecture import draw_architecture
from src.figures.distribution import draw_distribution
from src.figures.drawing import Drawing
from src.figures.each_machine import draw_machines
from src.figures.forest import draw_differences
from src.figures.interaction import draw_interaction
from src.figures.phases import draw_energy_by_phase
from src.figures.power_over_time import draw_power_over_time
from src.figures.quantiles import draw_normal_qq
from src.figures.run_order import draw_run_order
from src.figures.traces import Trace


@dataclass(frozen=True)
class Network:
    """What a model is made of: its layers as the configuration has them, the shape of an image, its name."""

    layers: tuple[dict[str, Any], ...]
    input_shape: tuple[int, ...]
    name: str


def draw_all(
    runs: pd.DataFrame, analysis: Analysis, traces: Iterable[Trace] = (), network: Network | None = None
) -> Iterator[Drawing]:
    """Every figure in the order a report shows them, one at a time; a missing one comes with its reason.

    `runs` is the table that was analysed. `traces` bear the treatments of the analysis. Accuracy and a network belong
    to runs that have them.
    """
    table, treatments = analysed_runs(runs, analysis), analysis.treatment_factors
    catalogue = analysis.catalogue
    energy = catalogue[analysis.energy_metric]
    described = {d.treatment: d for d in analysis.descriptions if d.metric == energy.name}
    for metric in (energy, *_beside(energy, table, catalogue)):
        yield draw_distribution(table, metric, treatments)
    decisive = catalogue[analysis.decisive_metric]
    yield draw_differences(table, decisive, analysis.pairs, treatments, analysis.config)
    yield from draw_machines(table, decisive, analysis.pairs, treatments, analysis.config)
    if analysis.factorial is not None:
        means = {d.treatment: d for d in analysis.descriptions if d.metric == decisive.name}
        yield draw_interaction(table, decisive, analysis.factorial, treatments, means)
    yield draw_power_over_time(traces, treatments, analysis.phases)
    yield draw_energy_by_phase(table, treatments, analysis.phases, analysis.outside_task)
    if "accuracy" in catalogue:
        yield draw_accuracy_energy(table, energy, catalogue["accuracy"], treatments)
    yield draw_run_order(table, energy, treatments)
    yield draw_normal_qq(table, energy, treatments, described)
    if network is not None:
        yield draw_architecture(network.layers, network.input_shape, network.name)


def analysed_runs(runs: pd.DataFrame, analysis: Analysis) -> pd.DataFrame:
    """The runs that decide, without excluded outliers."""
    left_out = {run.run_id for run in analysis.excluded_runs} | {run.run_id for run in analysis.doubtful_runs}
    kept = runs[~runs["run_id"].astype(str).isin(left_out)].reset_index(drop=True)
    return outliers.without(kept, list(analysis.outliers))


def _beside(energy: Metric, table: pd.DataFrame, catalogue: dict[str, Metric]) -> Iterable[Metric]:
    """The other metrics to show: the headline ones, but accuracy, which has a figure of its own.

    Beside the whole process' energy stands its own duration.
    """
    whole = energy.name == "energy_total_j" and "duration_total_s" in table
    for name, metric in catalogue.items():
        if metric.headline and name not in (OF_TASK[0].name, "accuracy"):
            yield catalogue["duration_total_s"] if whole and name == "duration_s" else metric
