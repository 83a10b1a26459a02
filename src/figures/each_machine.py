"""A pair on each of several machines, and on all together: a forest plot that a hundred machines fit into."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from src.analysis.decision import Decision, OnMachine
from src.analysis.pairs import Pair
from src.analysis.settings import BLOCKS, AnalysisConfig
from src.analysis.values import Interval
from src.contract.metrics import Metric
from src.figures.drawing import Drawing, kinds_of
from src.figures.forest import BAND
from src.figures.looks import Treatments, short_labels, wrap
from src.figures.style import GREY, INK, SMALL_PT, house_style, new_figure, note_kind
from src.figures.units import as_words, set_ticks

MOST_PAIRS = 6
MOST_NAMED = 30
"""More machines stand in the order of their ratios, and only the first and the last are named."""
NAMED_IN, CROWDED_IN, FRAME_IN = 0.14, 0.045, 1.25
LONGEST = 16
REACH = 1.5
"""Intervals are cut off so many times the points' range beyond them; an arrow says so."""
TOGETHER, NEXT = "#0072b2", "#9fc9e3"


def draw_machines(
    runs: pd.DataFrame, metric: Metric, pairs: Sequence[Pair], treatments: Treatments, config: AnalysisConfig
) -> Iterator[Drawing]:
    """One figure for each pair of the metric with the first treatment; none where there are not several machines."""
    known = [pair for pair in pairs if pair.metric == metric.name and pair.decision.machines and pair.decision.bill]
    if config.decision == BLOCKS:
        for place, pair in enumerate([pair for pair in known if pair.first == known[0].first][:MOST_PAIRS], start=1):
            yield _draw(f"machines_{place}", runs, metric, pair, treatments, config)


@house_style()
def _draw(
    name: str, runs: pd.DataFrame, metric: Metric, pair: Pair, treatments: Treatments, config: AnalysisConfig
) -> Drawing:
    found = pair.decision
    machines = list(found.machines)
    if len(machines) > MOST_NAMED:
        machines.sort(key=lambda machine: machine.percent)
    row_in = NAMED_IN if len(machines) <= MOST_NAMED else CROWDED_IN
    figure = new_figure(FRAME_IN + row_in * len(machines))
    axes = figure.add_subplot()
    low, high = _reach(found, config.relevant_percent)
    axes.axvspan(-config.relevant_percent, config.relevant_percent, color=BAND, linewidth=0)
    axes.axvline(0, color=GREY, linewidth=0.8)
    gap = 0.2 / row_in  # rows between the machines and all of them together
    for row, machine in enumerate(machines):
        _draw_machine(axes, machine, row, (low, high), crowded=len(machines) > MOST_NAMED)
    below = len(machines) - 1 + gap
    _draw_together(axes, found, below, (low, high))
    axes.set(xlim=(low, high), ylim=(below + 0.7 * gap, -0.8 - 0.02 / row_in))
    _name_rows(axes, machines, below)
    names = short_labels({each: treatments[each] for each in (pair.first, pair.second)})
    axes.set_title("\n".join(wrap(f"{names[pair.second]} against {names[pair.first]}", 50)))
    axes.set_xlabel(f"{metric.title}: difference of means (%)")
    set_ticks(axes.xaxis)
    _explain(figure, found, config)
    note_kind(figure, kinds_of(runs, metric))
    return Drawing(name, _caption(pair, metric, config), figure)


def _reach(found: Decision, relevant_percent: float) -> tuple[float, float]:
    """Room for all points, and for their intervals as far as these leave the points apart."""
    points = [machine.percent for machine in found.machines]
    inner = (min(*points, -relevant_percent), max(*points, relevant_percent))
    room = REACH * (inner[1] - inner[0])
    known = [machine.bill.interval for machine in found.machines if machine.bill]
    known += [found.bill.interval] if found.bill else []
    bounds = [end for each in known for end in (each.low, each.high)]
    low = max(min([inner[0], *bounds]), inner[0] - room)
    high = min(max([inner[1], *bounds]), inner[1] + room)
    return low - 0.04 * (high - low), high + 0.04 * (high - low)


