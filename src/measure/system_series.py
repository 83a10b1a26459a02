"""A recording over time, under the names that MLflow gives to what its own monitor samples.

MLflow's pages show them on a tab of their own (`system/`, mlflow.system_metrics).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from src.contract.record import SYSTEM, Point
from src.measure.meter_columns import LOAD, beside_the_energy
from src.measure.recording import Array, Recording
from src.measure.windows import Window

POINTS = 100
"""Of each series; MLflow's pages slow down with longer ones."""
USED, TOTAL = "USED_MEMORY", "TOTAL_MEMORY"
GPU = re.compile(r"GPU(\d+)_(USAGE|MEMORY_USED|MEMORY_TOTAL|POWER \((?:mWatts|Watts)\))")
KEPT = (LOAD, GPU, re.compile(USED), re.compile(TOTAL))
MEBI = 1.048576
"""Megabytes in what EnergiBridge counts a GPU's memory in."""


def system_series(path: Path, window: Window, hidden: tuple[str, ...] = ()) -> dict[str, list[Point]]:
    """Load, memory and GPUs within the window (epoch seconds), steps in ms since it began.

    What is not there, cannot be read or shows 0 for ever is left out, and so are columns that begin with one of
    `hidden`; nothing about these columns stops a run.
    """
    recording = beside_the_energy(path, KEPT, hidden)
    if recording is None:
        return {}
    rows = (recording.time_s >= window[0]) & (recording.time_s <= window[1])
    rows[0] = False  # its load is that of the time before
    time_s = recording.time_s[rows]
    shown = {name: values[rows] for name, values in _named(recording)}
    known = {name: values for name, values in shown.items() if values.any() and np.isfinite(values).all()}
    return {f"{SYSTEM}{name}": _points(time_s, values, window[0]) for name, values in known.items()}


def _named(recording: Recording) -> Iterator[tuple[str, Array]]:
    columns = recording.columns
    loads = [values for name, values in columns.items() if LOAD.fullmatch(name)]
    if loads:
        yield "cpu_utilization_percentage", np.mean(loads, axis=0)
    if USED in columns:
        yield "system_memory_usage_megabytes", columns[USED] / 1e6
    if USED in columns and TOTAL in columns:
        yield "system_memory_usage_percentage", _percent(columns[USED], columns[TOTAL])
    for name, values in columns.items():
        if (found := GPU.fullmatch(name)) is not None:
            yield from _of_gpu(f"gpu_{found[1]}", found[2], values, columns.get(f"GPU{found[1]}_MEMORY_TOTAL"))


def _of_gpu(gpu: str, what: str, values: Array, memory: Array | None) -> Iterator[tuple[str, Array]]:
    if what == "USAGE":
        yield f"{gpu}_utilization_percentage", values
    elif what.startswith("POWER"):
        yield f"{gpu}_power_usage_watts", values / (1000 if "mWatts" in what else 1)
    elif what == "MEMORY_USED":
        yield f"{gpu}_memory_usage_megabytes", values * MEBI
        if memory is not None:
            yield f"{gpu}_memory_usage_percentage", _percent(values, memory)


def _percent(part: Array, whole: Array) -> Array:
    return np.divide(100 * part, whole, out=np.zeros_like(part), where=whole > 0)


def _points(time_s: Array, values: Array, began_s: float) -> list[Point]:
    """Means of equally many samples each."""
    parts = np.array_split(np.arange(time_s.size), min(POINTS, time_s.size))
    means = [(float(time_s[part].mean()), float(values[part].mean())) for part in parts]
    return [Point(round(1000 * (t - began_s)), round(1000 * t), value) for t, value in means]
