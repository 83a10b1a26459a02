"""Old EnergiBridge versions wrote Intel's counters in units of their own: mended and told, or left alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from src.measure.energy import whole_file
from src.measure.recording import Array, read_recording

COUNT_J = 2.0**-14
ROWS = 51


def counts(energy_j: float, first: int, seed: int = 0, wrap: bool = False) -> Array:
    """What a 32-bit counter of 2^-14 J shows in ten seconds in which `energy_j` are used, unevenly."""
    shares = np.random.default_rng(seed).uniform(0.5, 1.5, ROWS - 1)
    grown = np.concatenate(([0.0], np.cumsum(shares / shares.sum() * energy_j)))
    shown = first + np.round(grown / COUNT_J)
    return np.asarray(shown % 2**32 if wrap else shown)


def write(path: Path, package: list[str], more: str = "CPU_USAGE_0", name: str = "PACKAGE_ENERGY (J)") -> Path:
    rows = [f"200,{1_740_000_000_000 + 200 * row},50,{value},900" for row, value in enumerate(package)]
    path.write_text("\n".join([f"Delta,Time,{more},{name},TOTAL_MEMORY", *rows]) + "\n")
    return path


WRITTEN = {
    "0.0.7": (lambda raw: [repr(float(count) * COUNT_J) for count in raw], 1.0),
    "0.0.7, rounded to six digits": (lambda raw: [f"{count * COUNT_J:.6f}" for count in raw], 1.0),
    "0.0.7, rounded to two digits": (lambda raw: [f"{count * COUNT_J:.2f}" for count in raw], 1.0),
    "0.0.5": (lambda raw: [repr(round(float(count) * 1e-6, 6)) for count in raw], COUNT_J / 1e-6),
    "0.0.4": (lambda raw: [str(int(count)) for count in raw], COUNT_J),
}


@pytest.mark.parametrize(("first", "wrap"), [(1_234_567, False), (2**32 - 30_000_000, True)], ids=["", "wraps"])
@pytest.mark.parametrize(("written", "scale"), WRITTEN.values(), ids=WRITTEN)
def test_units_are_told_by_the_grid(tmp_path: Path, written, scale: float, first: int, wrap: bool) -> None:
    raw = counts(5151.0, first, wrap=wrap)
    energy = whole_file(read_recording(write(tmp_path / "a.csv", written(raw))))
    assert energy.energy_j == pytest.approx(5151.0, abs=0.02)
    assert ("old_units" in {flag.code for flag in energy.flags}) == (scale != 1)


def test_84_joules_were_5151(tmp_path: Path) -> None:
    """A counter that rose by 84.4 in the units of 0.0.5."""
    raw = counts(5151.0, 1_234_567)
    shown = [f"{count * 1e-6:.6f}" for count in raw]
    assert float(shown[-1]) - float(shown[0]) == pytest.approx(84.394, abs=1e-3)
    energy = whole_file(read_recording(write(tmp_path / "a.csv", shown)))
    assert energy.energy_j == pytest.approx(5151, abs=0.1)
    (flag,) = energy.flags
    assert (flag.code, flag.grave) == ("old_units", False)
    assert "PACKAGE_ENERGY (J) were multiplied by 61.0352: EnergiBridge 0.0.5 or 0.0.6" in flag.text


def test_a_scale_that_is_given_is_taken(tmp_path: Path) -> None:
    shown = [f"{count * 1e-6:.6f}" for count in counts(5151.0, 1_234_567)]
    path = write(tmp_path / "a.csv", shown, more="USAGE")
    assert whole_file(read_recording(path)).energy_j == pytest.approx(84.394, abs=1e-3)
    energy = whole_file(read_recording(path, scale=COUNT_J / 1e-6))
    assert energy.energy_j == pytest.approx(5151, abs=0.02)
    assert "multiplied by 61.0352: as meter.scale says" in energy.flags[0].text
    energibridges = write(tmp_path / "b.csv", shown)
    assert whole_file(read_recording(energibridges, scale=1)).energy_j == pytest.approx(84.394, abs=1e-3)


@pytest.mark.parametrize("seed", range(200))
def test_no_version_is_taken_for_another(tmp_path: Path, seed: int) -> None:
    chance = np.random.default_rng(seed)
    raw = counts(float(chance.uniform(20, 3000)), int(chance.integers(0, 2 ** (20 + seed % 12))), seed)
    for written, scale in WRITTEN.values():
        energy = whole_file(read_recording(write(tmp_path / "a.csv", written(raw))))
        assert ("old_units" in {flag.code for flag in energy.flags}) == (scale != 1)


@pytest.mark.parametrize(
    ("more", "name"),
    [("USAGE", "PACKAGE_ENERGY (J)"), ("CPU_USAGE_0", "CPU_ENERGY (J)")],
    ids=["another meter's file", "AMD's counter"],
)
def test_others_multiples_of_a_microjoule_are_joules(tmp_path: Path, more: str, name: str) -> None:
    shown = [f"{100.1 + 84.4 * row / (ROWS - 1):.6f}" for row in range(ROWS)]
    energy = whole_file(read_recording(write(tmp_path / "a.csv", shown, more, name)))
    assert energy.energy_j == pytest.approx(84.4)
    assert energy.flags == ()
