"""A wall meter's power over runs."""

from __future__ import annotations

import numpy as np
import pytest

from src.figures.traces import Trace
from src.figures.wall_overlay import OverlaidRun, Wall, draw_wall_overlay

TREATMENTS = {"a": {"framework": "a"}, "b": {"framework": "b"}}
T = 1_760_000_000.0


@pytest.fixture
def wall() -> Wall:
    time_s = T + np.arange(-20.0, 100.0)
    trace = Trace("a", np.array([0.0, 10.0]), np.array([40.0, 41.0]), {}, "measured")
    runs = (OverlaidRun("a", T, T + 10, trace), OverlaidRun("b", T + 30, T + 50), OverlaidRun("a", T + 60, T + 70))
    return Wall("s1", time_s, 50.0 + (time_s - T) % 10, runs)


def test_runs_are_bands_where_they_were(wall: Wall) -> None:
    figure = draw_wall_overlay([wall], TREATMENTS).figure
    assert figure is not None
    whole, large = figure.axes
    bands = [(band.get_x(), band.get_x() + band.get_width()) for band in whole.patches]
    assert bands == [(0, 10), (30, 50), (60, 70)]
    assert whole.get_xlim() == pytest.approx((-20, 99))
    assert [(band.get_x(), band.get_x() + band.get_width()) for band in large.patches] == [(0, 10)]


def test_the_first_runs_own_power_lies_beside_it(wall: Wall) -> None:
    figure = draw_wall_overlay([wall], TREATMENTS).figure
    assert figure is not None
    meter, own = figure.axes[1].lines
    assert list(own.get_xdata()) == [0, 10]
    assert list(own.get_ydata()) == [40, 41]
    assert min(meter.get_xdata()) >= -0.5
    assert max(meter.get_ydata()) <= 60


def test_without_a_recording_it_says_so() -> None:
    drawing = draw_wall_overlay([], TREATMENTS)
    assert drawing.figure is None
    assert "not at hand" in (drawing.reason or "")
