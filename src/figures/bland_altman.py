"""Differences between two meters against the mean of both (Bland and Altman, 1986), a panel for each pair of meters."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from src.analysis.agreement import Agreement
from src.analysis.values import Interval
from src.figures.drawing import CROWD, Drawing, not_drawn
from src.figures.kinds import BRIEFLY
from src.figures.looks import Treatments, colours, markers, short_labels, wrap
from src.figures.style import GREY, INK, SMALL_PT, house_style, legend_below, new_figure
from src.figures.units import set_ticks

NAME = "bland_altman"
PANEL_IN = 1.9


@house_style()
def draw_bland_altman(found: Sequence[Agreement], treatments: Treatments) -> Drawing:
    """Each point is a run; the lines are the bias and the limits of agreement, the bands their intervals."""
    shown = [agreement for agreement in found if agreement.n]
    if not shown:
        return not_drawn(NAME, "no run was recorded by a second meter")
    figure = new_figure(PANEL_IN * len(shown))
    panels = figure.subplots(len(shown), squeeze=False)[:, 0]
    for axes, agreement in zip(panels, shown, strict=True):
        _draw_points(axes, agreement, treatments)
        _draw_limits(axes, agreement)
        _draw_equality(axes, 1.0 if agreement.by_ratio else 0.0)
        axes.set_title("\n".join(wrap(f"{_named(agreement, 1)} against {_named(agreement, 0)}", 62)))
        axes.set_ylabel(f"{agreement.second} / {agreement.first}" if agreement.by_ratio else "Difference (J)")
        axes.set_xlabel("Mean of both meters (J)")
        set_ticks(axes.xaxis)
        set_ticks(axes.yaxis)
    legend_below(figure, panels[0])
    return Drawing(NAME, _caption(shown), figure)


def _named(agreement: Agreement, place: int) -> str:
    """A meter, and how its energy is known where it was not measured here."""
    name = (agreement.first, agreement.second)[place]
    kind = (agreement.first_kind, agreement.second_kind)[place]
    known = "" if agreement.is_wall and place else BRIEFLY.get(kind, "" if kind == "measured" else kind)
    return f"{name} ({known})" if known else name


def _draw_points(axes: Axes, agreement: Agreement, treatments: Treatments) -> None:
    paint, shapes, labels = colours(treatments), markers(treatments), short_labels(dict(treatments))
    means, differences = np.array(agreement.means_j), np.array(agreement.differences)
    for name in treatments:
        own = np.array(agreement.treatments) == name
        if own.any():
            axes.scatter(
                means[own], differences[own], s=12, marker=shapes[name], color=paint[name], alpha=0.7, linewidth=0,
                label="\n".join(wrap(labels[name], 26)), rasterized=agreement.n > CROWD,
            )  # fmt: skip


def _draw_limits(axes: Axes, agreement: Agreement) -> None:
    limits = agreement.limits
    if limits is None:
        return
    lines: list[tuple[float, Interval, str]] = [
        (limits.bias, limits.bias_interval, "-"),
        (limits.lower, limits.lower_interval, "--"),
        (limits.upper, limits.upper_interval, "--"),
    ]
    for value, interval, style in lines:
        axes.axhspan(interval.low, interval.high, color=GREY, alpha=0.16, linewidth=0)
        axes.axhline(value, color=INK, linestyle=style, linewidth=0.9)
        axes.annotate(
            f"{value:.3g}", (1.0, value), xycoords=("axes fraction", "data"), xytext=(-1, 1.5),
            textcoords="offset points", ha="right", va="bottom", fontsize=SMALL_PT,
        )  # fmt: skip


def _draw_equality(axes: Axes, equal: float) -> None:
    """Where both show the same, unless that is so far away that nothing else could be told apart."""
    low, high = axes.get_ylim()
    if low - (high - low) <= equal <= high + (high - low):
        axes.axhline(equal, color=GREY, linewidth=0.6)


def _caption(shown: Sequence[Agreement]) -> str:
    ratio = (
        " Where differences grow with the energy, the ratio is shown instead."
        if any(each.by_ratio for each in shown)
        else ""
    )
    return (
        "Agreement of meters in the same runs. Each point is a run: how much more the second meter shows, against the "
        "mean of both. Solid: the mean difference; dashed: the limits between which 95 % of the differences lie; "
        f"bands: their 95 % intervals.{ratio}"
    )
