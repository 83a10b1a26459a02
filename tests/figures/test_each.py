"""What each figure shows is what the data say."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from src.analysis.analyse import Analysis
from src.analysis.settings import AnalysisConfig
from src.contract.metrics import OLD_CATALOGUE, OLD_PHASES
from src.figures.accuracy import draw_accuracy_energy, pareto_front
from src.figures.architecture import draw_architecture, flop, follow
from src.figures.distribution import draw_distribution
from src.figures.drawing import Drawing
from src.figures.forest import MOST_PAIRS, draw_differences
from src.figures.interaction import draw_interaction
from src.figures.phases import draw_energy_by_phase
from src.figures.quantiles import draw_normal_qq, normal_quantiles
from src.figures.run_order import draw_run_order, in_order
from src.workloads.training.network import output_shapes, parameter_count, training_flop
from tests.made_runs import analyse, compared, factors_of

Make = Callable[..., Any]
CONFIG = AnalysisConfig(bootstrap_samples=100)
ENERGY, ACCURACY = OLD_CATALOGUE["energy_j"], OLD_CATALOGUE["accuracy"]


def figure_of(drawing: Drawing) -> Figure:
    assert drawing.figure is not None, drawing.reason
    return drawing.figure


def axes_of(drawing: Drawing) -> Axes:
    return figure_of(drawing).axes[0]


@pytest.mark.parametrize(("n", "shapes"), [(1, 0), (4, 0), (5, 1), (30, 1)])
def test_a_violin_needs_five_runs(n: int, shapes: int, make_runs: Make) -> None:
    axes = axes_of(draw_distribution(make_runs(("tf",), n), ENERGY, factors_of(("tf",))))
    assert len(axes.collections) == shapes + 1
    assert len(axes.patches) == shapes


def test_every_run_is_a_point(make_runs: Make) -> None:
    runs = make_runs(("tf", "jax"), 4)
    axes = axes_of(draw_distribution(runs, ENERGY, factors_of(("jax", "tf"))))
    drawn = [np.asarray(points.get_offsets())[:, 0] for points in axes.collections]
    for name, values in zip(("jax", "tf"), drawn, strict=True):
        assert sorted(values) == pytest.approx(sorted(runs.loc[runs["treatment"] == name, "energy_j"]))


@pytest.mark.parametrize(
    ("values", "scale", "from_zero"),
    [([100.0, 101.0], "linear", False), ([100.0, 300.0], "linear", True), ([1.0, 100.0], "log", False)],
    ids=["close", "apart", "far-apart"],
)
def test_the_axis_fits_the_values(
    values: list[float], scale: str, from_zero: bool, make_runs: Make, texts_of: Make
) -> None:
    runs = make_runs(("tf",), 2).assign(energy_j=values)
    drawing = draw_distribution(runs, ENERGY, factors_of(("tf",)))
    axes = axes_of(drawing)
    assert axes.get_xscale() == scale
    assert not any("$" in text for text in texts_of(drawing.figure))
    assert (axes.get_xlim()[0] == 0) == from_zero


def test_bars_are_the_phases_means(make_runs: Make) -> None:
    runs = make_runs(("tf", "jax"), 6)
    runs.loc[0, "energy_build_j"] = np.nan
    axes = axes_of(draw_energy_by_phase(runs, factors_of(("jax", "tf")), OLD_PHASES))
    widths = np.array([[bar.get_width() for bar in bars] for bars in axes.containers])
    whole = runs.drop(index=0)
    for row, name in enumerate(("jax", "tf")):
        own = whole[whole["treatment"] == name]
        phases = ("import", "data", "build", "train", "evaluate")
        assert widths[:, row] == pytest.approx([own[f"energy_{phase}_j"].mean() for phase in phases])


@pytest.mark.parametrize(
    ("points", "front"),
    [
        ({"a": (1, 1)}, ["a"]),
        ({"a": (1, 1), "b": (2, 2)}, ["a", "b"]),
        ({"a": (2, 1), "b": (1, 2)}, ["b"]),
        ({"a": (1, 1), "b": (1, 2), "c": (3, 2), "d": (4, 5)}, ["b", "d"]),
        ({"a": (1, 1), "b": (1, 1)}, ["a", "b"]),
    ],
    ids=["one", "trade-off", "beaten", "mixed", "equal"],
)
def test_pareto_front(points: dict[str, tuple[float, float]], front: list[str]) -> None:
    assert pareto_front(points) == front


def test_a_treatment_without_phases_is_named_in_the_caption(make_runs: Make) -> None:
    runs = make_runs(("tf", "jax"), 4)
    assert "Not drawn" not in draw_energy_by_phase(runs, factors_of(("tf", "jax")), OLD_PHASES).caption
    runs.loc[runs["treatment"] == "jax", "energy_build_j"] = np.nan
    caption = draw_energy_by_phase(runs, factors_of(("tf", "jax")), OLD_PHASES).caption
    assert caption.endswith(" Not drawn, for want of the energy of all phases: jax.")


def test_phases_are_those_of_the_runs_and_their_order_is_kept(make_runs: Make, texts_of: Make) -> None:
    runs = make_runs(("tf", "jax"), 4).assign(energy_sort_j=30.0, energy_load_j=10.0)
    drawing = draw_energy_by_phase(runs, factors_of(("tf", "jax")), ("load", "sort"), ("load",))
    widths = [[bar.get_width() for bar in bars] for bars in axes_of(drawing).containers]
    assert widths == [[10, 10], [30, 30]]
    assert {"load (not in the task)", "sort"} <= set(texts_of(drawing.figure))
    assert drawing.caption.endswith(" No part of the task: load.")


def test_the_front_is_named_in_the_caption(make_runs: Make) -> None:
    runs = make_runs(("tf", "jax"), 6)
    runs["accuracy"] = np.where(runs["treatment"] == "tf", 0.99, 0.5)
    assert draw_accuracy_energy(runs, ENERGY, ACCURACY, factors_of(("jax", "tf"))).caption.endswith("Pareto front: tf.")


def test_a_treatment_without_accuracy_is_named_under_the_front(make_runs: Make) -> None:
    runs = make_runs(("tf", "jax"), 4)
    runs["accuracy"] = runs["accuracy"].mask(runs["treatment"] == "jax")
    caption = draw_accuracy_energy(runs, ENERGY, ACCURACY, factors_of(("tf", "jax"))).caption
    assert caption.endswith("Pareto front: tf. Not drawn, for want of an energy or an accuracy: jax.")


def test_run_order_is_that_of_the_starts(make_runs: Make) -> None:
    runs = make_runs(("tf", "jax"), 3).sample(frac=1, random_state=1)
    assert in_order(runs)["sequence"].tolist() == [0, 1, 2, 3, 4, 5]
    later = pd.concat([runs, runs.assign(sweep="a", started_s=runs["started_s"] + 1e6)])
    assert in_order(later)["sweep"].tolist() == ["s"] * 6 + ["a"] * 6


def test_run_order_without_starts_falls_back(make_runs: Make) -> None:
    runs = make_runs(("tf",), 4).assign(started_s=np.nan, sequence=np.nan)
    assert in_order(runs.iloc[::-1])["iteration"].tolist() == [0, 1, 2, 3]
    assert draw_run_order(runs.assign(iteration=np.nan), ENERGY, factors_of(("tf",))).figure is None


def test_run_order_shows_percent_of_the_median(make_runs: Make) -> None:
    runs = make_runs(("tf",), 3).assign(energy_j=[90.0, 100.0, 120.0])
    axes = axes_of(draw_run_order(runs, ENERGY, factors_of(("tf",))))
    offsets = np.asarray(axes.collections[0].get_offsets())
    assert offsets.tolist() == [[1, -10], [2, 0], [3, pytest.approx(20)]]
    low, high = axes.get_ylim()
    assert low == -high


def test_normal_quantiles_are_symmetrical() -> None:
    quantiles = normal_quantiles(5)
    assert quantiles == pytest.approx(-quantiles[::-1])
    assert quantiles[-1] == pytest.approx(1.1798, abs=1e-4)  # norm.ppf(4.625 / 5.25)


def test_a_normal_sample_lies_on_the_line(make_runs: Make) -> None:
    runs = make_runs(("tf",), 50).assign(energy_j=1000 + 5 * normal_quantiles(50))
    x, y = np.asarray(axes_of(draw_normal_qq(runs, ENERGY, factors_of(("tf",)), {})).collections[0].get_offsets()).T
    assert np.abs(x - y).max() < 0.06


def test_the_test_of_normality_stands_above_its_panel(make_runs: Make) -> None:
    runs = make_runs(("tf", "jax"), 8)
    analysis = analyse(runs, CONFIG)
    described = {name: analysis.description(name, "energy_j") for name in ("tf", "jax")}
    axes = axes_of(draw_normal_qq(runs, ENERGY, factors_of(("tf", "jax")), described))
    assert f"W = {described['tf'].normality.statistic:.3f}" in axes.get_title(loc="left")


def forest(runs: pd.DataFrame) -> tuple[Analysis, Drawing]:
    analysis = analyse(runs, CONFIG)
    return analysis, draw_differences(runs, ENERGY, analysis.pairs, analysis.treatment_factors, CONFIG)


def test_the_forest_shows_every_pair(make_runs: Make, texts_of: Make) -> None:
    analysis, drawing = forest(make_runs(("tf", "torch", "jax"), 8))
    rows = [text for text in texts_of(figure_of(drawing)) if " against " in text]
    assert [row.split(":")[0] for row in rows] == ["torch against tf", "jax against tf", "jax against torch"]
    percent = analysis.pairs_of("energy_j")[0].difference.percent
    assert percent is not None
    assert rows[0].startswith(
        f"torch against tf: {percent:+.0f}" if percent >= 100 else f"torch against tf: {percent:+.1f}"
    )


@pytest.mark.parametrize("kind", ["measured", "estimated"])
def test_the_band_of_small_differences_keeps_off_the_text(kind: str, make_runs: Make) -> None:
    runs = make_runs(("tf", "jax", "a framework_with_a_long_name training.batch_size=32"), 5, kind=kind)
    _, drawing = forest(runs)
    figure, axes = figure_of(drawing), axes_of(drawing)
    FigureCanvasAgg(figure)
    figure.draw_without_rendering()
    texts = [text.get_window_extent() for text in axes.texts]
    bands = [band.get_window_extent() for band in axes.collections]
    assert len(texts) == len(bands) == 3
    gap_px = 0.02 * figure.dpi
    for text, band in zip(texts, bands, strict=True):
        assert text.y0 > band.y1 + gap_px
    for band, text in zip(bands, texts[1:], strict=False):
        assert band.y0 > text.y1


def test_many_pairs_are_those_with_the_least_energy(make_runs: Make, texts_of: Make) -> None:
    names = [f"t{k}" for k in range(8)]
    _, drawing = forest(make_runs(names, 3))
    rows = [text for text in texts_of(figure_of(drawing)) if " against " in text]
    assert MOST_PAIRS < 8 * 7 / 2
    assert len(rows) == 7
    assert all(" against t0:" in row for row in rows)
    assert "7 of 28 pairs" in drawing.caption


def test_single_runs_have_a_difference_without_interval(make_runs: Make, texts_of: Make) -> None:
    _, drawing = forest(make_runs(("tf", "jax"), 1))
    row = next(text for text in texts_of(figure_of(drawing)) if " against " in text)
    assert "[" not in row


def test_what_was_not_tested_is_drawn_as_such(make_runs: Make, texts_of: Make) -> None:
    runs = make_runs(("tf", "jax"), 8)
    tested, _ = forest(runs)
    (pair,) = tested.pairs_of("energy_j")
    for significant, mark, filled, said in (
        (True, "D", True, "difference shown (corrected p < 0.05)"),
        (False, "D", False, "no difference shown"),
        (None, "x", True, "not tested: nothing is said of it"),
    ):
        judged = replace(pair, verdict=replace(pair.verdict, significant=significant))
        drawing = draw_differences(runs, ENERGY, [judged], tested.treatment_factors, CONFIG)
        point = axes_of(drawing).lines[-1]
        assert (point.get_marker(), point.get_markerfacecolor() != "white") == (mark, filled)
        texts = texts_of(figure_of(drawing))
        assert said in texts
        assert sum(text.startswith(("difference", "no diff", "not tested")) for text in texts) == 1


def crossed(make_runs: Make, corner: float = 1.0) -> tuple[pd.DataFrame, Analysis]:
    """Two frameworks with three batch sizes; one combination takes `corner` times as much."""
    names = [f"{name} training.batch_size={size}" for name in ("tf", "jax") for size in (128, 16, 32)]
    runs = make_runs(names, 6)
    runs["framework"] = runs["treatment"].str.split().str[0]
    runs.loc[runs["treatment"] == names[1], "energy_j"] *= corner
    compared_runs = compared(runs)
    return compared_runs.runs, analyse(runs, CONFIG)


def test_lines_of_one_factor_run_over_the_levels_of_the_other(make_runs: Make, texts_of: Make) -> None:
    runs, analysis = crossed(make_runs, 1.5)
    assert analysis.factorial is not None
    described = {d.treatment: d for d in analysis.descriptions if d.metric == "energy_j"}
    drawing = draw_interaction(runs, ENERGY, analysis.factorial, analysis.treatment_factors, described)
    axes = axes_of(drawing)
    lines = {str(line.get_label()): np.asarray(line.get_ydata()) for line in axes.lines if line.get_marker() != "None"}
    assert list(lines) == ["jax", "tf"]
    for name, means in lines.items():
        assert means.tolist() == [described[f"{name} batch_size={size}"].mean for size in (16, 32, 128)]
    assert [text.get_text() for text in axes.get_xticklabels()] == ["16", "32", "128"]
    assert axes.get_yscale() == "log"


def test_no_lines_without_all_combinations(make_runs: Make) -> None:
    runs, analysis = crossed(make_runs)
    assert analysis.factorial is not None
    drawing = draw_interaction(runs, ENERGY, analysis.factorial, analysis.treatment_factors, {})
    assert (drawing.figure, drawing.reason) == (None, "not every combination has energy_j")


LAYERS: list[dict[str, Any]] = [
    {"kind": "conv", "filters": 6, "kernel": 5, "padding": "same", "activation": "tanh"},
    {"kind": "avg_pool", "size": 2, "stride": 2},
    {"kind": "flatten"},
    {"kind": "dense", "units": 10, "activation": "softmax"},
]


def test_the_architecture_has_shapes_and_parameters(texts_of: Make) -> None:
    drawing = draw_architecture(LAYERS, (28, 28, 1), "small")
    texts = texts_of(figure_of(drawing))
    for expected in ("28 × 28 × 6", "14 × 14 × 6", "1\u2009176", "156", "11\u2009770", "5 × 5, same, tanh"):
        assert expected in texts
    parameters = f"{parameter_count(LAYERS, (28, 28, 1)):,}".replace(",", "\u202f")
    assert f"small: {parameters} parameters" in drawing.caption


@pytest.mark.parametrize("name", ["cnn", "mlp", "lenet5"])
def test_the_architecture_counts_as_the_trainers_do(name: str, composed: Make) -> None:
    model = composed(f"model={name}").model
    layers = [{key: value for key, value in vars(layer).items() if value is not None} for layer in model.layers]
    steps = follow(layers, (28, 28, 1))
    assert [step.shape for step in steps] == output_shapes(layers, (28, 28, 1))
    assert sum(step.parameters for step in steps) == parameter_count(layers, (28, 28, 1))
    assert flop(steps)[1] == training_flop(layers, (28, 28, 1))
    assert flop(steps)[1] / 3 < flop(steps)[0] < flop(steps)[1] / 2


def test_layers_that_are_no_network_are_not_drawn() -> None:
    drawing = draw_architecture([{"kind": "dense", "units": 10, "activation": "softmax"}], (28, 28, 1))
    assert drawing.figure is None
    assert "flatten" in str(drawing.reason)
