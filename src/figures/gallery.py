"""All figures of a report."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import pandas as pd

from src.analysis import outliers
from src.analysis.analyse import Analysis
from src.analysis.comparable import comparable
from src.figures.accuracy import draw_accuracy_energy
from src.figures.architecture import draw_architecture
from src.figures.distribution import draw_distribution
from src.figures.drawing import Drawing, not_drawn
from src.figures.forest import draw_differences
from src.figures.phases import draw_energy_by_phase
from src.figures.power_over_time import draw_power_over_time
from src.figures.quantiles import draw_normal_qq
from src.figures.run_order import draw_run_order
from src.figures.traces import Trace
from src.workloads.training.network import Layer, Shape

DISTRIBUTIONS = ("duration_s", "power_w", "edp_js")


def draw_all(
    runs: pd.DataFrame,
    analysis: Analysis,
    traces: Iterable[Trace] = (),
    layers: Sequence[Layer] = (),
    input_shape: Shape = (),
    model: str = "",
) -> Iterator[Drawing]:
    """Every figure in the order a report shows them, one at a time; a missing one comes with its reason.

    `runs` is the table that was analysed. `traces` bear the treatments of the analysis.
    """
    table, treatments, energy = analysed_runs(runs, analysis), analysis.treatments, analysis.energy_metric
    described = {d.treatment: d for d in analysis.descriptions if d.metric == energy}
    for metric in (energy, *_fitting(energy, table)):
        yield draw_distribution(table, metric, treatments)
    yield draw_differences(table, energy, analysis.pairs, analysis.config)
    yield draw_power_over_time(traces, treatments)
    yield draw_energy_by_phase(table, treatments)
    yield draw_accuracy_energy(table, energy, treatments)
    yield draw_run_order(table, energy, treatments)
    yield draw_normal_qq(table, energy, treatments, described)
    yield (
        draw_architecture(layers, input_shape, model)
        if layers
        else not_drawn("architecture", "the layers of the model are not known")
    )


def analysed_runs(runs: pd.DataFrame, analysis: Analysis) -> pd.DataFrame:
    """The runs that the results are about, with the analysis' own treatments and without excluded outliers."""
    left_out = {run.run_id for run in analysis.excluded_runs}
    kept = runs[~runs["run_id"].astype(str).isin(left_out)].reset_index(drop=True)
    return outliers.without(comparable(kept, analysis.config.compare), list(analysis.outliers))


def _fitting(energy: str, table: pd.DataFrame) -> Iterable[str]:
    """The other metrics to show; beside the whole process' energy its own duration."""
    if energy == "energy_total_j" and "duration_total_s" in table:
        return ("duration_total_s", *DISTRIBUTIONS[1:])
    return DISTRIBUTIONS
