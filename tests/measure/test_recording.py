"""Reading EnergiBridge's files: real excerpts of every platform, and every known damage."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest

from src.errors import EnergyError
from src.measure.energy import whole_file
from src.measure.recording import read_recording
from src.paths import ROOT

DATA = ROOT / "tests" / "data" / "energibridge"
INTEL = "Delta,Time,CPU_USAGE_0,DRAM_ENERGY (J),PACKAGE_ENERGY (J),PP0_ENERGY (J),TOTAL_MEMORY,USED_MEMORY"


def write(path: Path, *lines: str, end: str = "\n") -> Path:
    path.write_text("\n".join(lines) + end)
    return path


@pytest.mark.parametrize(
    ("name", "energy_j", "domains", "flags"),
    [
        ("windows-amd.csv", 398.331, {"package"}, {"cores_unreliable"}),
        ("windows-amd-wrap.csv", 439.937, {"package"}, {"wrap", "cores_unreliable"}),
        ("linux-amd.csv", 86.562, {"package", "cores"}, set()),
        ("macos-arm.csv", 47.346, {"system"}, {"slow_sensor"}),
    ],
)
def test_real_recordings(name: str, energy_j: float, domains: set[str], flags: set[str]) -> None:
    energy = whole_file(read_recording(DATA / name))
    assert energy.energy_j == pytest.approx(energy_j, abs=0.01)
    assert set(energy.domains_j) == domains
    assert {flag.code for flag in energy.flags} == flags


def test_time_is_in_seconds_and_two_samples_of_one_millisecond_are_told_apart(tmp_path: Path) -> None:
    recording = read_recording(
        write(tmp_path / "a.csv", "Delta,Time,X (J),Y", "0,1000,1,5", "9,1000,2,5", "9,1200,3,5")
    )
    assert recording.time_s.tolist() == [1.0, 1.0005, 1.2]
    assert {name: values.tolist() for name, values in recording.columns.items()} == {"X (J)": [1, 2, 3]}


@pytest.mark.parametrize(
    ("end", "last", "kept"),
    [("", "0,1400,4", 2), ("", "0,1400,4,5", 2), ("\n", "0,1400", 2), ("\n", "0,1400,4,5", 3)],
    ids=["a field missing", "only its line end missing", "line end but a field missing", "whole"],
)
def test_truncated_last_line(tmp_path: Path, end: str, last: str, kept: int) -> None:
    path = write(tmp_path / "a.csv", "Delta,Time,X (J),Y", "0,1000,1,5", "9,1200,2,5", last, end=end)
    recording = read_recording(path)
    assert len(recording.time_s) == kept
    assert [flag.code for flag in recording.flags] == (["truncated"] if kept == 2 else [])


@pytest.mark.parametrize(
    "late", ["0,1400,50,3,GPU,30,13,900,7", "0,1400,50,3,30,13,900,7,GPU"], ids=["sorted in", "appended"]
)
def test_late_gpu_values_do_not_move_the_package(tmp_path: Path, late: str) -> None:
    rows = ["0,1000,50,1,10,11,900,7", "0,1200,50,2,20,12,900,7", late.replace("GPU", "99")]
    recording = read_recording(write(tmp_path / "a.csv", INTEL, *rows))
    assert recording.columns["PACKAGE_ENERGY (J)"].tolist() == [10, 20, 30]
    assert recording.columns["DRAM_ENERGY (J)"].tolist() == [1, 2, 3]
    assert [flag.code for flag in recording.flags] == ["long_rows"]


def test_a_gpu_column_whose_place_is_unknown_is_refused(tmp_path: Path) -> None:
    header = "Delta,Time,CPU_ENERGY (J),GPU0_POWER (mWatts),TOTAL_MEMORY"
    rows = ["0,1000,1,5000,900", "0,1200,2,5000,900", "0,1400,3,60,5000,900"]
    with pytest.raises(EnergyError, match=r"GPU0_POWER.*without a value"):
        whole_file(read_recording(write(tmp_path / "a.csv", header, *rows)))


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        ([], "no column `Time`"),
        (["a,b,c", "1,2,3"], "no column `Time`"),
        (["Delta,Time,CPU_ENERGY (J)"], "no complete row"),
        (["Delta,Time,X (J)", "0,1000,1", "0,1200", "0,1400,3"], "line 3"),
        (["Delta,Time,X (J)", "0,1000,1", "0,1200,oops", "0,1400,3"], "line 3"),
        (["Delta,Time,X (J)", "0,1000,1", "0,nan,2", "0,1400,3"], "line 3: no moment in `Time`"),
        (["Delta,Time,X (J)", "0,1000,1", "0,1200,2", "0,inf,3"], "line 4: no moment in `Time`"),
        (["Delta,Time,X (J)", "0,1200,1", "0,1000,2"], "runs backwards"),
    ],
    ids=[
        *("empty", "another CSV", "no rows", "a short row inside", "no number", "time is no number"),
        *("endless time", "clock set back"),
    ],
)
def test_refused_files(tmp_path: Path, lines: list[str], says: str) -> None:
    with pytest.raises(EnergyError, match=says):
        read_recording(write(tmp_path / "a.csv", *lines))


def test_missing_and_binary_files(tmp_path: Path) -> None:
    with pytest.raises(EnergyError, match="cannot be read"):
        read_recording(tmp_path / "absent.csv")
    (tmp_path / "picture.csv").write_bytes(b"\x89PNG\xff\xfe\x00")
    with pytest.raises(EnergyError, match="cannot be read"):
        read_recording(tmp_path / "picture.csv")


@pytest.mark.parametrize("mark", ["ESTIMATED", "REPLAYED"])
def test_marks_of_what_is_no_measurement_become_flags(tmp_path: Path, mark: str) -> None:
    path = write(tmp_path / "a.csv", f"Delta,Time,CPU_ENERGY (J),{mark}", "0,1000,1,1", "0,1200,3,1")
    assert mark.lower() in {flag.code for flag in whole_file(read_recording(path)).flags}


def test_a_large_file_is_read_quickly(tmp_path: Path) -> None:
    names = ["CPU_ENERGY (J)", *(f"CPU_USAGE_{n}" for n in range(57))]
    rows = [",".join(["200", str(1000 + 200 * n), *map(str, np.full(58, n + 0.123456789))]) for n in range(3000)]
    path = write(tmp_path / "a.csv", ",".join(["Delta", "Time", *names]), *rows)
    took_s = []
    for _ in range(5):
        start_s = time.perf_counter()
        read_recording(path)
        took_s.append(time.perf_counter() - start_s)
    assert min(took_s) < 0.1


MAC = "Delta,Time,CPU_FREQUENCY_0,CPU_TEMP_0,CPU_TEMP_1,CPU_USAGE_0,SYSTEM_POWER (Watts),TOTAL_MEMORY,USED_MEMORY"
LATE = {
    "a temperature": ("0,1400,0,45,46,39,17,11,900,7", "a sensor like `CPU_TEMP_1`", False),
    "a power of the processor": (
        "0,1400,0,4,45,39,17,11,900,7",
        "between `CPU_FREQUENCY_0` and `CPU_TEMP_0`",
        False,
    ),
    "a GPU's on a Mac": (
        "0,1400,0,45,39,17,60,11,900,7",
        "between `CPU_USAGE_0` and `SYSTEM_POWER (Watts)`",
        False,
    ),
}


@pytest.mark.parametrize(("late", "says", "grave"), LATE.values(), ids=LATE)
def test_late_sensors_are_called_what_they_are(tmp_path: Path, late: str, says: str, grave: bool) -> None:
    rows = ["0,1000,0,45,39,17,11,900,7", "0,1200,0,45,39,17,11,900,7"]
    recording = read_recording(write(tmp_path / "a.csv", MAC, *rows, late))
    assert recording.columns["SYSTEM_POWER (Watts)"].tolist() == [11, 11, 11]
    (flag,) = recording.flags
    assert (flag.code, flag.grave) == ("long_rows", grave)
    assert f"1 row is longer than the header: a sensor {says.removeprefix('a sensor ')}" in flag.text


@pytest.mark.parametrize(
    ("header", "row", "energy_j", "columns"),
    [
        ("PACAKGE_ENERGY (J),PP0_ENERGY (J)", (12.75, 0.75), 25.5, {"PACKAGE_ENERGY (J)"}),
        ("CPU_ENERGY (J),GPU0_POWER", (12.0, 16_000), 56.0, {"CPU_ENERGY (J)", "GPU0_POWER (mWatts)"}),
    ],
    ids=["the package, misspelt", "a GPU's power without its unit"],
)
def test_names_of_the_first_versions(
    tmp_path: Path, header: str, row: tuple[float, float], energy_j: float, columns: set[str]
) -> None:
    """Two seconds; counters rise by the given number a second, powers stay."""
    power = "POWER" in header
    rows = [
        f"200,{1_740_000_000_000 + 200 * n},{5000.5 + row[0] * n / 5},{row[1] if power else 900.5 + row[1] * n / 5}"
        for n in range(11)
    ]
    energy = whole_file(read_recording(write(tmp_path / "a.csv", f"Delta,Time,{header}", *rows)))
    assert energy.energy_j == pytest.approx(energy_j)
    assert set(energy.columns) == columns
    assert energy.flags == ()
    path = tmp_path / "a.csv"
    assert whole_file(read_recording(path), header.split(",")[:1]).columns == (min(columns - {"GPU0_POWER (mWatts)"}),)


def test_a_gpu_recorded_without_its_power_is_told(tmp_path: Path) -> None:
    header = "Delta,Time,CPU_ENERGY (J),GPU0_TEMPERATURE,GPU0_USAGE,GPU1_USAGE"
    rows = [f"200,{1_740_000_000_000 + 200 * n},{5 + n},50,90,90" for n in range(11)]
    flags = whole_file(read_recording(write(tmp_path / "a.csv", header, *rows))).flags
    assert [(flag.code, flag.text.split(":")[0]) for flag in flags] == [
        ("gpu_without_power", "GPU0, GPU1 was recorded without its power")
    ]
