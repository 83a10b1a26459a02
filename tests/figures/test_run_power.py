from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure

from src.figures.run_power import draw_power
from src.measure.energy import Energy, integrate
from src.measure.recording import Recording

WINDOWS = {"import": (100.0, 101.0), "train": (101.0, 119.0), "total": (100.0, 119.0)}


@pytest.fixture
def energy() -> Energy:
    time_s = np.arange(99.9, 120, 0.2)
    return integrate(Recording(time_s, {"CPU_ENERGY (J)": time_s * 40.0}), WINDOWS, 200)


@pytest.fixture
def drawn_texts(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    texts: list[str] = []
    savefig = Figure.savefig

    def spy(figure: Figure, path: Path) -> None:
        axes = figure.axes[0]
        legend = axes.get_legend()
        texts.extend([axes.get_title(loc="left"), axes.get_xlabel(), axes.get_ylabel()])
        texts.extend(text.get_text() for text in [*axes.texts, *(legend.get_texts() if legend else [])])
        savefig(figure, path)

    monkeypatch.setattr(Figure, "savefig", spy)
    return texts


def test_the_picture_names_units_phases_and_kind(energy: Energy, tmp_path: Path, drawn_texts: list[str]) -> None:
    draw_power(tmp_path / "power.png", energy, WINDOWS, "torch #03", "estimated")
    assert drawn_texts == [
        "torch #03: 760.0 J in 19.0 s (ESTIMATED, not measured here)",
        "Time since the start (s)",
        "Power (W)",
        "train",
        "import 1.00 s",
        "train 18.00 s",
        "mean 40.0 W",
    ]


def test_the_picture_is_a_png_of_its_size(energy: Energy, tmp_path: Path) -> None:
    path = tmp_path / "power.png"
    draw_power(path, energy, {"total": (100.0, 119.0)}, "tf #01", "imported")
    assert path.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    assert struct.unpack(">II", path.read_bytes()[16:24]) == (900, 360)
