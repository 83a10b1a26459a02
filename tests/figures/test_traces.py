"""Power traces: thinning keeps the energy, and the median is that of the runs still going."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from src.contract.metrics import OLD_PHASES
from src.figures.power_over_time import draw_power_over_time
from src.figures.traces import (
    MOST_LINES,
    POINTS,
    Trace,
    by_treatment,
    median_phases,
    median_power,
    some_of,
    thin,
)
from tests.made_runs import factors_of

Make = Callable[..., Any]
TF = factors_of(["tf"])


def trace(time_s: Any, power_w: Any, name: str = "tf", **phases: tuple[float, float]) -> Trace:
    return Trace(name, np.asarray(time_s, float), np.asarray(power_w, float), phases, "measured")


def test_thinning_keeps_the_energy() -> None:
    rng = np.random.default_rng(1)
    time_s = np.cumsum(rng.uniform(0.05, 0.4, 3000))
    long = trace(time_s, rng.uniform(10, 90, 3000))
    thinned = thin(long)
    step_s = (time_s[-1] - time_s[0]) / POINTS
    assert thinned.time_s.size == POINTS
    assert thinned.power_w.sum() * step_s == pytest.approx(np.trapezoid(long.power_w, time_s))


def test_a_short_trace_stays_as_it_is_but_for_missing_values() -> None:
    thinned = thin(trace([0, 1, 2, 3], [5, np.nan, 7, 8]))
    assert thinned.time_s.tolist() == [0, 2, 3]
    assert thinned.power_w.tolist() == [5, 7, 8]


def test_the_median_ends_where_half_of_the_runs_have_ended() -> None:
    runs = [trace([0, 10], [10, 10]), trace([0, 10], [30, 30]), trace([0, 100], [20, 20])]
    time_s, power_w = median_power(runs)
    assert time_s[-1] == 10
    assert set(power_w.tolist()) == {20.0}


def test_there_is_no_median_where_fewer_than_half_are_going() -> None:
    spans = ([0, 1], [0, 10], [9, 10], [20, 30])
    time_s, _ = median_power([trace(span, [10, 10]) for span in spans])
    assert (time_s[0] >= 9, time_s[-1]) == (True, 10)


def test_the_median_of_two_runs_that_never_overlap() -> None:
    time_s, power_w = median_power([trace([0, 1], [10, 10]), trace([9, 10], [30, 30])])
    assert np.isfinite(power_w).all()
    assert time_s.size == power_w.size


def test_phases_are_medians_over_the_runs_that_have_them() -> None:
    runs = [trace([0, 1], [1, 1], train=(1, 5)), trace([0, 1], [1, 1], train=(3, 9)), trace([0, 1], [1, 1])]
    assert median_phases(runs) == {"train": (2.0, 7.0)}


def test_lines_are_chosen_evenly() -> None:
    chosen = some_of([trace([0, 1], [k, k]) for k in range(1000)])
    assert len(chosen) == MOST_LINES
    assert [chosen[0].power_w[0], chosen[-1].power_w[0]] == [0, 999]


def test_traces_are_read_once_and_kept_in_the_order_of_the_treatments() -> None:
    def stream() -> Iterator[Trace]:
        yield trace([0, 1], [1, 1], "jax")
        yield trace([0, 1], [1, 1], "tf")
        yield trace([0], [1], "torch")
        yield trace([0, 1], [1, 1], "unknown")

    assert list(by_treatment(stream(), ["tf", "jax", "torch"])) == ["tf", "jax"]


def test_phases_are_named_only_where_they_are_known(make_traces: Make, texts_of: Make) -> None:
    known = make_traces(["tf"])
    bare = [Trace(t.treatment, t.time_s, t.power_w, {}, t.energy_kind) for t in known]
    assert "train" in texts_of(draw_power_over_time(known, TF, OLD_PHASES).figure)
    assert "train" not in texts_of(draw_power_over_time(bare, TF, OLD_PHASES).figure)
    assert "phases" not in draw_power_over_time(bare, TF, OLD_PHASES).caption


def test_a_panel_shows_each_run_and_their_median(make_traces: Make) -> None:
    figure = draw_power_over_time(make_traces(["tf", "jax"], n=4), factors_of(["tf", "jax"]), OLD_PHASES).figure
    assert figure is not None
    for axes in figure.axes:
        assert len(axes.collections[0].get_paths()) == 4
        assert len(axes.lines) == 1


def test_no_power_at_all_can_be_drawn() -> None:
    drawing = draw_power_over_time([trace([0, 1], [0, 0])], TF, OLD_PHASES)
    assert drawing.figure is not None
    assert drawing.figure.axes[0].get_ylim() == (0, 1)


def test_every_run_that_is_given_is_a_line_and_the_caption_tells_no_other_number(make_traces: Make) -> None:
    drawing = draw_power_over_time(make_traces(["tf"], n=MOST_LINES + 10, samples=20), TF, OLD_PHASES)
    assert drawing.figure is not None
    (axes,) = drawing.figure.axes
    assert len(axes.collections[0].get_paths()) == MOST_LINES + 10
    assert axes.get_title(loc="left") == f"tf ({MOST_LINES + 10} runs)"
    assert "Each thin line is a run, the bold black line their median" in drawing.caption
    assert str(MOST_LINES) not in drawing.caption


def test_phases_of_any_name_are_shaded(make_traces: Make, texts_of: Make) -> None:
    known = [Trace(t.treatment, t.time_s, t.power_w, {"sort": (1.0, 5.0)}, t.energy_kind) for t in make_traces(["tf"])]
    assert "sort" in texts_of(draw_power_over_time(known, TF, ("load", "sort")).figure)
