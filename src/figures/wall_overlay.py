"""A wall meter's power over the runs that it was laid over: the whole sweep, and its first runs in large."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes

from src.analysis.values import Sample
from src.figures.drawing import Drawing, not_drawn
from src.figures.looks import Treatments, colours, short_labels, wrap
from src.figures.style import INK, house_style, legend_below, new_figure
from src.figures.traces import Trace, thin
from src.figures.units import set_ticks

NAME = "wall_overlay"
PANEL_IN = 1.5
STEPS = 1500
"""Of a panel; more would not be seen."""
AROUND = 0.04
"""Of the first runs' length, shown before and after them."""


@dataclass(frozen=True)
class OverlaidRun:
    """A run in epoch s of the machine's clock, with its own power where that is drawn."""

    treatment: str
    begin_s: float
    end_s: float
    trace: Trace | None = None


@dataclass(frozen=True)
class Wall:
    """A wall meter's power (n,) in W at times (n,) in epoch s of the machine's clock, and the runs that it covers."""

    sweep: str
    time_s: Sample
    power_w: Sample
    runs: tuple[OverlaidRun, ...]


@house_style()
def draw_wall_overlay(walls: Sequence[Wall], treatments: Treatments) -> Drawing:
    """Two panels for the first recording: all of it, and the first runs with their own power."""
    shown = next((wall for wall in walls if wall.time_s.size > 1 and wall.runs), None)
    if shown is None:
        return not_drawn(NAME, "the wall meter's recording is not at hand")
    figure = new_figure(2 * PANEL_IN)
    whole, large = figure.subplots(2)
    begin_s = min(run.begin_s for run in shown.runs)
    first = sorted((run for run in shown.runs if run.trace), key=lambda run: run.begin_s) or list(shown.runs[:1])
    span_s = max(run.end_s for run in first) - begin_s
    edges = ((float(shown.time_s[0]), float(shown.time_s[-1])),
             (begin_s - AROUND * span_s, begin_s + (1 + AROUND) * span_s))  # fmt: skip
    for axes, (low_s, high_s) in zip((whole, large), edges, strict=True):
        _draw_wall(axes, shown, begin_s, (low_s, high_s), treatments)
    for run in first:
        _draw_own(large, run, begin_s)
    whole.set_title("\n".join(wrap(f"All of it ({shown.sweep})", 60)))
    large.set_title("The first runs, and their own meter's power (thin)")
    large.set_xlabel("Time since the first run began (s)")
    figure.supylabel("Power (W)", fontsize=7.5)
    legend_below(figure, whole)
    more = f" Of {len(walls)} recordings the first one is shown." if len(walls) > 1 else ""
    return Drawing(NAME, _caption() + more, figure)


def _draw_wall(axes: Axes, wall: Wall, begin_s: float, between_s: tuple[float, float], treatments: Treatments) -> None:
    """Its power as a bold line, and a band for each run in its treatment's colour."""
    paint, labels = colours(treatments), short_labels(dict(treatments))
    named: set[str] = set()
    for run in wall.runs:
        if run.treatment in paint and run.end_s > between_s[0] and run.begin_s < between_s[1]:
            label = None if run.treatment in named else "\n".join(wrap(labels[run.treatment], 26))
            named.add(run.treatment)
            axes.axvspan(
                run.begin_s - begin_s, run.end_s - begin_s, color=paint[run.treatment], alpha=0.3, linewidth=0,
                label=label,
            )  # fmt: skip
    kept = (wall.time_s >= between_s[0]) & (wall.time_s <= between_s[1])
    own = thin(Trace("", wall.time_s[kept] - begin_s, wall.power_w[kept], {}, ""), STEPS)
    axes.plot(own.time_s, own.power_w, color=INK, linewidth=0.9, label="wall meter")
    highest_w = float(np.nanmax(wall.power_w))
    axes.set(xlim=(between_s[0] - begin_s, between_s[1] - begin_s), ylim=(0, 1.08 * highest_w or 1.0))
    set_ticks(axes.xaxis)
    set_ticks(axes.yaxis, 4)


def _draw_own(axes: Axes, run: OverlaidRun, begin_s: float) -> None:
    if run.trace is not None:
        axes.plot(run.trace.time_s + run.begin_s - begin_s, run.trace.power_w, color=INK, linewidth=0.5)


def _caption() -> str:
    return (
        "The wall meter's power (bold) on the machine's clock, over the runs that it covers (shaded). Below: the first "
        "of them with their own meter's power (thin); where both step at the same moments, the clocks go together. A "
        "wall meter sees the whole machine, so it lies higher."
    )
