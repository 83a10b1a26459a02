"""Figures as files."""

from __future__ import annotations

from pathlib import Path

import matplotlib
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

DPI = 300
"""Of the PNG, and of what is rasterised inside the SVG."""


def save(figure: Figure, folder: Path, name: str) -> tuple[Path, Path]:
    """Write NAME.svg and NAME.png into `folder` (made where missing); the same figure gives the same bytes.

    Texts of the SVG are paths: it looks the same wherever it is opened, whatever fonts are there.
    """
    folder.mkdir(parents=True, exist_ok=True)
    svg, png = folder / f"{name}.svg", folder / f"{name}.png"
    FigureCanvasAgg(figure)
    figure.draw_without_rendering()
    # The layout is found; keeping it saves doing it twice more.
    figure.set_layout_engine("none")
    # The salt makes ids repeat from call to call, and differ between figures that share a page.
    with matplotlib.rc_context({"svg.fonttype": "path", "svg.hashsalt": name, "path.simplify": True}):
        figure.savefig(svg, dpi=DPI, metadata={"Date": None, "Creator": None})
        figure.savefig(png, dpi=DPI, metadata={"Software": None})
    return svg, png
