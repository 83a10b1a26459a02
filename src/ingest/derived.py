"""Tables that somebody computed from recordings: smoothed counters, other times, extracts. They are no runs."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from src.contract.flags import Flag
from src.measure.recording import Array, Recording

EARLIEST_S = 9e8
"""1998, long before EnergiBridge: earlier times count from a recording's own begin."""
COUNTER = re.compile(r"(CPU|PACKAGE\d*|DRAM\d*|CORE\d+|PP[01])_ENERGY \(J\)")
UNITS_J = (2.0**-16, 1e-6)
"""Every counter's unit is a multiple of one of these, and so is what was rounded to six digits or fewer."""
EXACT = 1e-11
SAME_TIMES = 0.9


@dataclass(frozen=True)
class Origin:
    """What tells a recording from what was made of it: its times (n,) in s, and how many columns it has."""

    path: Path
    time_s: Array
    columns: int


def computed(recording: Recording, columns: Sequence[str]) -> Flag | None:
    """A flag for values or times that no meter writes; `columns` are those that are added up."""
    if recording.time_s[0] < EARLIEST_S:
        what = "its times do not tell when it was recorded, as a meter's do"
    elif any(_is_off_every_grid(recording.columns[name]) for name in columns if COUNTER.fullmatch(name)):
        what = "its counters show no multiples of any counter's unit, as smoothed or interpolated ones do"
    else:
        return None
    return Flag("derived", f"this table was computed from a recording: {what}", grave=True)


def made_of_others(origins: Sequence[Origin]) -> dict[Path, Path]:
    """Each table of whose times another one has nearly all, and that other one, which has more columns."""
    found: dict[Path, Path] = {}
    by_begin = sorted(origins, key=lambda origin: float(origin.time_s[0]))
    for place, one in enumerate(by_begin):
        for other in by_begin[place + 1 :]:
            if other.time_s[0] > one.time_s[-1]:
                break
            part, whole = sorted((one, other), key=lambda origin: origin.columns)
            if part.columns < whole.columns and np.isin(part.time_s, whole.time_s).mean() >= SAME_TIMES:
                found.setdefault(part.path, whole.path)
    return found


def _is_off_every_grid(values: Array) -> bool:
    off = [np.abs(values - np.round(values / unit_j) * unit_j) > EXACT * (1 + np.abs(values)) for unit_j in UNITS_J]
    return bool(np.mean(off[0] & off[1]) > 0.5)
