"""What EnergiBridge's columns beside the energy say of the machine during a run: load, clock, temperature, memory."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from src.errors import EnergyError
from src.measure.recording import Array, Recording, read_recording
from src.measure.windows import Window

LOAD, CLOCK, HEAT = (re.compile(rf"CPU_{what}_\d+") for what in ("USAGE", "FREQUENCY", "TEMP"))
"""Of each logical CPU, in percent, MHz and °C; 0 stands for a clock or a temperature that is not known."""
MEMORY, SWAP = re.compile("USED_MEMORY"), re.compile("USED_SWAP")
"""In bytes."""
PATTERNS = (LOAD, CLOCK, HEAT, MEMORY, SWAP)
LARGEST_BYTES = 1 << 27
"""A larger recording lasted for half a day or longer: a mean over it says nothing."""


def column_metrics(path: Path, window: Window) -> dict[str, float]:
    """Means and extremes within the window, under their names in `contract.metrics`.

    What is not there, cannot be read or is not known is left out; nothing about these columns stops a run.
    """
    try:
        if path.stat().st_size > LARGEST_BYTES:
            return {}
        recording = read_recording(path, kept=lambda name: any(pattern.fullmatch(name) for pattern in PATTERNS))
    except (OSError, EnergyError):
        return {}
    load, memory, swap = (_shown(recording, window, pattern, 0.0) for pattern in (LOAD, MEMORY, SWAP))
    clock, heat = (_shown(recording, window, pattern, 1e-9) for pattern in (CLOCK, HEAT))
    found = {
        "cpu_usage_share": load.mean(axis=0) / 100,
        "cpu_frequency_mhz": clock.mean(axis=0),
        "cpu_temperature_c": heat.max(axis=0),
        "memory_used_bytes": memory.max(axis=0),
        "swap_used_bytes": swap.max(axis=0),
    }
    # Some versions show a load of 0 for ever; no swap in use is no such thing.
    known = {name: v.compressed() for name, v in found.items() if v.count() and (v.any() or name == "swap_used_bytes")}
    return {key: float(value) for name, values in known.items() for key, value in _summary(name, values).items()}


def _shown(recording: Recording, window: Window, pattern: re.Pattern[str], least: float) -> np.ma.MaskedArray:
    """The matching columns' values of at least `least` in the window, (columns, samples).

    Not those of the first sample, whose load is that of the time before.
    """
    rows = (recording.time_s >= window[0]) & (recording.time_s <= window[1])
    rows[0] = False
    found = [values[rows] for name, values in recording.columns.items() if pattern.fullmatch(name)]
    values = np.array(found or [np.full(int(rows.sum()), np.nan)])
    return np.ma.masked_where(~(np.isfinite(values) & (values >= least)), values)


def _summary(name: str, values: Array) -> dict[str, float]:
    """Of values over time: means of loads and clocks, the largest of all else, and where they began and ended."""
    stem, _, unit = name.rpartition("_")
    edges = {f"{stem}_first_{unit}": values[0], f"{stem}_last_{unit}": values[-1]}
    if unit == "mhz":
        return {name: values.mean(), **edges}
    if unit == "c":
        return {f"{stem}_max_{unit}": values.max(), **edges}
    return {name: values.mean()} if unit == "share" else {f"{stem}_max_{unit}": values.max()}
