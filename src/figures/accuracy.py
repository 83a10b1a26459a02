"""Accuracy against energy, with the Pareto front."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from src.contract.metrics import Metric
from src.figures.drawing import CROWD, Drawing, kinds_of, left_out, not_drawn
from src.figures.looks import Treatments, colours, markers, short_labels, wrap
from src.figures.style import GREY, INK, house_style, legend_below, new_figure, note_kind
from src.figures.units import scale, set_ticks

NAME = "accuracy_energy"
Point = tuple[float, float]


@house_style()
def draw_accuracy_energy(runs: pd.DataFrame, energy: Metric, accuracy: Metric, treatments: Treatments) -> Drawing:
    """Small markers are runs, large ones the treatments' medians; the front joins the medians nobody beats."""
    both = [energy.name, accuracy.name]
    if not set(both) <= set(runs):
        return not_drawn(NAME, f"no run has both accuracy and {energy.name}")
    known = runs[runs["treatment"].isin(treatments)].dropna(subset=both)
    if known.empty:
        return not_drawn(NAME, f"no run has both accuracy and {energy.name}")
    x_unit, y_unit = (scale(metric, known[metric.name].to_numpy(dtype=float)) for metric in (energy, accuracy))
    points = known[["treatment"]].assign(
        x=known[energy.name].astype(float) / x_unit.divisor,
        y=known[accuracy.name].astype(float) / y_unit.divisor,
    )
    present = [name for name in treatments if (points["treatment"] == name).any()]
    figure = new_figure(2.3)
    axes = figure.add_subplot()
    medians = _draw_points(axes, points, present, treatments)
    axes.set(xlabel=x_unit.title, ylabel=y_unit.title)
    _set_axes(axes, points)
    _draw_front(axes, pareto_front(medians), medians)
    legend_below(figure, axes)
    note_kind(figure, kinds_of(known, energy))
    missing = [name for name in treatments if name not in present]
    return Drawing(NAME, _caption(accuracy.title, pareto_front(medians), missing), figure)


def pareto_front(points: Mapping[str, Point]) -> list[str]:
    """The names of (energy, accuracy) that no other has with at most its energy and at least its accuracy.

    In the order of their energy; of equal points all are kept.
    """

    def beaten(point: Point) -> bool:
        return any(other != point and other[0] <= point[0] and other[1] >= point[1] for other in points.values())

    return sorted((name for name, point in points.items() if not beaten(point)), key=lambda name: points[name])


def _draw_points(axes: Axes, points: pd.DataFrame, present: Sequence[str], treatments: Treatments) -> dict[str, Point]:
    """Draw all runs and the medians; returns the medians."""
    paint, shapes = colours(treatments), markers(treatments)
    labels = short_labels({name: treatments[name] for name in present})
    medians = {}
    for name in present:
        own = points[points["treatment"] == name]
        medians[name] = (float(own["x"].median()), float(own["y"].median()))
        if len(own) > 1:
            axes.scatter(
                own["x"], own["y"], s=8, marker=shapes[name], color=paint[name], alpha=0.45, linewidth=0,
                rasterized=len(points) > CROWD,
            )  # fmt: skip
        axes.scatter(
            *medians[name], s=42, marker=shapes[name], color=paint[name], edgecolor=INK, linewidth=0.7,
            zorder=5, label="\n".join(wrap(labels[name], 26)),
        )  # fmt: skip
    return medians


def _set_axes(axes: Axes, points: pd.DataFrame) -> None:
    low, high = float(points["x"].min()), float(points["x"].max())
    if 0 <= low < 0.6 * high:
        axes.set_xlim(0, high * 1.06)
    axes.margins(x=0.08, y=0.1)
    if np.ptp(points["y"]) < 0.1:
        # Differences of less than a tenth of a percentage point must not fill the figure.
        middle = float(points["y"].median())
        axes.set_ylim(middle - 0.5, min(middle + 0.5, 100.05))
    set_ticks(axes.xaxis)
    set_ticks(axes.yaxis)
    axes.grid()


def _draw_front(axes: Axes, front: Sequence[str], medians: Mapping[str, Point]) -> None:
    """A staircase through the front's medians: what lies right of it and below is beaten."""
    (low_x, high_x), (low_y, high_y) = axes.get_xlim(), axes.get_ylim()
    x = [medians[front[0]][0], *(medians[name][0] for name in front), high_x]
    y = [low_y, *(medians[name][1] for name in front), medians[front[-1]][1]]
    axes.step(
        x, y, where="post", color=GREY, linewidth=1, linestyle=(0, (4, 2)), zorder=2,
        label="Pareto front (medians)",
    )  # fmt: skip
    axes.set(xlim=(low_x, high_x), ylim=(low_y, high_y))


def _caption(title: str, front: Sequence[str], missing: Sequence[str]) -> str:
    return (
        f"{title} against energy. Small markers are runs, large ones medians. No treatment has a lower median"
        f" energy at an accuracy at least as high as those on the Pareto front: {', '.join(front)}."
        + left_out(missing, "want of an energy or an accuracy")
    )
