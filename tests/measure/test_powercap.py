"""Powercap as machines really show it: mirrored dies, zones that are broken or vanish, containers."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path

import pytest

from src.measure.meters.powercap import Powercap
from src.measure.meters.sampler import ReaderError
from tests.measure.powercap_zones import RANGE_UJ, zone

START_UJ = 7_000_000_000
COLUMNS = {"package": "PACKAGE_ENERGY (J)", "dram": "DRAM_ENERGY (J)"}


def grow(files: list[Path], steps_j: list[float]) -> None:
    """Each counter grows by its own step, and wraps."""
    for file, step_j in zip(files, steps_j, strict=True):
        file.write_text(f"{(int(file.read_text()) + round(step_j * 1e6)) % RANGE_UJ}\n")


@pytest.mark.parametrize(
    ("starts_uj", "steps_j", "energy_j", "flags"),
    [
        pytest.param([START_UJ] * 2, [[68, 68]] * 3, 204, ["mirrored"], id="mirrored dies"),
        pytest.param([RANGE_UJ - 9_000_000] * 2, [[6, 6]] * 3, 18, ["mirrored"], id="mirrored dies that wrap"),
        pytest.param([START_UJ, START_UJ + 5_000_000], [[68, 68]] * 3, 408, [], id="distinct dies"),
        pytest.param([START_UJ] * 2, [[0, 0], [68, 40], [68, 40]], 216, [], id="distinct dies that begin alike"),
        pytest.param([START_UJ] * 2, [[10, 10.1], [10, 9.9]], 20, ["mirrored"], id="read a millisecond apart"),
        pytest.param([START_UJ, 1, START_UJ], [[10, 20, 10]] * 2, 60, ["mirrored"], id="two of three are one"),
        pytest.param([9, 0, 0], [[5, 0, 0]] * 2, 10, [], id="dies that show nothing"),
    ],
)
def test_what_is_one_counter_is_told_by_its_values(
    tmp_path: Path, starts_uj: list[int], steps_j: list[list[float]], energy_j: float, flags: list[str]
) -> None:
    files = [zone(tmp_path, f"intel-rapl:{n}", f"package-0-die-{n}", start_uj) for n, start_uj in enumerate(starts_uj)]
    reader = Powercap(tmp_path)
    assert reader.read() == [0]
    for steps in steps_j:
        grow(files, steps)
        total_j = reader.read()
    assert total_j == pytest.approx([energy_j])
    assert [flag.code for flag in reader.remarks().flags] == flags


def test_a_counter_that_is_refreshed_between_two_reads_is_still_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first die is read before the refresh, the second after it: 50 J apart, and yet the same counter."""
    for n in range(2):
        zone(tmp_path, f"intel-rapl:{n}", f"package-0-die-{n}", START_UJ)
    reads = iter(range(1000))
    monkeypatch.setattr(os, "read", lambda *_: b"%d" % (START_UJ + 50_000_000 * next(reads)))
    reader = Powercap(tmp_path)
    reader.read()
    assert [flag.code for flag in reader.remarks().flags] == ["mirrored"]


def test_mirrored_dies_are_told_with_their_names(tmp_path: Path) -> None:
    files = [zone(tmp_path, f"intel-rapl:{n}", f"package-0-die-{n}", START_UJ) for n in range(2)]
    reader = Powercap(tmp_path)
    grow(files, [3, 3])
    reader.read()
    assert [(flag.text, flag.grave) for flag in reader.remarks().flags] == [
        ("package-0-die-1 always showed what package-0-die-0 showed: one counter, counted once", False)
    ]


def broken(file: Path, how: str) -> None:
    if how == "empty":
        file.write_text("")
    elif how == "no number":
        file.write_text("n/a\n")
    elif how == "absent":
        file.unlink()
    elif how == "no range":
        (file.parent / "max_energy_range_uj").unlink()
    elif how == "a folder":
        file.unlink()
        file.mkdir()
    elif how == "vanished":
        shutil.rmtree(file.parent)


HOW = ["empty", "no number", "absent", "no range", "a folder"]


@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("part", ["dram", "uncore"])
def test_a_broken_part_disables_itself_alone(tmp_path: Path, how: str, part: str) -> None:
    package = zone(tmp_path, "intel-rapl:0", "package-0", START_UJ)
    broken(zone(tmp_path, "intel-rapl:0:0", part, START_UJ), how)
    reader = Powercap(tmp_path)
    grow([package], [12])
    assert dict(zip(reader.columns, reader.read(), strict=True)) == {COLUMNS["package"]: 12}
    (flag,) = reader.remarks().flags
    assert (flag.code, flag.grave) == ("zone_left_out", part == "dram")
    assert flag.text.startswith(f"{part} (intel-rapl:0:0) cannot be read (")


