"""Power over time: a panel for each treatment, one thin line a run, the median bold, phases shaded."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from src.figures.drawing import CROWD, Drawing, not_drawn
from src.figures.looks import WIDE, Treatments, colours, phase_colours, wrapped_labels
from src.figures.numbers import count
from src.figures.style import INK, house_style, new_figure, note_kind
from src.figures.traces import Trace, by_treatment, median_phases, median_power
from src.figures.units import set_ticks

NAME = "power_over_time"
PANEL_IN = 0.95
LOW_PANEL_IN = 0.72
"""From seven treatments on, so that the figure fits a page."""


@house_style()
def draw_power_over_time(traces: Iterable[Trace], treatments: Treatments, phases: Sequence[str]) -> Drawing:
    """Panels share both axes, so heights and lengths compare; `traces` is read once, and kept thinned only.

    Of the runs' `phases` those are shaded that the traces tell.
    """
    found = by_treatment(traces, treatments)
    if not found:
        return not_drawn(NAME, "no run has a power trace of two or more samples")
    figure = new_figure(0.7 + (PANEL_IN if len(found) < 7 else LOW_PANEL_IN) * len(found))
    panels = figure.subplots(len(found), sharex=True, sharey=True, squeeze=False)[:, 0]
    paint, shades = colours(treatments), phase_colours(phases)
    labels = wrapped_labels({name: treatments[name] for name in found}, WIDE)
    for axes, (name, members) in zip(panels, found.items(), strict=True):
        _draw_panel(axes, members, paint[name], shades)
        axes.set_title(f"{labels[name]} ({count(len(members), 'run')})")
    _set_axes(panels[-1], found)
    figure.supylabel("Power (W)", fontsize=7.5)
    _name_phases(figure, found, shades)
    note_kind(figure, [trace.energy_kind for members in found.values() for trace in members])
    return Drawing(NAME, _caption(found), figure)


def _draw_panel(axes: Axes, traces: Sequence[Trace], colour: str, shades: Mapping[str, str]) -> None:
    for name, (begin_s, end_s) in median_phases(traces).items():
        if name in shades:
            axes.axvspan(begin_s, end_s, color=shades[name], alpha=0.28, linewidth=0)
    lines = [list(zip(trace.time_s.tolist(), trace.power_w.tolist(), strict=True)) for trace in traces]
    crowded = sum(len(line) for line in lines) > CROWD
    axes.add_collection(LineCollection(lines, colors=colour, linewidths=0.4, alpha=0.55, rasterized=crowded))
    if len(traces) > 1:
        axes.plot(*median_power(traces), color=INK, linewidth=1.1)


def _set_axes(axes: Axes, found: Mapping[str, Sequence[Trace]]) -> None:
    every = [trace for members in found.values() for trace in members]
    longest_s = max(float(trace.time_s[-1]) for trace in every)
    highest_w = max(float(trace.power_w.max()) for trace in every)
    axes.set(xlim=(0, longest_s or 1.0), ylim=(0, highest_w * 1.08 if highest_w > 0 else 1.0))
    axes.set_xlabel("Time since the start (s)")
    set_ticks(axes.xaxis)
    set_ticks(axes.yaxis, 4)


def _name_phases(figure: Figure, found: Mapping[str, Sequence[Trace]], shades: Mapping[str, str]) -> None:
    present = {name for members in found.values() for trace in members for name in trace.phases}
    shown = [(name, colour) for name, colour in shades.items() if name in present]
    handles = [Patch(color=colour, alpha=0.45, linewidth=0, label=name) for name, colour in shown]
    if handles:
        figure.legend(handles=handles, loc="outside lower center", ncols=len(handles), columnspacing=0.9)


def _caption(found: Mapping[str, Sequence[Trace]]) -> str:
    text = "Power over time. Each thin line is a run, the bold black line their median"
    if any(trace.phases for members in found.values() for trace in members):
        text += "; shaded: the phases, from their median begin to their median end"
    return text + ". All panels have the same axes."
