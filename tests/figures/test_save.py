"""Files: the same figure gives the same bytes, without fonts, links or dates, and never many megabytes."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib
import pandas as pd
import pytest
from matplotlib.figure import Figure
from PIL import Image

from src.contract.metrics import OLD_CATALOGUE
from src.figures.accuracy import draw_accuracy_energy
from src.figures.distribution import draw_distribution
from src.figures.drawing import save
from src.figures.run_order import draw_run_order
from src.figures.style import house_style, new_figure
from tests.made_runs import factors_of

Make = Callable[..., Any]
ENERGY = OLD_CATALOGUE["energy_j"]


def energy_figure(runs: pd.DataFrame) -> Figure:
    figure = draw_distribution(runs, ENERGY, factors_of(("tf", "jax"))).figure
    assert figure is not None
    return figure


def test_the_same_data_give_the_same_files(make_runs: Make, tmp_path: Path) -> None:
    runs = make_runs(("tf", "jax"), 8)
    files = [save(energy_figure(runs), tmp_path / folder, "energy_j") for folder in ("one", "two")]
    assert [path.name for path in files[0]] == ["energy_j.svg", "energy_j.png"]
    assert [path.read_bytes() for path in files[0]] == [path.read_bytes() for path in files[1]]


def test_the_svg_needs_nothing_from_elsewhere(make_runs: Make, tmp_path: Path) -> None:
    svg, png = save(energy_figure(make_runs(("tf",), 8)), tmp_path, "energy_j")
    text = svg.read_text()
    assert "<text" not in text
    assert "<dc:date>" not in text
    assert all(link.startswith(("#", "data:")) for link in re.findall(r'xlink:href="([^"]*)"', text))
    with Image.open(png) as image:
        assert image.width == 1005
        assert image.convert("RGB").getpixel((0, 0)) == (255, 255, 255)


def test_ten_thousand_runs_make_small_files(make_runs: Make, tmp_path: Path) -> None:
    factors = factors_of(("tf", "torch", "jax"))
    runs = make_runs(tuple(factors), 3333)
    figures = [
        draw_distribution(runs, ENERGY, factors).figure,
        draw_run_order(runs, ENERGY, factors).figure,
        draw_accuracy_energy(runs, ENERGY, OLD_CATALOGUE["accuracy"], factors).figure,
    ]
    sizes = [save(figure, tmp_path, f"f{k}")[0].stat().st_size for k, figure in enumerate(figures) if figure]
    assert len(sizes) == 3
    assert max(sizes) < 600_000


def test_drawing_and_saving_leave_matplotlib_as_it_was(make_runs: Make, tmp_path: Path) -> None:
    before = dict(matplotlib.rcParams)
    save(energy_figure(make_runs(("tf",), 8)), tmp_path, "energy_j")
    assert dict(matplotlib.rcParams) == before


@pytest.mark.parametrize("label", ["a $x$ $\\frac$ b", "a^$\\q$", "ünï", ".."])
def test_any_label_can_be_drawn(label, tmp_path):
    @house_style()
    def make():
        figure = new_figure(2.0)
        axes = figure.subplots()
        axes.plot([1, 2], label=label)
        axes.set_yticks([1], [label])
        return figure

    save(make(), tmp_path, "figure")
