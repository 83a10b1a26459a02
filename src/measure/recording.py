"""Reading the CSV files that EnergiBridge (and every meter that speaks its format) writes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from src.contract.flags import Flag
from src.errors import EnergyError

Array = NDArray[np.float64]

ENERGY_UNITS = ("(J)", "(mJ)", "(Watts)", "(mWatts)")
MARKS = {
    "ESTIMATED": "the energy is estimated from the CPU load, not measured",
    "REPLAYED": "the energy is replayed from an earlier recording, not measured now",
}
"""Columns by which a CSV of `estimate` or `replay` can be told from a measurement, wherever it is copied."""


@dataclass(frozen=True)
class Recording:
    """The samples of one meter: `time_s` (n,) in epoch seconds, never falling, and columns of n raw values.

    `columns` holds every column with an energy or power unit under its name in the file, units unchanged.
    """

    time_s: Array
    columns: dict[str, Array]
    flags: tuple[Flag, ...] = ()


def read_recording(path: Path, every_column: bool = False) -> Recording:
    """Read an EnergiBridge CSV from any platform.

    `Delta` is left out, as it belongs to the next row. A last line without its line end is dropped and
    flagged. Rows longer than the header are mended (see `_shifts`) and flagged. With `every_column` the
    columns without an energy unit are read too. Raises EnergyError where the file is no such CSV or is
    damaged in its middle.
    """
    header, lines, flags = _lines(path)
    names = [name for name in header if name not in ("Delta", "Time")]
    kept = [name for name in names if every_column or name.endswith(ENERGY_UNITS)]
    rows = _fields(path, header, lines, max(header.index(name) for name in ("Time", *kept)))
    shifts = _shifts(header, rows, max(line.count(",") for line in lines) + 1)
    if shifts:
        text = f"{len(shifts)} rows are longer than the header: a GPU value that appeared late is not counted"
        flags = (*flags, Flag("long_rows", text, grave=True))
    time_s = _column(path, header, rows, shifts, "Time") / 1000.0
    if not np.isfinite(time_s).all():
        line = int(np.argmin(np.isfinite(time_s))) + 2
        raise EnergyError(f"{path}, line {line}: no moment in `Time`; the file is damaged there")
    if np.any(np.diff(time_s) < 0):
        raise EnergyError(f"{path}: Time runs backwards; the clock was set during the run, so measure it again")
    # Time is cut to whole milliseconds: of two samples in one, the second came later and has its own energy.
    time_s[1:][np.diff(time_s) == 0] += 0.0005
    columns = {name: _column(path, header, rows, shifts, name) for name in kept}
    marks = tuple(Flag(name.lower(), text) for name, text in MARKS.items() if name in names)
    return Recording(time_s, columns, marks + flags)


def _lines(path: Path) -> tuple[list[str], list[str], tuple[Flag, ...]]:
    """Header and complete lines; a truncated last line is dropped with a flag."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise EnergyError(f"{path} cannot be read as an EnergiBridge CSV ({error})") from error
    lines = text.splitlines()
    header = lines.pop(0).split(",") if lines else []
    if "Time" not in header:
        raise EnergyError(f"{path} is no EnergiBridge CSV: its first line has no column `Time`")
    flags: tuple[Flag, ...] = ()
    if lines and (not text.endswith("\n") or lines[-1].count(",") < len(header) - 1):
        lines.pop()
        flags = (Flag("truncated", "the last line is incomplete and was dropped", grave=True),)
    if not lines:
        raise EnergyError(f"{path} holds a header but no complete row; the meter ended before its first sample")
    return header, lines, flags


def _fields(path: Path, header: Sequence[str], lines: Sequence[str], last: int) -> list[list[str]]:
    """The fields of every line; nothing right of column `last` is taken apart where no line is too long."""
    commas = [line.count(",") for line in lines]
    if min(commas) < len(header) - 1:
        number = commas.index(min(commas)) + 2
        raise EnergyError(f"{path}, line {number}: fields are missing; the file is damaged there")
    splits = last + 1 if max(commas) == len(header) - 1 else -1
    return [line.split(",", splits) for line in lines]


def _shifts(header: Sequence[str], rows: Sequence[Sequence[str]], longest: int) -> dict[int, int]:
    """By how many fields the columns right of the GPU's moved, for each row longer than the header.

    EnergiBridge sorts the values of every row by name but writes the header once. A GPU value that appears
    late therefore pushes all names after `GPU` to the right. `TOTAL_MEMORY` never changes, so where it still
    stands in its place the additional values stand at the end and nothing moved.
    """
    width = len(header)
    if longest == width:
        return {}
    anchor = header.index("TOTAL_MEMORY") if "TOTAL_MEMORY" in header else None
    shifts = {}
    for number, row in enumerate(rows):
        if len(row) > width:
            unmoved = anchor is not None and row[anchor] == rows[0][anchor] and len(rows[0]) == width
            shifts[number] = 0 if unmoved else len(row) - width
    return shifts


def _column(
    path: Path, header: Sequence[str], rows: Sequence[Sequence[str]], shifts: dict[int, int], name: str
) -> Array:
    """One column as numbers; where a late value makes the place of a GPU's column unknown, NaN."""
    index = header.index(name)
    try:
        values = np.array([float(row[index]) for row in rows])
        for number, shift in () if name == "Time" else shifts.items():
            if shift and name.startswith("GPU"):
                values[number] = np.nan
            elif shift and name > "GPU":
                values[number] = float(rows[number][index + shift])
    except (ValueError, IndexError) as error:
        line = _bad_line(rows, index)
        raise EnergyError(f"{path}, line {line}: no number for `{name}`; the file is damaged there") from error
    return values


def _bad_line(rows: Sequence[Sequence[str]], index: int) -> int:
    """Number of the first line (the header is line 1) whose field `index` is missing or no number."""
    for number, row in enumerate(rows, start=2):
        try:
            float(row[index])
        except (ValueError, IndexError):
            return number
    return len(rows) + 1
