"""The picture of one run: power over time, its phases shaded."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from src.contract.run_files import PHASES
from src.measure.energy import Energy, PowerTrace
from src.measure.windows import Window

PHASE_COLORS = {
    "import": "#999999",
    "data": "#56b4e9",
    "build": "#f0e442",
    "train": "#009e73",
    "evaluate": "#cc79a7",
}
"""Okabe and Ito's colours (2008), which colour-blind readers can tell apart."""

NARROW = 0.08
"""A phase that takes less of the picture's width has no room for its name; the legend has it."""

PLACE = (0.07, 0.14, 0.74, 0.76)
"""Of the axes, as shares of the picture; finding it anew for each picture would take as long as drawing it."""

MAX_STEPS = 600
"""More would not be seen at this width, and take long to draw."""


def draw_power(path: Path, energy: Energy, windows: Mapping[str, Window], title: str, energy_kind: str) -> None:
    """Write a PNG of 900 x 360 pixels; `windows` are those the energy was computed for, in epoch seconds.

    The title says how the energy is known: an estimate never passes for a measurement.
    """
    trace = energy.trace.thinned(MAX_STEPS)
    end_s = float(trace.edges_s[-1])
    figure = Figure(figsize=(9, 3.6), dpi=100)
    axes = figure.add_axes(PLACE)
    _shade(axes, windows, end_s)
    axes.stairs(trace.power_w, trace.edges_s, baseline=None, color="#1f2430", linewidth=1.2)
    _draw_mean(axes, trace)
    axes.set(xlim=(0, end_s), ylim=(0, float(trace.power_w.max()) * 1.18 or 1.0))
    axes.set(xlabel="Time since the start (s)", ylabel="Power (W)")
    axes.set_title(_title(title, energy, energy_kind), loc="left", fontweight="bold")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False, fontsize=9)
    FigureCanvasAgg(figure)
    figure.savefig(path)


def _title(title: str, energy: Energy, energy_kind: str) -> str:
    kind = energy_kind if energy_kind == "measured" else f"{energy_kind.upper()}, not measured here"
    return f"{title}: {energy.energy_j:,.1f} J in {energy.duration_s:,.1f} s ({kind})"


def _shade(axes: Axes, windows: Mapping[str, Window], length_s: float) -> None:
    began_s = min(begin for begin, _ in windows.values())
    for name in (phase for phase in PHASES if phase in windows):
        begin_s, end_s = (t - began_s for t in windows[name])
        label = f"{name} {end_s - begin_s:.2f} s"
        axes.axvspan(begin_s, end_s, color=PHASE_COLORS[name], alpha=0.28, linewidth=0, label=label)
        if end_s - begin_s >= NARROW * length_s:
            middle_s = (begin_s + end_s) / 2
            axes.text(middle_s, 0.98, name, transform=axes.get_xaxis_transform(), ha="center", va="top")


def _draw_mean(axes: Axes, trace: PowerTrace) -> None:
    steps_s = np.diff(trace.edges_s)
    mean_w = float((trace.power_w * steps_s).sum() / steps_s.sum())
    axes.axhline(mean_w, color="#d55e00", linewidth=1, linestyle=(0, (4, 3)), label=f"mean {mean_w:.1f} W")
