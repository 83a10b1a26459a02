"""Normal Q-Q plots: does a sample look as if drawn from a normal distribution?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from scipy.stats import norm

from src.analysis.describe import Description
from src.analysis.hypothesis_tests import PUBLISHED_ALPHA
from src.analysis.values import Sample, is_constant
from src.contract.metrics import Metric
from src.figures.drawing import Drawing, kinds_of, left_out, not_drawn, samples_of
from src.figures.looks import Treatments, colours, markers, wrapped_labels
from src.figures.numbers import p_phrase
from src.figures.style import GREY, house_style, new_figure, note_kind
from src.figures.units import as_words, set_ticks

FEWEST = 3
COLUMNS = 3
MOST_POINTS = 300


@house_style()
def draw_normal_qq(
    runs: pd.DataFrame, metric: Metric, treatments: Treatments, descriptions: Mapping[str, Description]
) -> Drawing:
    """A panel for each treatment with three different values; `descriptions` hold its Shapiro-Wilk test."""
    name = f"normal_qq_{metric.name}"
    samples = samples_of(runs, metric.name, treatments)
    drawn = {key: s for key, s in samples.items() if s.size >= FEWEST and not is_constant(s)}
    if not drawn:
        return not_drawn(name, f"no treatment has {FEWEST} runs with different values of {metric.name}")
    columns = min(COLUMNS, len(drawn))
    rows = -(-len(drawn) // columns)
    labels = wrapped_labels({key: treatments[key] for key in drawn})
    lines = max(label.count("\n") + 1 for label in labels.values())
    figure = new_figure(0.45 + (1.05 + 0.13 * lines + (0.35 if columns < COLUMNS else 0)) * rows)
    panels = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False).ravel().tolist()
    paint, shapes = colours(treatments), markers(treatments)
    for axes, (key, sample) in zip(panels, drawn.items(), strict=False):
        _draw_panel(axes, sample, paint[key], shapes[key])
        axes.set_title(f"{labels[key]}\n{_test_text(descriptions.get(key))}")
    _hide(panels[len(drawn) :], panels, columns)
    _set_axes(panels[0], list(drawn.values()))
    figure.supxlabel("Normal quantile (sd)", fontsize=7.5)
    figure.supylabel("Sample quantile (sd)", fontsize=7.5)
    note_kind(figure, kinds_of(runs[runs["treatment"].isin(drawn)], metric))
    missing = [key for key in samples if key not in drawn]
    return Drawing(name, _caption(f"{as_words(metric.title)} ({metric.name})", missing), figure)


def normal_quantiles(count: int) -> Sample:
    """Expected normal order statistics (count,) after Blom (1958)."""
    return np.asarray(norm.ppf((np.arange(1, count + 1) - 0.375) / (count + 0.25)))


def _draw_panel(axes: Axes, sample: Sample, colour: str, marker: str) -> None:
    x = normal_quantiles(sample.size)
    y = (np.sort(sample) - sample.mean()) / sample.std(ddof=1)
    if sample.size > MOST_POINTS:
        # All of both tails, where the news is, and the middle thinned.
        ends = np.arange(20)
        chosen = np.unique(
            np.concatenate([ends, np.linspace(0, x.size - 1, MOST_POINTS - 40).astype(int), x.size - 1 - ends])
        )
        x, y = x[chosen], y[chosen]
    axes.axline((0, 0), slope=1, color=GREY, linewidth=0.8)
    axes.scatter(x, y, s=9, marker=marker, color=colour, edgecolor="white", linewidth=0.2, zorder=3)
    axes.grid()


def _test_text(description: Description | None) -> str:
    if description is None or description.normality.p_value is None or description.normality.statistic is None:
        return ""
    shown = p_phrase(description.normality.p_value, PUBLISHED_ALPHA)
    return f"W = {description.normality.statistic:.3f}\n{shown}"


def _hide(unused: Sequence[Axes], panels: Sequence[Axes], columns: int) -> None:
    """Take unused panels away, and give the ones above them their ticks back."""
    for place, axes in enumerate(unused, start=len(panels) - len(unused)):
        axes.set_axis_off()
        if place >= columns:
            panels[place - columns].tick_params(labelbottom=True)


def _set_axes(axes: Axes, samples: Sequence[Sample]) -> None:
    reach = max(float(np.abs((s - s.mean()) / s.std(ddof=1)).max()) for s in samples)
    across = max(float(normal_quantiles(s.size)[-1]) for s in samples)
    axes.set(xlim=(-1.12 * across, 1.12 * across), ylim=(-1.12 * reach, 1.12 * reach))
    for axis in (axes.xaxis, axes.yaxis):
        set_ticks(axis, integer=True)


def _caption(what: str, missing: Sequence[str]) -> str:
    return (
        f"Normal Q-Q plot of {what}, in standard deviations from the treatment's"
        " mean. A normal sample lies along the line. W and p: Shapiro-Wilk."
        + left_out(missing, f"fewer than {FEWEST} runs or no spread")
    )
