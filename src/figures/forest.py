"""Pairwise differences with intervals: the forest plot."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from src.analysis.pairs import Pair
from src.analysis.settings import BLOCKS, AnalysisConfig
from src.contract.metrics import Metric
from src.figures.drawing import Drawing, kinds_of, not_drawn
from src.figures.looks import Treatments, short_labels, wrap
from src.figures.style import GREY, INK, SMALL_PT, WIDTH_IN, house_style, new_figure, note_kind, text_width_pt
from src.figures.units import as_words, number, set_ticks

MOST_PAIRS = 15
LINE_IN = 0.135
GAP_IN = 0.04
MARK_IN = 0.17
BAND = "#cfe8f7"
SHOWN: dict[str, Any] = {"marker": "D", "color": INK, "markersize": 4.2}
NOT_SHOWN: dict[str, Any] = {**SHOWN, "markerfacecolor": "white", "markeredgewidth": 0.8}
UNTESTED: dict[str, Any] = {"marker": "x", "color": GREY, "markersize": 4.6, "markeredgewidth": 1.2}
"""How a pair's point looks: what was not tested is never drawn as what was tested without a result."""
ROW_WIDTH_PT = WIDTH_IN * 72 - 14


@house_style()
def draw_differences(
    runs: pd.DataFrame, metric: Metric, pairs: Sequence[Pair], treatments: Treatments, config: AnalysisConfig
) -> Drawing:
    """What decides each of the metric's `pairs`: difference of means, or medians, in percent of the first one's.

    Of more than 15 pairs only those with the first treatment are drawn. `runs` say how the energy is known.
    """
    name = f"differences_{metric.name}"
    known = [pair for pair in pairs if pair.metric == metric.name and pair.percent is not None]
    if not known:
        return not_drawn(name, f"no two treatments have {metric.name} to compare")
    drawn = [pair for pair in known if pair.first == known[0].first] if len(known) > MOST_PAIRS else known
    labels = short_labels({name: treatments[name] for pair in known for name in (pair.first, pair.second)})
    texts = [_row_text(pair, labels) for pair in drawn]
    height_in = sum(LINE_IN * len(text) + GAP_IN + MARK_IN for text in texts)
    figure = new_figure(height_in + 0.9)
    axes = figure.add_subplot()
    top_in = 0.0
    for pair, text in zip(drawn, texts, strict=True):
        top_in = _draw_row(axes, pair, text, top_in, config.relevant_percent)
    _set_axes(axes, drawn, config, height_in)
    axes.set_xlabel(f"{metric.title}: difference of {_middles(config)} (%)")
    _explain(figure, config, {pair.verdict.significant for pair in drawn})
    note_kind(figure, kinds_of(runs, metric))
    return Drawing(name, _caption(f"{as_words(metric.title)} ({metric.name})", config, len(known), len(drawn)), figure)


def _row_text(pair: Pair, labels: dict[str, str]) -> list[str]:
    """What is compared, and the numbers, in lines that fit the column."""
    percent, interval = pair.percent, pair.percent_interval
    assert percent is not None
    numbers = f"{_signed(percent)} %"
    if interval is not None:
        numbers += f" [{_signed(interval.low)}, {_signed(interval.high)}]"
    names = f"{labels[pair.second]} against {labels[pair.first]}"
    whole = f"{names}: {numbers}"
    if text_width_pt(whole) < ROW_WIDTH_PT:
        return [whole]
    return [*wrap(f"{names}:", 50), numbers]


def _signed(value: float) -> str:
    digits = 1 if abs(value) < 100 else 0
    text = f"{value:+.{digits}f}"
    return number(0) if float(text) == 0 else text.replace("-", "\u2212")


def _draw_row(axes: Axes, pair: Pair, text: Sequence[str], top_in: float, relevant_percent: float) -> float:
    """Text, then interval and point below it; returns where the next row begins, in inches from the top."""
    axes.text(
        0.0, top_in + 0.02, "\n".join(text), transform=axes.get_yaxis_transform(), va="top", ha="left",
        linespacing=1.15, zorder=5,
    )  # fmt: skip
    strip_in = top_in + LINE_IN * len(text) + GAP_IN
    axes.fill_between(
        [-relevant_percent, relevant_percent], strip_in, strip_in + 0.8 * MARK_IN, color=BAND, linewidth=0
    )
    axes.plot([0, 0], [strip_in, strip_in + 0.8 * MARK_IN], color=GREY, linewidth=0.8)
    middle_in = strip_in + 0.4 * MARK_IN
    interval = pair.percent_interval
    if interval is not None:
        axes.plot([interval.low, interval.high], [middle_in] * 2, color=INK, linewidth=1.6, solid_capstyle="butt")
        axes.plot([interval.low, interval.high], [middle_in] * 2, "|", color=INK, markersize=5)
    shown = UNTESTED if pair.verdict.significant is None else SHOWN if pair.verdict.significant else NOT_SHOWN
    axes.plot(pair.percent or 0.0, middle_in, linewidth=0, zorder=6, **shown)
    return strip_in + MARK_IN


def _set_axes(axes: Axes, pairs: Sequence[Pair], config: AnalysisConfig, height_in: float) -> None:
    ends = [-config.relevant_percent, config.relevant_percent]
    for pair in pairs:
        interval = pair.percent_interval
        ends += [pair.percent or 0.0] + ([interval.low, interval.high] if interval else [])
    pad = 0.05 * (max(ends) - min(ends))
    axes.set(xlim=(min(ends) - pad, max(ends) + pad), ylim=(height_in, -0.02))
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    set_ticks(axes.xaxis)


def _explain(figure: Figure, config: AnalysisConfig, verdicts: set[bool | None]) -> None:
    """The marks that are there, and the band."""
    marks = [
        (True, SHOWN, f"difference shown (corrected p < {config.alpha:g})"),
        (False, NOT_SHOWN, "no difference shown"),
        (None, UNTESTED, "not tested: nothing is said of it"),
    ]
    handles = [
        *(Line2D([], [], linewidth=0, label=label, **mark) for verdict, mark, label in marks if verdict in verdicts),
        Patch(
            color=BAND,
            linewidth=0,
            label=f"within ±{config.relevant_percent:g} %: too small to matter",
        ),
    ]
    figure.legend(handles=handles, loc="outside lower left", ncols=1, fontsize=SMALL_PT)


def _middles(config: AnalysisConfig) -> str:
    return "means" if config.decision == BLOCKS else "medians"


def _intervals(config: AnalysisConfig) -> str:
    by_blocks = "intervals within blocks that hold for all pairs at once"
    return by_blocks if config.decision == BLOCKS else "bootstrap intervals"


def _caption(what: str, config: AnalysisConfig, known: int, drawn: int) -> str:
    text = (
        f"Differences of the {_middles(config)} of {what}: the first named less the one after"
        f" \u201cagainst\u201d, in percent of the latter, with {100 * (1 - config.alpha):g} % {_intervals(config)}."
    )
    if drawn < known:
        text += f" {drawn} of {known} pairs, those with the first treatment; the tables have all."
    return text
