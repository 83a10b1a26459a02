"""What the drawing functions share: values out of the table of runs, a figure with its caption, and its files."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import matplotlib
import pandas as pd
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from src.analysis.table import ENERGY_UNITS
from src.analysis.values import Sample, finite
from src.contract.json_files import whole
from src.contract.metrics import Metric
from src.figures.dark import with_dark_colours

CROWD = 2000
"""More points than this are drawn as pixels, so that 10 000 runs don't make a file of megabytes."""

warnings.filterwarnings("ignore", r"Glyph \d+ .* missing from")
"""A label in letters that the font lacks shows boxes; texts and tables have it right."""

DPI = 300
"""Of the PNG, and of what is rasterised inside the SVG."""


@dataclass(frozen=True)
class Drawing:
    """`name` is the file's; `caption` says what is seen and how to read it, so it also serves as text for the blind.

    Where the data do not allow the figure, `figure` is None and `reason` says why.
    """

    name: str
    caption: str
    figure: Figure | None = None
    reason: str | None = None


def not_drawn(name: str, reason: str) -> Drawing:
    """A figure that these data do not allow."""
    return Drawing(name, "", None, reason)


def left_out(names: Sequence[str], reason: str) -> str:
    """The end of a caption: whom the figure does not show, and why; empty where it shows all."""
    return f" Not drawn, for {reason}: {', '.join(names)}." if names else ""


def samples_of(runs: pd.DataFrame, metric: str, treatments: Iterable[str]) -> dict[str, Sample]:
    """Finite values by treatment, in the order of `treatments`; those without a value are left out."""
    if metric not in runs:
        return {}
    values = {name: finite(runs.loc[runs["treatment"] == name, metric].to_numpy(dtype=float)) for name in treatments}
    return {name: sample for name, sample in values.items() if sample.size}


def kinds_of(runs: pd.DataFrame, metric: Metric) -> list[str]:
    """How the energy of those runs is known that have the metric; empty for a metric without energy."""
    if metric.unit not in ENERGY_UNITS:
        return []
    return [str(kind) for kind in runs.loc[runs[metric.name].notna(), "energy_kind"]]


def save(figure: Figure, folder: Path, name: str) -> tuple[Path, Path]:
    """Write NAME.svg and NAME.png into `folder` (made where missing); the same figure gives the same bytes.

    Texts of the SVG are paths: it looks the same wherever it is opened, whatever fonts are there. Its colours follow
    the reader's choice of light or dark pages; the PNG is light.
    """
    folder.mkdir(parents=True, exist_ok=True)
    svg, png = folder / f"{name}.svg", folder / f"{name}.png"
    FigureCanvasAgg(figure)
    layout = figure.get_layout_engine()
    if layout is not None:
        layout.execute(figure)
    with matplotlib.rc_context({"figure.autolayout": False, "figure.constrained_layout.use": False}):
        # The layout is found, and kept: with an engine, even one that does nothing, each file is drawn twice.
        figure.set_layout_engine(None)
    # The salt makes ids repeat from call to call, and differ between figures that share a page.
    with matplotlib.rc_context({"svg.fonttype": "path", "svg.hashsalt": name, "path.simplify": True}):
        with whole(svg) as part:
            part.write_text(_svg(figure), encoding="utf-8")
        with whole(png) as part:
            figure.savefig(part, dpi=DPI, metadata={"Software": None})
    return svg, png


def _svg(figure: Figure) -> str:
    text = io.StringIO()
    figure.savefig(text, format="svg", dpi=DPI, metadata={"Date": None, "Creator": None})
    return with_dark_colours(text.getvalue())
