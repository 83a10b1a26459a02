from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure

from src.analysis.values import Sample
from src.contract.record import Run
from src.figures.run_power import draw_power

PHASES = {"import": (0.0, 1.0), "train": (1.0, 19.0)}


@dataclass(frozen=True)
class Course:
    """40 W for 19 s."""

    edges_s: Sample
    power_w: Sample


COURSE = Course(np.linspace(0, 19, 96), np.full(95, 40.0))


def run(name: str, kind: str) -> Run:
    metrics = {"energy_j": 760.0, "duration_s": 19.0}
    return Run(name=name, start_ms=0, end_ms=1, status="finished", tags={"energy_kind": kind}, metrics=metrics)


@pytest.fixture
def drawn_texts(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    texts: list[str] = []
    savefig = Figure.savefig

    def spy(figure: Figure, path: Path, **options: Any) -> None:
        axes = figure.axes[0]
        legend = axes.get_legend()
        texts.extend([axes.get_title(loc="left"), axes.get_xlabel(), axes.get_ylabel()])
        texts.extend(text.get_text() for text in [*axes.texts, *(legend.get_texts() if legend else [])])
        savefig(figure, path, **options)

    monkeypatch.setattr(Figure, "savefig", spy)
    return texts


def test_the_picture_names_units_phases_and_kind(tmp_path: Path, drawn_texts: list[str]) -> None:
    draw_power(tmp_path / "power.png", COURSE, PHASES, run("torch #03 (estimated)", "estimated"))
    assert drawn_texts == [
        "torch #03: 760.0 J in 19.0 s (ESTIMATED, not measured here)",
        "Time since the start (s)",
        "Power (W)",
        "train",
        "import 1.00 s",
        "train 18.00 s",
        "mean 40.0 W",
    ]


def test_the_picture_is_a_png_of_its_size_and_nothing_lies_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "power.png"
    draw_power(path, COURSE, {}, run("tf #01", "imported"))
    assert path.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    assert struct.unpack(">II", path.read_bytes()[16:24]) == (900, 360)
    assert [each.name for each in tmp_path.iterdir()] == ["power.png"]


def test_a_commands_own_dollars_are_no_mathematics(tmp_path: Path, drawn_texts: list[str]) -> None:
    draw_power(tmp_path / "power.png", COURSE, {r"a$\frac$": (0.0, 9.0)}, run("echo $x$", "measured"))
    assert drawn_texts[0] == r"echo \$x\$: 760.0 J in 19.0 s (measured)"
