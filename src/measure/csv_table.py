"""Numbers out of a text table, whoever saved it last: separators, decimal commas, quotes, encodings, blank lines."""

from __future__ import annotations

import csv
import re
from array import array
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from src.errors import EnergyError

Array = NDArray[np.float64]
Row = list[str]
Mend = Callable[[Row, Row], Row]
"""Puts the fields of a row that is longer than the header where they belong; given the first row and that one."""

KEY = "Time"
WHOLE = ("Delta", KEY)
"""Columns of whole numbers; all others may have decimals."""
SEPARATORS = (",", ";", "\t")
SEPARATOR_LINE = re.compile(r"sep=(.)\s*")
"""What Excel writes above some tables."""
BOMS = (b"\xff\xfe", b"\xfe\xff")
LONGEST_LINE = 1 << 24
LARGE_BYTES = 1 << 24
"""Hours of samples: worth the quarter of a second in which a faster reader is loaded."""
BLOCK_BYTES = 1 << 18


@dataclass(frozen=True)
class Layout:
    """How a file is written: `before` lines stand above its first row, the last of them the header."""

    path: Path
    encoding: str
    separator: str
    header: list[str]
    before: int


@dataclass(frozen=True)
class Table:
    """The wanted columns, `values` (rows, columns), and the rows' line numbers in the file, `lines` (rows,).

    `truncated`: the last row was not complete and was dropped.
    """

    values: Array
    lines: NDArray[np.int64]
    truncated: bool


def find_layout(path: Path) -> Layout:
    """How a table with a column `Time` is written; raises EnergyError where there is none."""
    try:
        encoding = _encoding(path)
        with path.open(encoding=encoding) as file:
            first = file.readline(LONGEST_LINE)
            told = SEPARATOR_LINE.fullmatch(first)
            line = file.readline(LONGEST_LINE) if told else first
    except (OSError, UnicodeError) as error:
        raise _unreadable(path, error) from error
    for separator in (told.group(1),) if told else SEPARATORS:
        header = _header(line, separator)
        if KEY in header:
            return Layout(path, encoding, separator, header, 2 if told else 1)
    what = "is no" if encoding == "utf-8-sig" else "cannot be read as an"
    raise EnergyError(f"{path} {what} EnergiBridge CSV: its first line has no column `{KEY}`")


def read_columns(layout: Layout, wanted: Sequence[int], mend: Mend) -> Table:
    """The columns with the numbers `wanted`; raises EnergyError where the table is damaged or empty.

    Tables as meters write them are read by Arrow or NumPy, which are fast; all others row by row.
    """
    try:
        return _read_large(layout, wanted) or _read_plain(layout, wanted) or _read_any(layout, wanted, mend)
    except (OSError, UnicodeError, csv.Error) as error:
        raise _unreadable(layout.path, error) from error


def _unreadable(path: Path, error: Exception) -> EnergyError:
    return EnergyError(f"{path} cannot be read as an EnergiBridge CSV ({error})")


def _encoding(path: Path) -> str:
    """UTF-8 unless the first line says otherwise; what is neither is taken byte by byte, as its numbers are ASCII."""
    with path.open("rb") as file:
        start = file.readline(LONGEST_LINE)
    if start.startswith(BOMS):
        return "utf-16"
    if start.count(0) > len(start) // 3:
        return "utf-16-be" if start.startswith(b"\0") else "utf-16-le"
    try:
        start.decode("utf-8")
    except UnicodeDecodeError:
        return "latin-1"
    return "utf-8-sig"


def _header(line: str, separator: str) -> Row:
    try:
        return [name.strip() for name in next(csv.reader([line.rstrip("\r\n")], delimiter=separator), [])]
    except csv.Error:
        return []


def _read_large(layout: Layout, wanted: Sequence[int]) -> Table | None:
    """A large table in which every row is complete and plain, read by Arrow; None for any other.

    Both readers give the float64 that is nearest to each number.
    """
    if layout.path.stat().st_size < LARGE_BYTES or not (rows := _count_whole_rows(layout)):
        return None
    import pyarrow as arrow  # loaded by nothing else that measures
    from pyarrow import csv as arrow_csv

    names, kept = ([str(place) for place in places] for places in (range(len(layout.header)), wanted))
    converted = arrow_csv.ConvertOptions(
        check_utf8=False,
        column_types=dict.fromkeys(kept, arrow.float64()),
        null_values=[],
        include_columns=kept,
    )
    values, place = np.empty((rows, len(kept)), order="F"), 0  # a column is taken out without a copy
    try:
        with arrow_csv.open_csv(
            layout.path,
            arrow_csv.ReadOptions(column_names=names, skip_rows=layout.before, block_size=BLOCK_BYTES),
            arrow_csv.ParseOptions(delimiter=layout.separator, quote_char=False, ignore_empty_lines=False),
            converted,
        ) as batches:
            for batch in batches:
                values[place : place + batch.num_rows] = np.column_stack(batch.columns)
                place += batch.num_rows
    except (arrow.ArrowInvalid, ValueError):
        return None
    return Table(values, np.arange(rows) + layout.before + 1, truncated=False) if place == rows else None


def _count_whole_rows(layout: Layout) -> int:
    """The number of lines below the header; 0 where the last one has no end, or any may not be plain."""
    if layout.encoding.startswith("utf-16"):
        return 0
    foreign = b'"' if layout.separator == "," else b'",'
    lines, block = 0, b""
    with layout.path.open("rb") as file:
        for block in iter(lambda: file.read(BLOCK_BYTES), b""):
            if any(mark in block for mark in foreign):
                return 0
            lines += block.count(b"\n")
    return lines - layout.before if block.endswith(b"\n") else 0