def _draw_machine(axes: Axes, machine: OnMachine, row: float, frame: tuple[float, float], crowded: bool) -> None:
    if machine.bill:
        _draw_interval(axes, machine.bill.interval, row, frame, INK, 0.7 if crowded else 1.1)
    filled = machine.bill is not None and machine.bill.differs
    axes.plot(
        machine.percent, row, "o", color=INK, markersize=2.2 if crowded else 3.8, zorder=6,
        markerfacecolor=INK if filled else "white", markeredgewidth=0.5 if crowded else 0.8,
    )  # fmt: skip


def _draw_interval(
    axes: Axes, interval: Interval, row: float, frame: tuple[float, float], colour: str, width: float
) -> None:
    """Its line as far as the frame goes, with an arrow where it goes on."""
    low, high = max(interval.low, frame[0]), min(interval.high, frame[1])
    axes.plot([low, high], [row, row], color=colour, linewidth=width, solid_capstyle="butt", zorder=4)
    for end, cut, mark in ((low, interval.low < frame[0], "<"), (high, interval.high > frame[1], ">")):
        if cut:
            axes.plot(end, row, mark, color=colour, markersize=3, clip_on=False, zorder=5)


def _draw_together(axes: Axes, found: Decision, row: float, frame: tuple[float, float]) -> None:
    assert found.bill is not None
    if found.prediction is not None:
        _draw_interval(axes, found.prediction, row, frame, NEXT, 5)
    _draw_interval(axes, found.bill.interval, row, frame, TOGETHER, 2.2)
    axes.plot(
        found.bill.percent, row, "D", color=TOGETHER, markersize=5, zorder=7,
        markerfacecolor=TOGETHER if found.bill.differs else "white",
    )  # fmt: skip


def _name_rows(axes: Axes, machines: Sequence[OnMachine], below: float) -> None:
    """Each machine's name, of many those of the first and the last."""
    rows = list(range(len(machines))) if len(machines) <= MOST_NAMED else [0, len(machines) - 1]
    names = [_short(machines[row].machine) for row in rows]
    axes.set_yticks([*rows, below], [*names, "together"])
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    if len(machines) > MOST_NAMED:
        axes.set_ylabel(f"{len(machines)} machines, by ratio")


def _short(name: str) -> str:
    return name if len(name) <= LONGEST else f"{name[: LONGEST - 1]}…"


def _explain(figure: Figure, found: Decision, config: AnalysisConfig) -> None:
    handles: list[Line2D | Patch] = [
        Line2D([], [], color=INK, marker="o", markersize=3.8, linewidth=1.1, label="a machine's own blocks"),
        Line2D([], [], color=TOGETHER, marker="D", markersize=5, linewidth=2.2, label="all machines, each counts once"),
    ]
    if found.prediction is not None:
        handles.append(Patch(color=NEXT, linewidth=0, label="where a next machine lies"))
    small = f"within ±{config.relevant_percent:g} %: too small to matter"
    handles.append(Patch(color=BAND, linewidth=0, label=small))
    figure.legend(handles=handles, loc="outside lower left", ncols=1, fontsize=SMALL_PT)


def _caption(pair: Pair, metric: Metric, config: AnalysisConfig) -> str:
    level = f"{100 * (1 - config.alpha):g} %"
    more = "; the pale bar is where a next machine's ratio lies" if pair.decision.prediction else ""
    return (
        f"{as_words(metric.title).capitalize()} ({metric.name}) of {pair.second} against {pair.first} on each of "
        f"{pair.decision.n} machines, in percent, with {level} intervals within blocks that hold for all pairs on all "
        f"machines, and over all machines together, for all pairs{more}. A filled mark is a difference shown."
    )
