"""Reading the CSV files that EnergiBridge (and every meter that speaks its format) writes."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path

import numpy as np

from src.contract.flags import Flag
from src.errors import EnergyError
from src.measure.csv_table import KEY, Array, Row, Table, find_layout, read_columns
from src.measure.old_units import mended, old_scale

__all__ = ["ENERGY_UNITS", "Array", "Recording", "read_recording", "todays_name"]

ENERGY_UNITS = ("(J)", "(mJ)", "(Watts)", "(mWatts)")
MARKS = {
    "ESTIMATED": "the energy is estimated from the CPU load, not measured",
    "REPLAYED": "the energy is replayed from an earlier recording, not measured now",
}
"""Columns by which a CSV of `estimate` or `replay` can be told from a measurement, wherever it is copied."""
MISPELT = "PACAKGE_ENERGY (J)"
"""EnergiBridge's first versions wrote this for Intel's package..."""
UNITLESS_GPU = re.compile(r"GPU\d+_POWER")
"""...and these, in mW, without their unit."""
A_GPU = re.compile(r"GPU\d+_")
DIGITS = re.compile(r"\d+")
IN_SECONDS = (1e9, 1e10)
"""Epoch times of 2001 to 2286 in seconds; as milliseconds they would be of 1970."""
LATEST_MS = 1e13
SURELY_MANY = 5


@dataclass(frozen=True)
class Recording:
    """The samples of one meter: `time_s` (n,) in epoch seconds, rising, and columns of n raw values.

    `columns` holds those that were asked for, else every one with an energy or power unit, under its name in the file,
    units unchanged; names of EnergiBridge's first versions are replaced by today's, and their counters are in J.
    """

    time_s: Array
    columns: dict[str, Array]
    flags: tuple[Flag, ...] = ()


def is_energy(name: str) -> bool:
    """Whether a column shows energy or power."""
    return name.endswith(ENERGY_UNITS)


def read_recording(path: Path, kept: Callable[[str], bool] = is_energy, scale: float | None = None) -> Recording:
    """Read an EnergiBridge CSV from any platform, as it was written or as a spreadsheet, pandas or R saved it.

    `Delta` is left out, as it belongs to the next row. A last line without its line end is dropped and
    flagged. Rows longer than the header are mended (see `_Late`) and flagged. Of the columns,
    those that are `kept` by their name are read. `scale` makes J of Intel's counters where their unit is known not to
    be what their values say. Raises EnergyError where the file is no such CSV, is
    damaged in its middle, or holds no times in milliseconds.
    """
    layout = find_layout(path)
    names = [todays_name(name) for name in layout.header]
    places = {name: place for place, name in reversed(list(enumerate(names)))}
    wanted = [name for name in dict.fromkeys(names) if name not in ("", "Delta", KEY) and kept(name)]
    late = _Late(names)
    table = read_columns(layout, [places[name] for name in (KEY, *wanted)], late.put_right)
    columns = {name: np.ascontiguousarray(table.values[:, place]) for place, name in enumerate(wanted, start=1)}
    marks = [Flag(name.lower(), text) for name, text in MARKS.items() if name in places]
    flags = [*marks, *_odd(table.truncated, names), *late.flags()]
    time_s = _seconds(path, table)
    factor = old_scale(names, time_s, columns) if scale is None else scale
    if factor != 1:
        columns, told = mended(columns, factor, known=scale is not None)
        flags += told
    return Recording(time_s, columns, tuple(flags))


def todays_name(name: str) -> str:
    """What today's EnergiBridge calls a column."""
    if name == MISPELT:
        return "PACKAGE_ENERGY (J)"
    return f"{name} (mWatts)" if UNITLESS_GPU.fullmatch(name) else name


def _odd(truncated: bool, names: Row) -> list[Flag]:
    flags = []
    if truncated:
        flags.append(Flag("truncated", "the last line is incomplete and was dropped", grave=True))
    gpus = sorted({found.group().rstrip("_") for name in names if (found := A_GPU.match(name))})
    if gpus and not any(A_GPU.match(name) and is_energy(name) for name in names):
        text = f"{', '.join(gpus)} was recorded without its power: its energy is not in the total"
        flags.append(Flag("gpu_without_power", text))
    return flags


