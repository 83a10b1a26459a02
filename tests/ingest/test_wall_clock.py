"""Both clocks are brought together by the runs' power, or it is said that they cannot be."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from src.ingest.wall_clock import find_offset
from src.ingest.wall_file import WallRecording, read_wall
from tests.ingest.wall_meter import BEGIN_S, IDLE_W, Machine, machine, samples, write

OFFSETS_S = (-137.4, 0.0, 0.35, 412.8)


@pytest.fixture(scope="module")
def made() -> Machine:
    return machine()


def recorded(path: Path, rows: np.ndarray, column: int = 1, header: str = "time,power (W)") -> WallRecording:
    return read_wall(write(path / "wall.csv", header, rows[:, [0, column]].tolist()))


@pytest.mark.parametrize("offset_s", OFFSETS_S)
@pytest.mark.parametrize(("column", "header"), [(1, "time,power (W)"), (2, "time,energy (J)")], ids=["W", "J"])
def test_a_known_offset_is_found_within_a_sample(
    made: Machine, tmp_path: Path, offset_s: float, column: int, header: str
) -> None:
    wall = recorded(tmp_path, samples(made, offset_s), column, header)
    found = find_offset(wall, made.powers(), IDLE_W, 600)
    assert found is not None
    assert found.is_clear
    assert found.seconds == pytest.approx(offset_s, abs=0.5)
    assert found.correlation > 0.95
    assert found.apart_s < 1.0
    for _, begin_s, end_s in made.runs:
        told_j = wall.between(begin_s - found.seconds, end_s - found.seconds)
        assert told_j == pytest.approx(made.wall_j(begin_s, end_s), rel=0.01)


@pytest.mark.parametrize("every_s", [0.2, 5.0])
def test_other_intervals(made: Machine, tmp_path: Path, every_s: float) -> None:
    found = find_offset(recorded(tmp_path, samples(made, 60.0, every_s)), made.powers(), IDLE_W, 600)
    assert found is not None
    assert found.seconds == pytest.approx(60.0, abs=every_s)


def test_a_meter_that_tells_no_time_of_day_is_found_anywhere(made: Machine, tmp_path: Path) -> None:
    rows = samples(made, BEGIN_S - 5000)
    rows[:, 0] -= rows[0, 0]
    wall = recorded(tmp_path, rows, header="elapsed,W")
    assert wall.is_relative
    found = find_offset(wall, made.powers(), IDLE_W, 60)
    assert found is not None
    assert found.is_clear
    assert found.seconds == pytest.approx(samples(made, 0)[0, 0], abs=0.5)


def test_outside_the_range_that_is_searched_nothing_clear_is_found(made: Machine, tmp_path: Path) -> None:
    found = find_offset(recorded(tmp_path, samples(made, 500.0)), made.powers(), IDLE_W, 100)
    assert found is not None
    assert not found.is_clear
    slope = find_offset(recorded(tmp_path, samples(made, 40.0)), made.powers(), IDLE_W, 35)
    assert slope is not None
    assert not slope.is_clear
    far = find_offset(recorded(tmp_path, samples(made, 90_000.0)), made.powers(), IDLE_W, 600)
    assert far is None


def test_noise_is_no_peak(made: Machine, tmp_path: Path) -> None:
    rows = samples(made, 0.0)
    rows[:, 1] = 50 + np.random.default_rng(2).normal(0, 10, len(rows))
    found = find_offset(recorded(tmp_path, rows), made.powers(), IDLE_W, 600)
    assert found is not None
    assert not found.is_clear


def test_runs_that_are_all_alike_are_not_told_apart_by_noise(tmp_path: Path) -> None:
    """A run later fits nearly as well; within less than a run the peak is clear again."""
    alike = machine(blocks=12, order=["torch"])
    wall = recorded(tmp_path, samples(alike, 3.0, noise_w=25.0))
    wide, narrow = (find_offset(wall, alike.powers(), IDLE_W, within_s) for within_s in (600, 15))
    assert wide is not None
    assert narrow is not None
    assert not wide.is_clear
    assert narrow.is_clear
    assert narrow.seconds == pytest.approx(3.0, abs=1.0)


def test_a_clock_that_drifts_is_told(made: Machine, tmp_path: Path) -> None:
    rows = samples(made, 20.0)
    rows[:, 0] = rows[0, 0] + (rows[:, 0] - rows[0, 0]) * 1.01
    found = find_offset(recorded(tmp_path, rows), made.powers(), IDLE_W, 600)
    assert found is not None
    assert found.apart_s > 3


def test_rests_in_which_others_were_at_work(made: Machine, tmp_path: Path) -> None:
    rows = samples(made, 60.0)
    busy = np.ones(len(rows), dtype=bool)
    for _, begin_s, end_s in made.runs:
        busy &= (rows[:, 0] + 60 < begin_s) | (rows[:, 0] + 60 > end_s)
    rows[busy, 1] = 320.0
    found = find_offset(recorded(tmp_path, rows), made.powers(), IDLE_W, 600)
    assert found is not None
    assert found.is_clear
    assert found.seconds == pytest.approx(60.0, abs=1.0)
