"""The picture of one run: power over time, its phases shaded."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray

from src.contract.json_files import whole
from src.contract.record import Run

warnings.filterwarnings("ignore", r"Glyph \d+ .* missing from")
"""A name in letters that the font lacks shows boxes."""

PHASE_COLORS = ("#999999", "#56b4e9", "#f0e442", "#009e73", "#cc79a7", "#e69f00", "#0072b2")
"""Okabe and Ito's colours (2008), which colour-blind readers can tell apart, in the order in which phases begin."""

NARROW = 0.08
"""A phase that takes less of the picture's width has no room for its name; the legend has it."""

PLACE = (0.07, 0.14, 0.74, 0.76)
"""Of the axes, as shares of the picture; finding it anew for each picture would take as long as drawing it."""

MAX_STEPS = 600
"""More would not be seen at this width, and take long to draw."""


class PowerCourse(Protocol):
    """Mean power (n,) in W between `edges_s` (n + 1,), seconds since the run's start."""

    @property
    def edges_s(self) -> NDArray[np.float64]: ...
    @property
    def power_w(self) -> NDArray[np.float64]: ...


def draw_power(path: Path, course: PowerCourse, phases: Mapping[str, tuple[float, float]], run: Run) -> None:
    """Write a PNG of 900 x 360 pixels, whole or not at all; `phases` in the course's seconds.

    The title says how the energy is known: an estimate never passes for a measurement.
    """
    end_s = float(course.edges_s[-1])
    figure = Figure(figsize=(9, 3.6), dpi=100)
    axes = figure.add_axes(PLACE)
    _shade(axes, phases, end_s)
    axes.stairs(course.power_w, course.edges_s, baseline=None, color="#1f2430", linewidth=1.2)
    _draw_mean(axes, course)
    axes.set(xlim=(0, end_s), ylim=(0, float(course.power_w.max()) * 1.18 or 1.0))
    axes.set(xlabel="Time since the start (s)", ylabel="Power (W)")
    axes.set_title(_title(run), loc="left", fontweight="bold")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False, fontsize=9)
    FigureCanvasAgg(figure)
    with whole(path) as part:
        figure.savefig(part, format="png")


def _title(run: Run) -> str:
    known = run.tags["energy_kind"]
    kind = known if known == "measured" else f"{known.upper()}, not measured here"
    title = run.name.removesuffix(f" ({known})")
    text = f"{title}: {run.metrics['energy_j']:,.1f} J in {run.metrics['duration_s']:,.1f} s ({kind})"
    # A command's own words may hold what matplotlib takes for mathematics.
    return text.replace("$", r"\$")


def _shade(axes: Axes, phases: Mapping[str, tuple[float, float]], length_s: float) -> None:
    for place, (name, (begin_s, end_s)) in enumerate(phases.items()):
        shown = name.replace("$", r"\$")
        label = f"{shown} {end_s - begin_s:.2f} s"
        color = PHASE_COLORS[place % len(PHASE_COLORS)]
        axes.axvspan(begin_s, end_s, color=color, alpha=0.28, linewidth=0, label=label)
        if end_s - begin_s >= NARROW * length_s:
            middle_s = (begin_s + end_s) / 2
            axes.text(middle_s, 0.98, shown, transform=axes.get_xaxis_transform(), ha="center", va="top")


def _draw_mean(axes: Axes, course: PowerCourse) -> None:
    steps_s = np.diff(course.edges_s)
    mean_w = float((course.power_w * steps_s).sum() / steps_s.sum())
    axes.axhline(mean_w, color="#d55e00", linewidth=1, linestyle=(0, (4, 3)), label=f"mean {mean_w:.1f} W")
