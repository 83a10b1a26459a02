"""What holds for every figure, whatever the experiment."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from src.analysis.settings import AnalysisConfig
from src.contract.metrics import OLD_PHASES
from src.figures.drawing import Drawing
from src.figures.gallery import Network, draw_all
from src.figures.style import WIDTH_IN
from tests.made_runs import analyse, compared

CONFIG = AnalysisConfig(bootstrap_samples=100)
LAYERS: list[dict[str, Any]] = [
    {"kind": "conv", "filters": 64, "kernel": 3, "padding": "same", "activation": "relu"},
    {"kind": "max_pool", "size": 2, "stride": 2},
    {"kind": "conv", "filters": 512, "kernel": 11, "padding": "valid", "activation": "none"},
    {"kind": "flatten"},
    {"kind": "dense", "units": 10, "activation": "softmax"},
]
ALWAYS = {"energy_j", "duration_s", "power_w", "edp_js", "power_over_time", "energy_by_phase", "accuracy_energy"}
NOT_ABOUT_ENERGY = {"duration_s", "differences_duration_s", "architecture"}

Make = Callable[..., Any]


def draw(runs: pd.DataFrame, traces: Any = ()) -> dict[str, Drawing]:
    """All figures by name."""
    network = Network(tuple(LAYERS), (28, 28, 1), "cnn")
    told = compared(runs).runs
    labels = dict(zip(told["run_id"], told["treatment"], strict=True))
    names = {own: labels[run] for own, run in zip(runs["treatment"], runs["run_id"], strict=True)}
    named = [replace(trace, treatment=names[trace.treatment]) for trace in traces]
    found = draw_all(told, analyse(runs, CONFIG), named, network)
    return {drawing.name: drawing for drawing in found}


def test_every_figure_is_drawn_and_can_be_read(
    experiment: tuple[tuple[str, ...], int], make_runs: Make, make_traces: Make, faults_of: Make
) -> None:
    treatments, n = experiment
    drawings = draw(make_runs(treatments, n, kind="estimated"), make_traces(treatments, n, kind="estimated"))
    assert all(bool(d.caption) == (d.figure is not None) for d in drawings.values())
    assert all(bool(d.reason) == (d.figure is None) for d in drawings.values())
    figures = {name: d.figure for name, d in drawings.items() if d.figure is not None}
    assert set(figures) >= ALWAYS
    assert {figure.get_figwidth() for figure in figures.values()} == {WIDTH_IN}
    assert {name: faults for name, figure in figures.items() if (faults := faults_of(figure))} == {}


@pytest.mark.parametrize("kind", ["estimated", "replayed", "imported"])
def test_what_is_not_measured_says_so(kind: str, make_runs: Make, make_traces: Make, texts_of: Make) -> None:
    drawings = draw(make_runs(("tf", "jax"), 6, kind=kind), make_traces(("tf", "jax"), kind=kind))
    for name, drawing in drawings.items():
        said = any(kind.upper() in text for text in texts_of(drawing.figure))
        assert said == (name not in NOT_ABOUT_ENERGY), name


def test_recordings_without_events_are_not_said_to_be_tasks(make_runs: Make, texts_of: Make) -> None:
    runs = make_runs(("tf", "jax"), 6, kind="imported").assign(run_uid="imported/1")
    runs = runs.drop(columns=[name for name in runs if name.startswith("energy_") and name.endswith("_j")]).assign(
        energy_j=runs["energy_j"]
    )
    texts = [text for d in draw(runs).values() if d.figure for text in (*texts_of(d.figure), d.caption)]
    assert [text for text in texts if "of the task" in text] == []
    assert sum("nergy of the whole recording" in text for text in texts) >= 5
    assert sum("Duration of the whole recording" in text for text in texts) == 2


def test_measured_energy_bears_no_mark(make_runs: Make, make_traces: Make) -> None:
    drawings = draw(make_runs(("tf", "jax"), 6), make_traces(("tf", "jax")))
    assert all(d.figure is not None and d.figure.get_suptitle() == "" for d in drawings.values())


def test_some_estimated_runs_are_counted(make_runs: Make) -> None:
    runs = make_runs(("tf", "jax"), 6)
    runs.loc[:2, "energy_kind"] = "estimated"
    runs["params.hardware.name"] = "laptop"
    analysis = analyse(runs, AnalysisConfig(bootstrap_samples=100, compare=["energy_kind"]))
    figure = next(draw_all(compared(runs, ["energy_kind"]).runs, analysis)).figure
    assert isinstance(figure, Figure)
    assert figure.get_suptitle() == "3 of 12 runs ESTIMATED, not measured"


def test_constant_values_are_drawn(make_runs: Make, faults_of: Make) -> None:
    drawings = draw(make_runs(("tf", "torch", "jax"), 6, spread=0.0))
    assert drawings["normal_qq_energy_j"].reason is not None
    figures = [d.figure for d in drawings.values() if d.figure is not None]
    assert len(figures) == 9
    assert [faults_of(figure) for figure in figures] == [[]] * 9


def test_missing_metrics_leave_their_figures_out(make_runs: Make) -> None:
    phases = [f"energy_{phase}_j" for phase in OLD_PHASES]
    runs = make_runs(("tf", "torch"), 6).drop(columns=["accuracy", "edp_js", "power_w", *phases])
    runs["duration_s"] = np.nan
    drawings = draw(runs)
    missing = {name for name, drawing in drawings.items() if drawing.figure is None}
    assert missing == {
        "accuracy_energy", "edp_js", "energy_by_phase", "power_w", "duration_s", "power_over_time",
    }  # fmt: skip
    assert "accuracy" in str(drawings["accuracy_energy"].reason)


def test_failed_runs_and_excluded_outliers_are_not_drawn(make_runs: Make, texts_of: Make) -> None:
    runs = make_runs(("tf", "torch"), 12)
    runs.loc[0, "status"] = "failed"
    runs.loc[1, "energy_j"] = 1e6
    analysis = analyse(runs, AnalysisConfig(bootstrap_samples=100, outliers="iqr"))
    left_out = {o.run_id for o in analysis.outliers if o.metric == "energy_j"}
    assert "r1" in left_out
    figure = next(draw_all(compared(runs).runs, analysis)).figure
    shown = [text for text in texts_of(figure) if "n =" in text]
    assert shown[0].startswith("tf\n")
    assert sum(int(text.split("n = ")[1].rstrip(")")) for text in shown) == 23 - len(left_out)


def test_tables_as_the_store_types_them(make_runs: Make) -> None:
    runs = make_runs(("tf", "torch"), 6).convert_dtypes()
    floats = {name: "float64" for name in runs if runs[name].dtype == "Float64"}
    runs = runs.astype(floats).astype({"sequence": "Int64"})
    runs.loc[3, ["iteration", "position", "sequence"]] = pd.NA
    runs.loc[4, "sweep"] = pd.NA
    drawings = draw(runs)
    assert {name for name, drawing in drawings.items() if drawing.figure is None} == {"power_over_time"}
