"""Tables of runs, power traces and analyses to draw, and what a reader would see wrong in a figure."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text

from src.contract.metrics import OLD_PHASES as PHASES
from src.figures.style import SMALL_PT
from src.figures.traces import Trace

SHARES = {"import": 0.1, "data": 0.01, "build": 0.03, "train": 0.9, "evaluate": 0.06}
THREE = ("tf", "torch", "jax")
SIX = (*THREE, "tf_tuned", "torch_tuned", "jax_tuned")
TWELVE = tuple(f"{name} training.batch_size={size}" for name in THREE for size in (16, 32, 64, 128))
SEVEN_LONG = (
    "torch hardware.threads=2 training.batch_size=128 framework.environment=torch-2.12",
    "tf_tuned hardware.threads=16 training.batch_size=32",
    *(f"jax_tuned training.batch_size={2**k} hardware.threads={k}" for k in range(3, 8)),
)
LONG = ("torch training.batch_size=32", "jax_tuned model.layers.0.filters=1024 training.learning_rate=0.00025")


def make_runs(treatments: Sequence[str], n: int = 10, spread: float = 0.02, kind: str = "measured") -> pd.DataFrame:
    """`n` blocks of runs; the k-th treatment spends 1000 × (1 + k) J."""
    rng = np.random.default_rng(1)
    rows = []
    for iteration, (position, treatment) in itertools.product(range(n), enumerate(treatments)):
        energy_j = 1000.0 * (1 + position) * (1 + spread * rng.standard_normal())
        sequence = iteration * len(treatments) + position
        rows.append(
            {
                "run_id": f"r{sequence}",
                "run_name": f"{treatment} {iteration}",
                "treatment": treatment,
                "framework": treatment.split()[0],
                "sweep": "s",
                "iteration": iteration,
                "position": position,
                "sequence": sequence,
                "started_s": 1.7e9 + 60 * sequence,
                "status": "finished",
                "meter": "native",
                "energy_kind": kind,
                "energy_j": energy_j,
                "duration_s": energy_j / 40,
                "power_w": 40 * (1 + spread * rng.standard_normal()),
                "edp_js": energy_j**2 / 40,
                "accuracy": 0.97 + 0.002 * position + 0.02 * spread * rng.standard_normal(),
            }
            | {f"energy_{phase}_j": share * energy_j for phase, share in SHARES.items()}
        )
    return pd.DataFrame(rows)


def make_traces(treatments: Sequence[str], n: int = 3, samples: int = 400, kind: str = "measured") -> list[Trace]:
    """`n` runs of each treatment, 40 W, the k-th of `treatments` for 10 × (1 + k) s."""
    rng = np.random.default_rng(1)
    traces = []
    for (place, treatment), _ in itertools.product(enumerate(treatments), range(n)):
        time_s = np.linspace(0, 10.0 * (1 + place), samples)
        edges = np.linspace(0, time_s[-1], len(PHASES) + 1)
        phases = {phase: (float(edges[k]), float(edges[k + 1])) for k, phase in enumerate(PHASES)}
        traces.append(Trace(treatment, time_s, 40 + rng.standard_normal(samples), phases, kind))
    return traces


def texts_of(figure: Figure) -> list[str]:
    """All visible texts."""
    return [text.get_text() for text in _visible(figure)]


def faults_of(figure: Figure) -> list[str]:
    """Texts that overlap, leave the figure, or are too small to read."""
    page = figure.bbox.padded(1)
    texts = [(text.get_text(), text.get_window_extent(), float(text.get_fontsize())) for text in _visible(figure)]
    faults = [f"{text!r} leaves the figure" for text, box, _ in texts if not _inside(box, page)]
    faults += [f"{text!r} has {size} pt" for text, _, size in texts if size < SMALL_PT]
    for (one, box, _), (other, other_box, _) in itertools.combinations(texts, 2):
        if box.padded(-1.5).overlaps(other_box.padded(-1.5)):
            faults.append(f"{one!r} overlaps {other!r}")
    return faults


def _visible(figure: Figure) -> list[Text]:
    FigureCanvasAgg(figure)
    figure.draw_without_rendering()
    figure.set_layout_engine("none")
    ticks = {
        label
        for axes in figure.axes
        for axis, limits in ((axes.xaxis, axes.get_xlim()), (axes.yaxis, axes.get_ylim()))
        for tick in axis.get_major_ticks()
        for label in (tick.label1, tick.label2)
        if not axes.axison or not min(limits) - 1e-9 <= tick.get_loc() <= max(limits) + 1e-9
    }
    return [
        text
        for text in figure.findobj(Text)
        if isinstance(text, Text) and text.get_visible() and text.get_text().strip() and text not in ticks
    ]


def _inside(box: object, page: object) -> bool:
    return all(
        getattr(page, f"{axis}0") <= getattr(box, f"{axis}0") and getattr(box, f"{axis}1") <= getattr(page, f"{axis}1")
        for axis in "xy"
    )


@pytest.fixture(name="make_runs")
def make_runs_fixture() -> Callable[..., pd.DataFrame]:
    """The function that makes a table of runs."""
    return make_runs


@pytest.fixture(name="make_traces")
def make_traces_fixture() -> Callable[..., list[Trace]]:
    """The function that makes power traces."""
    return make_traces


@pytest.fixture(name="texts_of")
def texts_of_fixture() -> Callable[[Figure], list[str]]:
    """The function that reads a figure."""
    return texts_of


@pytest.fixture(name="faults_of")
def faults_of_fixture() -> Callable[[Figure], list[str]]:
    """The function that finds what is wrong with a figure's texts."""
    return faults_of


@pytest.fixture(
    params=[(THREE, 10), (SIX, 5), (TWELVE, 3), (LONG, 6), (SEVEN_LONG, 4), (("torch",), 1), (("torch",), 2)],
    ids=["3x10", "6x5", "12x3", "long-names", "7-long-names", "one-run", "two-runs"],
)
def experiment(request: pytest.FixtureRequest) -> tuple[tuple[str, ...], int]:
    """Treatments and runs of each."""
    chosen: tuple[tuple[str, ...], int] = request.param
    return chosen
