"""Energy by phase, stacked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from src.contract.metrics import OF_TASK, of_phase
from src.figures.drawing import Drawing, left_out, not_drawn
from src.figures.looks import Treatments, phase_colours, row_in, wrapped_labels
from src.figures.style import ON_PAINT, house_style, legend_below, new_figure, note_kind, text_width_pt
from src.figures.units import Scale, scale, set_ticks, three_digits

NAME = "energy_by_phase"
DATA_WIDTH_PT = 135
"""About what a column leaves to the bars beside their labels."""


@house_style()
def draw_energy_by_phase(
    runs: pd.DataFrame, treatments: Treatments, phases: Sequence[str], outside_task: Sequence[str] = ()
) -> Drawing:
    """A bar for each treatment: the mean energy of its phases over the runs that know all of them."""
    columns = {of_phase(phase)[0].name: phase for phase in phases}
    if not phases or not set(columns) <= set(runs):
        return not_drawn(NAME, "no run knows the energy of its phases")
    whole = runs.dropna(subset=list(columns))
    whole = whole[whole["treatment"].isin(treatments)]
    if whole.empty:
        return not_drawn(NAME, "no run knows the energy of all its phases")
    means = whole.groupby("treatment")[list(columns)].mean()
    means = means.loc[[name for name in treatments if name in means.index]].rename(columns=columns)
    figure = new_figure(0.5 + row_in(wrapped_labels(treatments).values(), 0.36) * len(means))
    axes = figure.add_subplot()
    unit = scale(replace(OF_TASK[0], title="Mean energy"), means.sum(axis=1).to_numpy(dtype=float))
    _draw_bars(axes, means / unit.divisor, outside_task)
    _set_axes(axes, means, unit, treatments)
    legend_below(figure, axes, longest=3)
    note_kind(figure, [str(kind) for kind in whole["energy_kind"]])
    missing = [name for name in treatments if name not in means.index]
    return Drawing(NAME, _caption(outside_task) + left_out(missing, "want of the energy of all phases"), figure)


def _draw_bars(axes: Axes, means: pd.DataFrame, outside_task: Sequence[str]) -> None:
    rows = np.arange(len(means))
    left = np.zeros(len(means))
    longest = float(means.sum(axis=1).max()) or 1.0
    for phase, colour in phase_colours(map(str, means.columns)).items():
        width = means[phase].to_numpy(dtype=float)
        label = f"{phase} (not in the task)" if phase in outside_task else phase
        hatch = "////" if phase in outside_task else None
        axes.barh(
            rows, width, 0.62, left, color=colour, edgecolor="white", hatch=hatch,
            linewidth=0, label=label,
        )  # fmt: skip
        for row, value in enumerate(width):
            text = three_digits(value)
            if value / longest * DATA_WIDTH_PT > text_width_pt(text) + 6:
                axes.text(left[row] + value / 2, row, text, ha="center", va="center", color=ON_PAINT)
        left = left + width
    for row, total in enumerate(left):
        axes.text(total + 0.015 * longest, row, three_digits(total), va="center", fontweight="bold")
    axes.set_xlim(0, 1.24 * longest)


def _set_axes(axes: Axes, means: pd.DataFrame, unit: Scale, treatments: Treatments) -> None:
    labels = wrapped_labels({str(name): treatments[str(name)] for name in means.index})
    axes.set_yticks(range(len(means)), [labels[str(name)] for name in means.index])
    axes.set_ylim(len(means) - 0.5, -0.5)
    axes.tick_params(axis="y", length=0)
    axes.set_xlabel(unit.title)
    set_ticks(axes.xaxis, 4)


def _caption(outside_task: Sequence[str]) -> str:
    text = "Mean energy by phase; bold: the sum of all phases."
    return f"{text} No part of the task: {', '.join(outside_task)}." if outside_task else text
