"""Recordings that other programs saved again, and damaged ones: the right joules, or one clear reason."""

from __future__ import annotations

import contextlib
import os
import random
import resource
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from src.errors import EnergyError
from src.measure import csv_table
from src.measure.energy import whole_file
from src.measure.recording import read_recording
from src.paths import ROOT

DATA = ROOT / "tests" / "data" / "energibridge"
HEADER = ["Delta", "Time", "CPU_USAGE_0", "PACKAGE_ENERGY (J)", "TOTAL_MEMORY"]
BEGIN_MS = 1_740_000_000_000
FUZZED_FILES = int(os.environ.get("JOULEBENCH_FUZZED_FILES", "2000"))


def cells(rows: int = 11) -> list[list[str]]:
    """Two seconds at 12.05 W: 24.1 J."""
    return [
        ["0" if row == 0 else "200", str(BEGIN_MS + 200 * row), "50", f"{1000.25 + 2.41 * row:.2f}", "900"]
        for row in range(rows)
    ]


def table(separator: str = ",", decimal: str = ".", quote: str = "", end: str = "\n") -> str:
    lines = [HEADER, *cells()]
    texts = [separator.join(quote + field.replace(".", decimal) + quote for field in line) for line in lines]
    return end.join([*texts, ""])


def numbered(header: str, first: int) -> str:
    """With the row numbers that R and pandas put before every row."""
    lines = table(quote='"').splitlines()
    named = [header + lines[0]] + [f'"{row}",{line}' for row, line in enumerate(lines[1:], start=first)]
    return "\n".join(named) + "\n"


FRACTIONS = [HEADER, *([*row[:2], "50.5", row[3], "900.0"] for row in cells())]

SAVED = {
    "semicolons": table(";"),
    "tabs": table("\t"),
    "decimal commas between semicolons": table(";", ","),
    "decimal commas between tabs": table("\t", ","),
    "decimal commas in quotes": table(quote='"', decimal=","),
    "decimal commas between commas": "\n".join(",".join(row).replace(".", ",") for row in FRACTIONS) + "\n",
    "quotes": table(quote='"'),
    "Windows' line ends": table(end="\r\n"),
    "old line ends": table(end="\r"),
    "an old line end below the header": table().replace("\n", "\r", 1),
    "a byte order mark": "\ufeff" + table(),
    "Excel's first line": "sep=;\n" + table(";", ","),
    "Excel's empty cells": table(";") + ";;;;\n;;;;\n",
    "R's write.csv": numbered('"",', 1),
    "R's write.table": numbered("", 1),
    "pandas' to_csv": numbered(",", 0),
    "two blank lines at the end": table() + "\n\n",
    "a blank line after each": table(end="\n\n"),
    "spaces on the last line": table() + "\n   ",
}
ENCODINGS = {"UTF-16": "utf-16", "UTF-16, no mark": "utf-16-le", "UTF-16, big end first": "utf-16-be"}


