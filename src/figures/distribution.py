"""The distribution of one metric: violin, box and every single run."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from scipy.stats import gaussian_kde

from src.analysis.values import Sample, is_constant
from src.contract.metrics import Metric
from src.figures.drawing import CROWD, Drawing, kinds_of, not_drawn, samples_of
from src.figures.looks import Treatments, colours, row_in, wrapped_labels
from src.figures.style import INK, house_style, new_figure, note_kind
from src.figures.units import group_thousands, number, scale, set_ticks

FEWEST = 5
"""Fewer values have no shape: they stand as points, with a line at their median."""

LOG_FROM = 30
"""A largest value this many times the smallest needs a logarithmic axis."""

ZERO_FROM = 0.6
"""Where the smallest value is below this share of the largest, the axis begins at zero."""

ROW_IN = 0.45


@house_style()
def draw_distribution(runs: pd.DataFrame, metric: Metric, treatments: Treatments) -> Drawing:
    """One row a treatment, in the given order from the top: half a violin, a box, the runs below it."""
    samples = samples_of(runs, metric.name, treatments)
    if not samples:
        return not_drawn(metric.name, f"no run has {metric.name}")
    every = np.concatenate(list(samples.values()))
    unit = scale(metric, every)
    names = _row_names(samples, treatments)
    figure = new_figure(0.6 + row_in(names, ROW_IN) * len(samples))
    axes = figure.add_subplot()
    logarithmic = _set_axis(axes, every / unit.divisor)
    paint = colours(treatments)
    for row, (name, sample) in enumerate(samples.items()):
        _draw_row(axes, row, sample / unit.divisor, paint[name], logarithmic)
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.5, -0.55)
    axes.tick_params(axis="y", length=0)
    axes.set_xlabel(unit.title + (", logarithmic axis" if logarithmic else ""))
    note_kind(figure, kinds_of(runs, metric))
    return Drawing(metric.name, _caption(metric.title, samples), figure)


def _set_axis(axes: Axes, every: Sample) -> bool:
    """Choose the axis for all values; True for a logarithmic one."""
    low, high = float(every.min()), float(every.max())
    if low > 0 and high / low > LOG_FROM:
        axes.set_xscale("log")
        group_thousands(axes.xaxis)
        axes.set_xlim(low / (high / low) ** 0.04, high * (high / low) ** 0.04)
    else:
        from_zero = 0 <= low < ZERO_FROM * high
        pad = 0.06 * (high - low) or 0.05 * abs(high) or 1.0
        axes.set_xlim(0 if from_zero else low - pad, high + pad)
        set_ticks(axes.xaxis)
    axes.grid(axis="x")
    return axes.get_xscale() == "log"


def _draw_row(axes: Axes, row: int, sample: Sample, colour: str, logarithmic: bool) -> None:
    if sample.size >= FEWEST:
        if not is_constant(sample):
            grid, height = _density(sample, logarithmic)
            axes.fill_between(grid, row - 0.12 - 0.34 * height, row - 0.12, color=colour, alpha=0.45, linewidth=0)
        _draw_box(axes, row, sample)
    elif sample.size > 1:
        axes.plot([np.median(sample)] * 2, [row - 0.22, row + 0.22], color=INK, linewidth=1.2, zorder=4)
    axes.scatter(
        sample,
        row + (0.27 if sample.size >= FEWEST else 0.0) + _jitter(sample.size),
        s=9 if sample.size <= 100 else 3,
        color=colour,
        alpha=1.0 if sample.size <= CROWD else 0.25,
        edgecolor="white",
        linewidth=0.3 if sample.size <= 100 else 0,
        zorder=3,
        rasterized=sample.size > CROWD,
    )


def _density(sample: Sample, logarithmic: bool) -> tuple[Sample, Sample]:
    """Gaussian kernel density from smallest to largest value, highest at 1, in the axis' own space."""
    inner = np.log(sample) if logarithmic else sample
    grid = np.linspace(inner.min(), inner.max(), 100)
    height = gaussian_kde(inner)(grid)
    along = np.exp(grid) if logarithmic else grid
    return np.asarray(along, dtype=np.float64), np.asarray(height / height.max(), dtype=np.float64)


def _draw_box(axes: Axes, row: int, sample: Sample) -> None:
    line = {"color": INK, "linewidth": 0.7}
    axes.boxplot(
        sample,
        positions=[row],
        orientation="horizontal",
        widths=0.16,
        showfliers=False,
        manage_ticks=False,
        patch_artist=True,
        boxprops={"facecolor": "white", "edgecolor": INK, "linewidth": 0.7},
        medianprops={"color": INK, "linewidth": 1.3, "solid_capstyle": "butt"},
        whiskerprops=line,
        capprops=line,
    )


def _jitter(count: int) -> Sample:
    """Heights (count,) that keep neighbours apart and are the same every time: the golden ratio's multiples."""
    if count == 1:
        return np.zeros(1)
    steps = np.arange(count, dtype=np.float64) * 0.6180339887498949
    return 0.22 * (steps % 1 - 0.5)


def _row_names(samples: Mapping[str, Sample], treatments: Treatments) -> list[str]:
    labels = wrapped_labels({name: treatments[name] for name in samples})
    return [f"{labels[name]}\n(n = {number(sample.size)})" for name, sample in samples.items()]


def _caption(title: str, samples: Mapping[str, Sample]) -> str:
    text = f"{title} by treatment. Every dot is a run, its height without meaning"
    if any(sample.size >= FEWEST for sample in samples.values()):
        text += (
            "; the box spans the quartiles, its bold line is the median, its whiskers reach the furthest run within"
            " 1.5 interquartile ranges; the shape above is the kernel density, each with its own height"
        )
    if any(1 < sample.size < FEWEST for sample in samples.values()):
        text += f"; with fewer than {FEWEST} runs a line marks the median"
    return text + "."
