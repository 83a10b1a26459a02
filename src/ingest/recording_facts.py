"""What a recording tells by itself of the machine and of its meter, so that unlike ones are not compared unseen."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from src.contract.record import RECORDED
from src.errors import EnergyError
from src.measure.recording import Recording, read_recording

CPU = re.compile(r"CPU_(?:USAGE|FREQUENCY|TEMP)_(\d+)")
NUMBER = re.compile(r"\d+")
MEMORY = "TOTAL_MEMORY"
NO_COLUMNS = ("Time", "Delta")
USUAL_MS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 30_000, 60_000)
"""Intervals that people ask for; a meter is always a little late."""
OLD_VERSION = re.compile(r"EnergiBridge (up to 0\.0\.4|0\.0\.5 or 0\.0\.6)")


def told_by(path: Path, recording: Recording, header: Sequence[str]) -> dict[str, str]:
    """Parameters of a run: interval, columns, and, as far as they are seen, CPUs, memory and EnergiBridge's version."""
    cpus = {int(found[1]) for name in header if (found := CPU.fullmatch(name))}
    told = {
        "cpus": str(len(cpus)) if cpus else "",
        "memory_gib": _memory_gib(path, header),
        "interval_ms": str(usual_interval_ms(1000 * float(np.median(np.diff(recording.time_s))))),
        "energibridge": next((found[1] for flag in recording.flags if (found := OLD_VERSION.search(flag.text))), ""),
        "columns": columns_of(header),
    }
    return {f"{RECORDED}.{name}": value for name, value in told.items() if value}


def columns_of(header: Sequence[str]) -> str:
    """The columns, those that differ in a number only as one with their count: `CPU_USAGE_* 24, TOTAL_MEMORY`."""
    counts = Counter(NUMBER.sub("*", name.strip()) for name in header if name not in NO_COLUMNS and name.strip())
    return ", ".join(name if count == 1 else f"{name} {count}" for name, count in sorted(counts.items()))


def usual_interval_ms(median_ms: float) -> int:
    """The interval that was probably asked for."""
    return min(USUAL_MS, key=lambda usual: abs(math.log(max(median_ms, 0.1) / usual)))


def _memory_gib(path: Path, header: Sequence[str]) -> str:
    if MEMORY not in header:
        return ""
    try:
        values = read_recording(path, kept=lambda name: name == MEMORY).columns.get(MEMORY)
    except (OSError, EnergyError):
        return ""
    return "" if values is None or not np.isfinite(values[0]) else f"{values[0] / 2**30:.0f}"