def _seconds(path: Path, table: Table) -> Array:
    """The times in s, rising; raises EnergyError where `Time` cannot be what EnergiBridge writes."""
    time_ms = table.values[:, 0]
    if not np.isfinite(time_ms).all():
        line = table.lines[int(np.argmin(np.isfinite(time_ms)))]
        raise EnergyError(f"{path}, line {line}: no moment in `Time`; the file is damaged there")
    if time_ms.min() < 0 or time_ms.max() > LATEST_MS:
        what = f"{path}: `Time` is not in milliseconds since 1970 ({time_ms[0]:g})"
        raise EnergyError(f"{what}; take the file as the meter wrote it")
    if np.any(np.diff(time_ms) < 0):
        raise EnergyError(f"{path}: Time runs backwards; the clock was set during the run, so measure it again")
    if time_ms.size > 1 and time_ms[0] == time_ms[-1]:
        raise EnergyError(
            f"{path}: all {time_ms.size} samples bear the same `Time`, {time_ms[0]:.0f}; if a spreadsheet rounded it, "
            "take the file as the meter wrote it, else record for longer"
        )
    seconds = IN_SECONDS[0] <= time_ms[0] < IN_SECONDS[1]
    if seconds or (time_ms.size >= SURELY_MANY and time_ms[-1] - time_ms[0] < time_ms.size - 1):
        raise EnergyError(f"{path}: `Time` lies in seconds, not in milliseconds; multiply it by 1000")
    # Time is cut to whole milliseconds: of two samples in one, the second came later and has its own energy.
    time_s = time_ms / 1000.0
    time_s[1:][np.diff(time_s) == 0] += 0.0005
    return time_s


class _Late:
    """Values that appeared after the header was written.

    EnergiBridge sorts the values of every row by name but writes the header once, so a value that appears late pushes
    all those after it to the right. Its place is where the others agree best with the first row.
    """

    def __init__(self, header: Row) -> None:
        self._header = header
        self._places: Counter[int] = Counter()

    def put_right(self, first: Row, row: Row) -> Row:
        """The row without its late values; where a late GPU's value makes the others' places unknown, NaN."""
        place = self._place(first, row)
        self._places[place] += 1
        kept = row[:place] + row[place + len(row) - len(self._header) :]
        if place == len(self._header) or not self._may_be_gpu(place):
            return kept
        return ["nan" if name.startswith("GPU") else field for name, field in zip(self._header, kept, strict=True)]

    def flags(self) -> list[Flag]:
        """One for each place."""
        return [self._flag(place, rows) for place, rows in self._places.items()]

    def _place(self, first: Row, row: Row) -> int:
        more = len(row) - len(self._header)
        left = accumulate((_unlike(a, b) for a, b in zip(first, row, strict=False)), initial=0.0)
        moved = [_unlike(a, b) for a, b in zip(first, row[more:], strict=True)]
        right = list(accumulate(reversed(moved), initial=0.0))[::-1]
        costs = [a + b for a, b in zip(left, right, strict=True)]
        return min(range(2, len(costs)), key=lambda place: (round(costs[place], 9), -place))

    def _may_be_gpu(self, place: int) -> bool:
        after = self._header[place] if place < len(self._header) else "~"
        return self._header[place - 1] < "GPU~" and after > "GPU"

    def _flag(self, place: int, rows: int) -> Flag:
        """Neither a sensor of its neighbours' family nor any beside the whole system's power tells energy."""
        before, after = self._header[place - 1], (*self._header, "")[place]
        text = f"{rows} {'row is' if rows == 1 else 'rows are'} longer than the header: "
        if not after:
            return Flag("long_rows", text + "values that appeared late are not counted", grave=True)
        if _family(before) == _family(after):
            return Flag("long_rows", f"{text}a sensor like `{after}` appeared late and is not read")
        if "SYSTEM_POWER (Watts)" in self._header:
            return Flag("long_rows", f"{text}a sensor between `{before}` and `{after}` appeared late and is not read")
        what = "a GPU value" if self._may_be_gpu(place) else f"a value between `{before}` and `{after}`"
        return Flag("long_rows", f"{text}{what} that appeared late is not counted", grave=True)


def _family(name: str) -> str:
    return DIGITS.sub("", name)


def _unlike(one: str, other: str) -> float:
    """0 for equal numbers, up to 1 for others."""
    try:
        a, b = float(one), float(other)
    except ValueError:
        return float(one != other)
    size = abs(a) + abs(b)
    return min(1.0, abs(a - b) / size) if 0 < size < float("inf") else float(size != 0)
