"""Energy in the order the runs were made: is there drift?"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from src.analysis.threats import residuals_percent
from src.contract.metrics import Metric
from src.figures.drawing import CROWD, Drawing, kinds_of, not_drawn
from src.figures.looks import Treatments, colours, markers, short_labels, wrap
from src.figures.style import GREY, INK, house_style, legend_below, new_figure, note_kind
from src.figures.units import number, set_ticks

NAME = "run_order"
FEWEST = 3
WINDOW_SHARE = 5
"""The running median looks at a fifth of the runs, but no fewer than five."""


@house_style()
def draw_run_order(runs: pd.DataFrame, energy: Metric, treatments: Treatments) -> Drawing:
    """Each run's distance from its treatment's median, so that treatments of any size show the same drift."""
    if energy.name not in runs:
        return not_drawn(NAME, f"no run has {energy.name}")
    known = runs[runs["treatment"].isin(treatments) & runs[energy.name].notna()].copy()
    known["deviation"] = residuals_percent(known, energy.name)
    ordered = in_order(known.dropna(subset=["deviation"]))
    if len(ordered) < FEWEST:
        return not_drawn(NAME, f"fewer than {FEWEST} runs have {energy.name} and a known place in the order")
    present = [name for name in treatments if (ordered["treatment"] == name).any()]
    figure = new_figure(2.05)
    axes = figure.add_subplot()
    _draw_sweeps(axes, ordered)
    _draw_runs(axes, ordered, present, treatments)
    _draw_running_median(axes, ordered)
    _set_axes(axes)
    legend_below(figure, axes)
    note_kind(figure, kinds_of(ordered, energy))
    return Drawing(NAME, _caption(energy.name, ordered), figure)


def in_order(runs: pd.DataFrame) -> pd.DataFrame:
    """The runs as they were made, numbered from 1 in `order`: by start, within equal starts by `sequence`.

    Where no start is known, by sweep and `sequence`, else `iteration`; runs without any place are left out.
    """
    keys = ["started_s", "sequence", "iteration"]
    table = runs.copy()
    for key in keys:
        table[key] = pd.to_numeric(table[key], errors="coerce").astype(float) if key in table else np.nan
    table["sweep"] = table["sweep"].fillna("").astype(str)
    known = [key for key in keys if table[key].notna().any()]
    if not known:
        return table.iloc[:0].assign(order=[])
    key = known[0]
    table = table[table[key].notna()]
    by = ["started_s", "sequence", "iteration"] if key == "started_s" else ["sweep", key]
    table = table.sort_values(by, kind="stable")
    return table.assign(order=np.arange(1, len(table) + 1))


def _draw_sweeps(axes: Axes, ordered: pd.DataFrame) -> None:
    """A line where the next sweep begins."""
    changes = ordered["order"][ordered["sweep"] != ordered["sweep"].shift()].iloc[1:]
    for count, place in enumerate(changes[:20] if len(changes) <= 20 else []):
        label = "begin of another sweep" if count == 0 else None
        axes.axvline(place - 0.5, color=GREY, linewidth=0.8, linestyle=":", label=label)


def _draw_runs(axes: Axes, ordered: pd.DataFrame, present: Sequence[str], treatments: Treatments) -> None:
    paint, shapes = colours(treatments), markers(treatments)
    labels = short_labels({name: treatments[name] for name in present})
    axes.axhline(0, color=GREY, linewidth=0.7)
    for name in present:
        own = ordered[ordered["treatment"] == name]
        axes.scatter(
            own["order"], own["deviation"], s=13 if len(ordered) <= 200 else 4, marker=shapes[name],
            color=paint[name], edgecolor="white", linewidth=0.2 if len(ordered) <= 200 else 0,
            zorder=3, rasterized=len(ordered) > CROWD, label="\n".join(wrap(labels[name], 26)),
        )  # fmt: skip


def _draw_running_median(axes: Axes, ordered: pd.DataFrame) -> None:
    window = max(5, len(ordered) // WINDOW_SHARE)
    if len(ordered) < 2 * window:
        return
    middle = ordered["deviation"].rolling(window, center=True).median()
    step = max(1, len(ordered) // 500)
    axes.plot(
        ordered["order"][::step], middle[::step], color=INK, linewidth=1.3, zorder=4,
        label=f"running median of {number(window)} runs",
    )  # fmt: skip


def _set_axes(axes: Axes) -> None:
    axes.set(xlabel="Number of the run, in order of time", ylabel="Energy, deviation from\nits treatment's median (%)")
    low, high = axes.get_ylim()
    reach = max(abs(low), abs(high), 1.0)
    axes.set_ylim(-reach, reach)
    set_ticks(axes.xaxis, 6, integer=True)
    set_ticks(axes.yaxis)
    axes.grid(axis="y")


def _caption(metric: str, ordered: pd.DataFrame) -> str:
    return (
        f"Run order against energy ({metric}), {len(ordered)} runs. Each marker is a run, in percent of its"
        " treatment's median less 100. Without drift the runs scatter evenly around zero from left to right."
    )