def _read_plain(layout: Layout, wanted: Sequence[int]) -> Table | None:
    """A table with the header's separators in every row, no quotes and no decimal commas; None for any other."""
    rows, truncated = (0, False) if layout.encoding.startswith("utf-16") else _count_plain_rows(layout)
    if not rows:
        return None
    try:
        values = np.loadtxt(
            str(layout.path),
            delimiter=layout.separator,
            skiprows=layout.before,
            usecols=wanted,
            max_rows=rows,
            comments=None,
            ndmin=2,
            encoding="latin-1",
        )
    except (ValueError, OSError):
        return None
    return Table(values, np.arange(rows) + layout.before + 1, truncated)


def _count_plain_rows(layout: Layout) -> tuple[int, bool]:
    """The number of complete rows, and whether an incomplete one follows; 0 where any line is not plain."""
    separator, width = layout.separator.encode("utf-8"), len(layout.header) - 1
    foreign = (b'"',) if separator == b"," else (b'"', b",")
    rows, last, ended = 0, b"", False
    with layout.path.open("rb") as file:
        above = [file.readline() for _ in range(layout.before)]
        if any(_has_old_line_end(line) for line in above):
            return 0, False
        for line in file:
            found = line.count(separator)
            if last or found > width or any(mark in line for mark in foreign) or _has_old_line_end(line):
                return 0, False
            if found == width and line.endswith(b"\n") and not ended:
                rows += 1
            else:
                last, ended = line.strip(), True
    return rows, bool(last)


def _has_old_line_end(line: bytes) -> bool:
    return line.find(b"\r", 0, -2) >= 0


def _read_any(layout: Layout, wanted: Sequence[int], mend: Mend) -> Table:
    """Any table, row by row."""
    values, lines = array("d"), array("q")
    truncated = False
    first: Row = []
    least = len(layout.header)
    for number, row, is_last in _rows(layout):
        if not first:
            first, mend = row, _mend_of(layout, row, mend)
            least = max(least, len(row))
        if is_last and (len(row) < least or not _ends_with_line(layout)):
            truncated = True
            break
        if len(row) < least:
            raise EnergyError(f"{layout.path}, line {number}: fields are missing; the file is damaged there")
        fields = mend(first, row) if len(row) > len(layout.header) else row
        values.extend(_numbers(layout, number, fields, wanted))
        lines.append(number)
    if not lines:
        raise EnergyError(f"{layout.path} holds a header but no complete row; the meter ended before its first sample")
    return Table(np.array(values).reshape(len(lines), len(wanted)), np.array(lines), truncated)


def _rows(layout: Layout) -> Iterator[tuple[int, Row, bool]]:
    """Number of its line, fields, and whether it is the file's last, of every row that is not blank."""
    with layout.path.open(encoding=layout.encoding, errors="replace", newline="") as file:
        for _ in range(layout.before):
            file.readline()
        reader = csv.reader(file, delimiter=layout.separator)
        waiting: tuple[int, Row] | None = None
        for row in reader:
            if any(field.strip() for field in row):
                if waiting is not None:
                    yield *waiting, False
                waiting = layout.before + reader.line_num, row
        if waiting is not None:
            yield *waiting, True


def _ends_with_line(layout: Layout) -> bool:
    """Whether the file's last line has its end; a blank one needs none."""
    with layout.path.open("rb") as file:
        file.seek(max(0, layout.path.stat().st_size - 64))
        end = file.read().replace(b"\0", b"").rstrip(b" ;\t,")
    return end.endswith((b"\n", b"\r"))


def _mend_of(layout: Layout, first: Row, mend: Mend) -> Mend:
    """How rows longer than the header are to be read; meters write none as their first, other programs do."""
    header, more = layout.header, len(first) - len(layout.header)
    if more <= 0:
        return mend
    time = header.index(KEY)
    if more == 1 and first[0] in ("0", "1") and _is_more(first[time + 1], first[time]):
        return lambda _, row: row[1:]
    if layout.separator == "," and len(first) == sum(1 if name in WHOLE else 2 for name in header):
        return lambda _, row: _joined(layout, row)
    raise EnergyError(
        f"{layout.path}, line {layout.before + 1}: {more} fields more than the header has names; if they are decimal "
        "commas, save the table with ; between its columns, or take the file as the meter wrote it"
    )


def _is_more(one: str, other: str) -> bool:
    try:
        return float(one) > float(other)
    except ValueError:
        return False


def _joined(layout: Layout, row: Row) -> Row:
    """Numbers that were split at their decimal commas, whole again."""
    rest = iter(row)
    return [next(rest, "") if name in WHOLE else f"{next(rest, '')}.{next(rest, '')}" for name in layout.header]


def _numbers(layout: Layout, line: int, fields: Row, wanted: Sequence[int]) -> list[float]:
    found = []
    for index in wanted:
        try:
            found.append(_number(fields[index]))
        except (ValueError, IndexError) as error:
            name = layout.header[index]
            raise EnergyError(
                f"{layout.path}, line {line}: no number for `{name}`; the file is damaged there"
            ) from error
    return found


def _number(text: str) -> float:
    """A number with a decimal point or comma."""
    if "_" in text:
        raise ValueError(text)
    return float(text.replace(",", ".") if text.count(",") == 1 and "." not in text else text)