@pytest.mark.parametrize("how", ["empty", "no number", "vanished"])
def test_a_part_that_breaks_during_the_run_is_left_out_of_it(tmp_path: Path, how: str) -> None:
    package = zone(tmp_path, "intel-rapl:0", "package-0", START_UJ)
    dram = zone(tmp_path, "intel-rapl:0:0", "dram", START_UJ)
    reader = Powercap(tmp_path)
    grow([package, dram], [12, 4])
    assert reader.read() == [4, 12]
    broken(dram, how)
    grow([package], [12])
    assert reader.read() == [4, 24]
    assert reader.remarks().left_out == (COLUMNS["dram"],)
    assert [flag.code for flag in reader.remarks().flags] == ["zone_left_out"]


@pytest.mark.parametrize("how", HOW)
def test_half_a_sum_is_not_told_under_the_name_of_the_whole(tmp_path: Path, how: str) -> None:
    for n in range(2):
        zone(tmp_path, f"intel-rapl:{n}", f"package-{n}", START_UJ + n)
        dram = zone(tmp_path, f"intel-rapl:{n}:0", "dram", START_UJ)
    broken(dram, how)
    assert list(Powercap(tmp_path).columns) == [COLUMNS["package"]]


@pytest.mark.parametrize("how", HOW)
def test_without_the_package_there_is_nothing_to_read(tmp_path: Path, how: str) -> None:
    broken(zone(tmp_path, "intel-rapl:0", "package-0", START_UJ), how)
    with pytest.raises(ReaderError, match=r"^package-0 \(intel-rapl:0\) cannot be read: "):
        Powercap(tmp_path)


def test_a_package_that_vanishes_is_an_error_that_names_it(tmp_path: Path) -> None:
    package = zone(tmp_path, "intel-rapl:0", "package-0", START_UJ)
    reader = Powercap(tmp_path)
    broken(package, "vanished")
    with pytest.raises(ReaderError, match=r"package-0 \(intel-rapl:0\) could not be read any more during the run: "):
        reader.read()


def test_a_file_that_is_replaced_is_opened_again(tmp_path: Path) -> None:
    package = zone(tmp_path, "intel-rapl:0", "package-0", START_UJ)
    reader = Powercap(tmp_path)
    (tmp_path / "next").write_text(f"{START_UJ + 12_000_000}\n")
    (tmp_path / "next").replace(package)
    assert reader.read() == [12]


def test_who_may_not_read_is_told_the_least_rights_that_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    zone(tmp_path, "intel-rapl:0", "package-0", START_UJ)

    def refuse(path: Path, *_: int) -> int:
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(ReaderError) as caught:
        Powercap(tmp_path)
    assert "Permission denied" in str(caught.value)
    assert "usermod -aG energy" in str(caught.value)
    assert "/etc/udev/rules.d/" in str(caught.value)
    assert "run as root" not in str(caught.value)


def test_a_zone_without_a_name(tmp_path: Path) -> None:
    package = zone(tmp_path, "intel-rapl:0", "package-0", START_UJ)
    (zone(tmp_path, "intel-rapl:0:0", "dram", START_UJ).parent / "name").unlink()
    assert [flag.code for flag in Powercap(tmp_path).remarks().flags] == ["zone_left_out"]
    (package.parent / "name").unlink()
    with pytest.raises(ReaderError, match="intel-rapl:0 does not tell its name"):
        Powercap(tmp_path)


def test_links_that_lead_nowhere_are_a_container(tmp_path: Path) -> None:
    (tmp_path / "intel-rapl:0").symlink_to("../../devices/virtual/powercap/intel-rapl/intel-rapl:0")
    with pytest.raises(ReaderError, match=r"lead nowhere, as in a container: .*meter.powercap=/powercap"):
        Powercap(tmp_path)


def test_the_device_folder_that_a_container_is_given_is_read_like_the_class_folder(tmp_path: Path) -> None:
    package = zone(tmp_path, "intel-rapl:0", "package-0", START_UJ)
    dram = zone(tmp_path, "intel-rapl:0/intel-rapl:0:0", "dram", START_UJ)
    reader = Powercap(tmp_path)
    grow([package, dram], [12, 4])
    assert dict(zip(reader.columns, reader.read(), strict=True)) == {COLUMNS["dram"]: 4, COLUMNS["package"]: 12}


def test_a_zone_seen_in_both_folders_counts_once(tmp_path: Path) -> None:
    zone(tmp_path, "intel-rapl:0", "package-0", START_UJ)
    dram = zone(tmp_path, "intel-rapl:0/intel-rapl:0:0", "dram", START_UJ)
    (tmp_path / "intel-rapl:0:0").symlink_to(dram.parent)
    reader = Powercap(tmp_path)
    grow([dram], [4])
    assert dict(zip(reader.columns, reader.read(), strict=True))[COLUMNS["dram"]] == 4
    assert not reader.remarks()
