"""Means over the levels of one factor, a line for each level of another: parallel where neither asks for the other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter

from src.analysis.describe import Description
from src.analysis.factorial import Factorial
from src.contract.metrics import Metric
from src.figures.drawing import Drawing, kinds_of, not_drawn
from src.figures.looks import MARKERS, Treatments, colours, factor_name, level_label, wrap
from src.figures.style import house_style, legend_below, new_figure, note_kind
from src.figures.units import Scale, as_words, group_thousands, scale

NAME = "interaction"
APART = 0.05
"""Of the room between two levels, by which lines stand beside each other, so that no interval hides another."""
DECADE = 8
"""From this ratio of the largest to the smallest mean on, the axis has the ticks of a logarithmic one."""


@house_style()
def draw_interaction(
    runs: pd.DataFrame,
    metric: Metric,
    found: Factorial,
    treatments: Treatments,
    described: Mapping[str, Description],
) -> Drawing:
    """Of two factors: that with numbers, else with more levels, along the axis; `described` are the metric's."""
    if len(found.factors) != 2:
        return not_drawn(NAME, "it is drawn for two factors only; the tables have all")
    means = {name: own.mean for name, own in described.items() if own.mean is not None and own.mean > 0}
    if set(means) != set(treatments):
        return not_drawn(NAME, f"not every combination has {metric.name}")
    along, across = sorted(found.factors, key=lambda factor: _rank(found.factors[factor]), reverse=True)
    unit = scale(metric, np.array(list(means.values())))
    figure = new_figure(2.3)
    axes = figure.add_subplot()
    for place, level in enumerate(found.factors[across]):
        members = [name for at in found.factors[along] for name in _of(treatments, {across: level, along: at})]
        shift = APART * (place - (len(found.factors[across]) - 1) / 2)
        _draw_line(axes, [described[name] for name in members], unit, shift, colours(treatments)[members[0]],
                   MARKERS[place % len(MARKERS)], "\n".join(wrap(level_label(across, level), 26)))  # fmt: skip
    _set_axes(axes, found.factors[along], along, unit, list(means.values()))
    legend_below(figure, axes)
    note_kind(figure, kinds_of(runs, metric))
    return Drawing(NAME, _caption(metric, along, across), figure)


def _rank(levels: Sequence[str]) -> tuple[bool, int]:
    return all(level.replace(".", "", 1).isdigit() for level in levels), len(levels)


def _of(treatments: Treatments, chosen: Mapping[str, str]) -> list[str]:
    return [name for name, own in treatments.items() if chosen.items() <= own.items()]


def _draw_line(
    axes: Axes, members: Sequence[Description], unit: Scale, shift: float, colour: str, marker: str, label: str
) -> None:
    x = np.arange(len(members)) + shift
    means = np.array([own.mean for own in members], dtype=float) / unit.divisor
    axes.plot(x, means, marker=marker, markersize=4, color=colour, linewidth=1.1, label=label, zorder=4)
    for place, own in zip(x, members, strict=True):
        if own.mean_interval is not None:
            ends = np.array([own.mean_interval.low, own.mean_interval.high]) / unit.divisor
            axes.plot([place, place], ends, color=colour, linewidth=1.3, solid_capstyle="butt", zorder=3)


def _set_axes(axes: Axes, levels: Sequence[str], along: str, unit: Scale, means: Sequence[float]) -> None:
    axes.set_yscale("log")
    near = max(means) < DECADE * min(means)
    axes.yaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 2.5, 5, 10]) if near else LogLocator(10, (1, 2, 5)))
    axes.yaxis.set_minor_formatter(NullFormatter())
    axes.tick_params(axis="y", which="minor", length=0)
    group_thousands(axes.yaxis)
    axes.set_xticks(range(len(levels)), ["\n".join(wrap(level, 14)) for level in levels])
    axes.set(xlim=(-0.4, len(levels) - 0.6), xlabel=factor_name(along), ylabel=f"Mean, {as_words(unit.title)}")
    axes.grid(axis="y")


def _caption(metric: Metric, along: str, across: str) -> str:
    names = [factor_name(factor) for factor in (along, across)]
    return (
        f"Mean {as_words(metric.title)} ({metric.name}) by {names[0]} and {names[1]}, with the intervals of the means, "
        f"on a logarithmic axis: lines are parallel where {names[1]} makes the same ratio at every {names[0]}."
    )
