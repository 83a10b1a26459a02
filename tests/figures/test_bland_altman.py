"""The picture of how meters agree."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from src.analysis.agreement import Agreement, agreements
from src.figures.bland_altman import draw_bland_altman

TREATMENTS = {"a": {"framework": "a"}, "b": {"framework": "b"}}


@pytest.fixture
def found() -> Agreement:
    energy_j = np.array([100.0, 220, 101, 219, 99, 221])
    runs = pd.DataFrame({"energy_j": energy_j, "energy_by_x_j": energy_j + np.array([40.0, 41, 39, 40, 41, 39])})
    runs = runs.assign(treatment=["a", "b"] * 3, meter="native", energy_kind="measured")
    return agreements(runs.assign(**{"tags.energy_kind.x": "estimated"}))[0]


def test_each_run_is_a_point_and_each_limit_a_line(found: Agreement) -> None:
    figure = draw_bland_altman([found], TREATMENTS).figure
    assert figure is not None
    (axes,) = figure.axes
    points = np.concatenate([scatter.get_offsets() for scatter in axes.collections])
    assert sorted(map(tuple, points)) == sorted(zip(found.means_j, found.differences, strict=True))
    assert found.limits is not None
    heights = {line.get_ydata()[0] for line in axes.lines}
    assert {found.limits.bias, found.limits.lower, found.limits.upper} <= heights
    assert axes.get_title("left") == "x (ESTIMATED, not measured) against native"


@pytest.mark.parametrize(("by_ratio", "label"), [(False, "Difference (J)"), (True, "x / native")])
def test_the_axis_says_whether_ratios_are_shown(found: Agreement, by_ratio: bool, label: str) -> None:
    drawing = draw_bland_altman([replace(found, by_ratio=by_ratio)], TREATMENTS)
    assert drawing.figure is not None
    assert drawing.figure.axes[0].get_ylabel() == label
    assert ("the ratio is shown" in drawing.caption) is by_ratio


def test_without_a_second_meter_there_is_no_picture() -> None:
    assert draw_bland_altman([], TREATMENTS).figure is None