@pytest.mark.parametrize("text", SAVED.values(), ids=SAVED)
def test_what_other_programs_saved_is_read(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.csv").write_bytes(text.encode())
    recording = read_recording(tmp_path / "a.csv")
    assert whole_file(recording).energy_j == pytest.approx(24.1, abs=1e-6)
    assert recording.time_s.tolist() == [(BEGIN_MS + 200 * row) / 1000 for row in range(11)]
    assert recording.flags == ()


@pytest.mark.parametrize("encoding", ENCODINGS.values(), ids=ENCODINGS)
@pytest.mark.parametrize("text", [table(), table("\t", ","), table(quote='"')], ids=["plain", "tabs", "quotes"])
def test_other_encodings_are_read(tmp_path: Path, text: str, encoding: str) -> None:
    (tmp_path / "a.csv").write_bytes(text.encode(encoding))
    assert whole_file(read_recording(tmp_path / "a.csv")).energy_j == pytest.approx(24.1, abs=1e-6)


def test_a_name_in_another_code_page_does_no_harm(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(table().replace("CPU_USAGE_0", "CPU_TEMP (°C)").encode("cp1252"))
    assert whole_file(read_recording(tmp_path / "a.csv")).energy_j == pytest.approx(24.1, abs=1e-6)


@pytest.mark.parametrize(
    "text",
    [table()[:-1], table(";")[:-3], table(end="\r\n")[:-9], table(quote='"')[:-1]],
    ids=["end", "cut", "short", "quoted"],
)
def test_a_cut_last_line_is_dropped_whoever_saved_it(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.csv").write_bytes(text.encode())
    recording = read_recording(tmp_path / "a.csv")
    assert [flag.code for flag in recording.flags] == ["truncated"]
    assert recording.time_s.size == 10


def with_times(*times: float) -> str:
    return "\n".join(["Delta,Time,CPU_ENERGY (J)", *(f"1,{t},{10 + row}" for row, t in enumerate(times))]) + "\n"


REFUSED = {
    "all times equal": (with_times(*[1.74059e12] * 9), "all 9 samples bear the same `Time`.*spreadsheet"),
    "seconds": (with_times(*np.arange(1.74e9, 1.74e9 + 60, 5)), "in seconds.*multiply it by 1000"),
    "fractions of seconds": (with_times(*np.round(1.74e9 + 0.2 * np.arange(9), 1)), "in seconds"),
    "seconds since the start": (with_times(*np.round(0.2 * np.arange(9), 1)), "in seconds"),
    "microseconds": (with_times(*(1.74e15 + 2e5 * np.arange(9))), "not in milliseconds since 1970"),
    "before 1970": (with_times(*(-4000 + 200 * np.arange(9))), "not in milliseconds since 1970"),
    "too large a counter": (table().replace("1002.66", "1e308"), "shows 1e.308 J, which no counter does"),
    "overflow": (table().replace("1002.66", "1e999"), "without a value"),
    "a negative counter": (table().replace("1002.66", "-8.5"), "shows -8.5 J, which no counter does"),
    "decimal commas in some columns": (table(decimal=","), "line 2: 1 fields more.*decimal commas.*with ;"),
    "quotes that never end": (table().replace("CPU_USAGE_0", '"CPU_USAGE_0'), "2 fields more than the header"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "says"), REFUSED.values(), ids=REFUSED)
def test_what_has_no_honest_energy_is_refused_with_the_reason(tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / "a.csv").write_text(text)
    with pytest.raises(EnergyError, match=says):
        whole_file(read_recording(tmp_path / "a.csv"))


ODD = ["", '"', ",", ";", "\t", "\n", "\r", "\0", "1e308", "-1", "nan", "inf", "1,5", "1_0", "é", "\ufeff", "99" * 40]


def mutated(text: str, chance: random.Random) -> bytes:
    """A real file with a few faults: fields, lines and single bytes replaced, lost, doubled and moved."""
    lines = text.splitlines(keepends=True)
    for _ in range(chance.choice((1, 1, 2, 5))):
        place, fault = chance.randrange(len(lines)), chance.randrange(5)
        fields = lines[place].split(",")
        if fault == 0:
            fields[chance.randrange(min(len(fields), 12))] = chance.choice(ODD)
            lines[place] = ",".join(fields)
        elif fault == 1:
            del lines[place : place + chance.randrange(1, 30)]
        elif fault == 2:
            lines.insert(place, chance.choice([*lines, *ODD]))
        elif fault == 3:
            lines[place] = ",".join(fields[: chance.randrange(len(fields))] + chance.choice([[], fields[-3:]]))
        else:
            lines[place] = lines[place].replace(*chance.choice([(",", ";"), (".", ","), ("1", "9"), ("0", "")]))
        lines = lines or ["\n"]
    raw = bytearray("".join(lines).encode(chance.choice(("utf-8", "utf-8", "utf-8", "utf-16"))))
    for _ in range(chance.choice((0, 0, 1, 3)) if raw else 0):
        raw[chance.randrange(len(raw))] = chance.randrange(256)
    return bytes(raw)


ORIGINALS = [path.read_text() for path in sorted(DATA.glob("*.csv"))]


@given(seed=st.integers(0, 2**32))
@settings(max_examples=FUZZED_FILES, deadline=5000)
def test_a_damaged_file_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, seed: int) -> None:
    chance = random.Random(seed)
    path = tmp_path_factory.getbasetemp() / "mutated.csv"
    path.write_bytes(mutated(chance.choice(ORIGINALS), chance))
    with contextlib.suppress(EnergyError):
        energy_j = whole_file(read_recording(path)).energy_j
        assert 0 < energy_j < float("inf")


@pytest.mark.parametrize("name", ["linux-amd", "windows-amd-wrap", "macos-arm"])
def test_both_ways_of_reading_agree(tmp_path: Path, name: str) -> None:
    original = DATA / f"{name}.csv"
    quoted = [",".join(f'"{field}"' for field in line.split(",")) for line in original.read_text().splitlines()]
    (tmp_path / "a.csv").write_text("\n".join(quoted) + "\n")
    one, other = read_recording(original, kept=lambda _: True), read_recording(tmp_path / "a.csv", kept=lambda _: True)
    assert one.time_s.tolist() == other.time_s.tolist()
    assert {name: values.tolist() for name, values in one.columns.items()} == {
        name: values.tolist() for name, values in other.columns.items()
    }


def read_by(path: Path, least_bytes: int) -> tuple[object, ...]:
    """What is read, or why not, where larger files than `least_bytes` are left to the reader of large ones."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(csv_table, "LARGE_BYTES", least_bytes)
        try:
            read = read_recording(path, kept=lambda _: True)
        except EnergyError as error:
            return (str(error),)
    return read.time_s.tobytes(), {name: values.tobytes() for name, values in read.columns.items()}, read.flags


@given(seed=st.integers(0, 2**32))
@settings(max_examples=FUZZED_FILES // 4, deadline=5000)
def test_large_files_are_read_as_small_ones(tmp_path_factory: pytest.TempPathFactory, seed: int) -> None:
    chance = random.Random(seed)
    path = tmp_path_factory.getbasetemp() / "large.csv"
    text = chance.choice([*ORIGINALS, *SAVED.values()])
    path.write_bytes(chance.choice((text.encode(), mutated(text, chance))))
    assert read_by(path, 0) == read_by(path, sys.maxsize)


def test_large_files_are_left_to_arrow(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(table())
    layout = csv_table.find_layout(tmp_path / "a.csv")
    assert csv_table._read_large(layout, [1, 3]) is None
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(csv_table, "LARGE_BYTES", 0)
        read = csv_table._read_large(layout, [1, 3])
    assert read is not None
    assert read.values[:2].tolist() == [[BEGIN_MS, 1000.25], [BEGIN_MS + 200, 1002.66]]
    assert read.lines.tolist() == list(range(2, 13))


@pytest.mark.parametrize("rows", [1, 3])
def test_a_hundred_thousand_columns_take_no_minutes(tmp_path: Path, rows: int) -> None:
    names = ",".join(f"CPU_USAGE_{n}" for n in range(100_000))
    lines = [f"200,{BEGIN_MS + 200 * row},{row}{',0' * 100_000}" for row in range(rows)]
    (tmp_path / "a.csv").write_text("\n".join([f"Delta,Time,CPU_ENERGY (J),{names}", *lines, "1,2"]) + "\n")
    start_s = time.process_time()
    assert read_recording(tmp_path / "a.csv").time_s.size == rows
    assert time.process_time() - start_s < 5


def test_a_day_of_samples_is_read_in_seconds_and_little_memory(tmp_path: Path) -> None:
    rows = [f"200,{BEGIN_MS + 200 * row},50,{1000 + 2.41 * row:.2f},900" for row in range(432_000)]
    (tmp_path / "a.csv").write_text("\n".join([",".join(HEADER), *rows]) + "\n")
    del rows
    before_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start_s = time.process_time()
    assert read_recording(tmp_path / "a.csv").time_s.size == 432_000
    assert time.process_time() - start_s < 2
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kb < 300_000
