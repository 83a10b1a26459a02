"""What all figures share: width, type, and the line that says how the energy is known."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import matplotlib.style
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import TextPath

from src.figures.kinds import kind_text

WIDTH_IN = 3.35
"""A column of a two-column page: 85 mm."""

SMALL_PT = 7.0
"""The smallest text; a figure is never shrunk below its width, in print or on a phone."""

HANDLE_PT = 3.6 * SMALL_PT
"""What a legend's entry needs beside its text: handle and gaps."""

NOTE_LINE_IN = 0.13
"""Height of a line above a figure."""

INK = "#222222"
GREY = "#767676"
WARNING = "#b3261e"
ON_PAINT = "#1c1c1c"
"""Of texts on painted bars, light or dark as the page may be."""

# matplotlib brings DejaVu Sans along, so that text is as wide on every machine.
STYLE = {
    # Names are the user's own: what lies between two $ in them is no mathematics.
    "text.parse_math": False,
    "font.family": "DejaVu Sans",
    "font.size": SMALL_PT,
    "axes.labelsize": 7.5,
    "axes.titlesize": SMALL_PT,
    "axes.titlelocation": "left",
    "axes.titlepad": 3,
    "axes.labelpad": 2,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.labelsize": SMALL_PT,
    "ytick.labelsize": SMALL_PT,
    "xtick.major.size": 2.5,
    "ytick.major.size": 2.5,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "grid.color": "#dddddd",
    "grid.linewidth": 0.5,
    "lines.linewidth": 1.0,
    "patch.linewidth": 0.6,
    "hatch.linewidth": 0.5,
    "legend.frameon": False,
    "legend.fontsize": SMALL_PT,
    "legend.handlelength": 1.4,
    "legend.handletextpad": 0.5,
    "legend.columnspacing": 1.2,
    "legend.borderaxespad": 0.0,
    "figure.facecolor": "white",
    "figure.constrained_layout.w_pad": 0.03,
    "figure.constrained_layout.h_pad": 0.03,
    "axes.formatter.useoffset": False,
}


@contextmanager
def house_style() -> Iterator[None]:
    """The settings above, whatever the user's own are; used as a decorator, they end with the function."""
    with matplotlib.style.context(["default", STYLE]):
        yield


def new_figure(height_in: float) -> Figure:
    """An empty figure as wide as a column, whose layout keeps texts apart."""
    return Figure(figsize=(WIDTH_IN, height_in), layout="constrained")


def note_kind(figure: Figure, kinds: Sequence[str]) -> None:
    """Write above the figure, which grows by it, how the energy of its runs (n,) is known, unless all was measured."""
    text = kind_text(kinds)
    if text:
        figure.suptitle(text, x=0.01, ha="left", fontsize=SMALL_PT, fontweight="bold", color=WARNING, linespacing=1.2)
        _grow(figure, NOTE_LINE_IN * (text.count("\n") + 1))


def _grow(figure: Figure, by_in: float) -> None:
    figure.set_figheight(figure.get_figheight() + by_in)


def legend_below(figure: Figure, source: Axes, longest: int = 4) -> None:
    """The legend of `source` under the figure, in as many columns (up to `longest`) as its texts leave room for.

    The figure grows by the legend's height, so that the axes keep theirs.
    """
    handles, texts = source.get_legend_handles_labels()
    if not texts:
        return
    widths_pt = [max(text_width_pt(line) for line in text.split("\n")) + HANDLE_PT for text in texts]
    columns = most_columns(widths_pt, WIDTH_IN * 72 - 6, longest)
    legend = figure.legend(handles, texts, loc="outside lower center", ncols=columns)
    _grow(figure, legend.get_window_extent().height / figure.dpi)


def most_columns(widths_pt: Sequence[float], room_pt: float, most: int) -> int:
    """In how many columns, filled from top to bottom as matplotlib does, entries of these widths fit; at least 1."""
    for columns in range(min(most, len(widths_pt)), 1, -1):
        long, extra = divmod(len(widths_pt), columns)
        ends = [(place + 1) * long + min(place + 1, extra) for place in range(columns)]
        begins = [0, *ends[:-1]]
        if sum(max(widths_pt[b:e]) for b, e in zip(begins, ends, strict=True)) <= room_pt:
            return columns
    return 1


def text_width_pt(text: str, size_pt: float = SMALL_PT) -> float:
    """How wide a line of text is in points."""
    if not text.strip():
        return 0.0
    return float(TextPath((0, 0), text, size=size_pt, prop=FontProperties(family="DejaVu Sans")).get_extents().width)
