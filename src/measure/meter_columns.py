"""What a meter's columns beside the energy say of the machine during a run: load, clock, temperature, memory."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np

from src.contract.flags import Flag
from src.errors import EnergyError
from src.measure.meters.gpu_state import SLOWED
from src.measure.recording import Array, Recording, read_recording
from src.measure.windows import Window

LOAD, CLOCK, HEAT = (re.compile(rf"CPU_{what}_\d+") for what in ("USAGE", "FREQUENCY", "TEMP"))
"""Of each logical CPU, in percent, MHz and °C; 0 stands for a clock or a temperature that is not known."""
MEMORY, SWAP = re.compile("USED_MEMORY"), re.compile("USED_SWAP")
"""In bytes."""
GPU_LOAD, GPU_CLOCK, GPU_MEMORY_CLOCK, GPU_HEAT, REASONS = (
    re.compile(rf"(GPU\d+)_{what}")
    for what in ("USAGE", "FREQUENCY", "MEMORY_FREQUENCY", "TEMPERATURE", "CLOCK_REASONS")
)
"""Of each NVIDIA GPU, in percent, MHz and °C, and what holds its clocks down, as NVML's bits."""
PATTERNS = (LOAD, CLOCK, HEAT, MEMORY, SWAP, GPU_LOAD, GPU_CLOCK, GPU_MEMORY_CLOCK, GPU_HEAT, REASONS)
MAY_BE_0 = ("swap_used_bytes", "gpu_slowed_share")
LARGEST_BYTES = 1 << 27
"""A larger recording lasted for half a day or longer: a mean over it says nothing."""


def column_metrics(path: Path, window: Window, hidden: tuple[str, ...] = ()) -> dict[str, float]:
    """Means and extremes within the window, under their names in `contract.metrics`.

    What is not there, cannot be read or is not known is left out, and so are columns that begin with one of `hidden`;
    nothing about these columns stops a run.
    """
    recording = beside_the_energy(path, PATTERNS, hidden)
    if recording is None:
        return {}
    load, memory, swap, gpu_load = (_shown(recording, window, each, 0.0) for each in (LOAD, MEMORY, SWAP, GPU_LOAD))
    clock, heat, gpu_clock, gpu_memory, gpu_heat = (
        _shown(recording, window, pattern, 1e-9) for pattern in (CLOCK, HEAT, GPU_CLOCK, GPU_MEMORY_CLOCK, GPU_HEAT)
    )
    found = {
        "cpu_usage_share": load.mean(axis=0) / 100,
        "cpu_frequency_mhz": clock.mean(axis=0),
        "cpu_temperature_c": heat.max(axis=0),
        "memory_used_bytes": memory.max(axis=0),
        "swap_used_bytes": swap.max(axis=0),
        "gpu_usage_share": gpu_load.mean(axis=0) / 100,
        "gpu_frequency_mhz": gpu_clock.mean(axis=0),
        "gpu_memory_frequency_mhz": gpu_memory.mean(axis=0),
        "gpu_temperature_c": gpu_heat.max(axis=0),
        "gpu_slowed_share": _slowed(_shown(recording, window, REASONS, 0.0), sum(SLOWED)).max(axis=0),
    }
    # Some versions show a load of 0 for ever; no swap in use is no such thing.
    known = {name: v.compressed() for name, v in found.items() if v.count() and (v.any() or name in MAY_BE_0)}
    return {key: float(value) for name, values in known.items() for key, value in _summary(name, values).items()}


def slowdown_flags(path: Path, window: Window, hidden: tuple[str, ...] = ()) -> list[Flag]:
    """A flag for each GPU that slowed itself down within the window, with its reasons and how often each was seen."""
    recording = beside_the_energy(path, (REASONS,), hidden)
    if recording is None:
        return []
    flags = []
    for name in sorted(recording.columns):
        reasons = _shown(recording, window, re.compile(name), 0.0)
        if not (_slowed(reasons, sum(SLOWED)) > 0).any():
            continue
        shares = {words: _slowed(reasons, bit).mean() for bit, words in SLOWED.items()}
        told = ", ".join(f"{words} in {share:.0%} of the samples" for words, share in shares.items() if share > 0)
        number = name.removeprefix("GPU").partition("_")[0]
        flags.append(Flag("gpu_throttled", f"GPU {number} slowed itself down during the run: {told}"))
    return flags


def beside_the_energy(
    path: Path, patterns: Sequence[re.Pattern[str]], hidden: tuple[str, ...] = ()
) -> Recording | None:
    """The columns that match one of the patterns and begin with none of `hidden`; None where they tell nothing."""
    try:
        if path.stat().st_size > LARGEST_BYTES:
            return None
        wanted = partial(_is_wanted, patterns, hidden)
        return read_recording(path, kept=wanted)
    except (OSError, EnergyError):
        return None


def _is_wanted(patterns: Sequence[re.Pattern[str]], hidden: tuple[str, ...], name: str) -> bool:
    return any(pattern.fullmatch(name) for pattern in patterns) and not name.startswith(hidden)


def _slowed(reasons: np.ma.MaskedArray, bits: int) -> np.ma.MaskedArray:
    """1.0 where one of the bits is set, else 0.0; masked where nothing is known."""
    found = (reasons.filled(0).astype(np.int64) & bits) != 0
    return np.ma.masked_array(found.astype(float), np.ma.getmaskarray(reasons))


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
