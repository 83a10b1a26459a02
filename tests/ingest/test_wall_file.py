"""Whatever a wall meter's CSV looks like, its power or its counter is read, or it is said which column to name."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from src.errors import ConfigError, EnergyError
from src.ingest.wall_file import read_wall
from tests.ingest.wall_meter import BEGIN_S, iso, write

N = 40
T = BEGIN_S + np.arange(N)
POWER_W = 50.0 + np.arange(N) % 7
ENERGY_J = np.concatenate(([0.0], np.cumsum((POWER_W[1:] + POWER_W[:-1]) / 2)))

FILES = {
    "epoch seconds, W": ("timestamp,power (W)", T, POWER_W, ",", {}),
    "epoch milliseconds": ("Time,Watts", (T * 1000).astype(int), POWER_W, ",", {}),
    "ISO 8601 with a zone": ("time;W", [iso(t) for t in T], POWER_W, ";", {}),
    "ISO 8601 with Z": ("time,W", [iso(t).replace("+00:00", "Z") for t in T], POWER_W, ",", {}),
    "without a zone": ("time,W", [iso(t + 7200)[:-6] for t in T], POWER_W, ",", {"zone": "Europe/Amsterdam"}),
    "decimal commas": ("Zeit;Leistung [W]", [iso(t) for t in T], [str(p).replace(".", ",") for p in POWER_W], ";", {}),
    "kW": ("time,load_kW", T, POWER_W / 1000, ",", {}),
    "J": ("time,total (J)", T, 12.0 + ENERGY_J, ",", {}),
    "Wh": ("time,total_Wh", T, (12.0 + ENERGY_J) / 3600, ",", {}),
    "kWh": ("time,total kWh", T, (12.0 + ENERGY_J) / 3.6e6, ",", {}),
    "a counter that wraps": ("time,total (J)", T, (65_000.0 + ENERGY_J) % 65_536, ",", {}),
    "power by its name": ("ts,active_power", T, POWER_W, ",", {}),
    "a unit that is given": ("ts,p1", T, POWER_W / 1000, ",", {"column": "p1", "unit": "kW"}),
    "tabs": ("time\tW", T, POWER_W, "\t", {}),
}  # fmt: skip


@pytest.mark.parametrize(("header", "times", "values", "mark", "options"), FILES.values(), ids=FILES)
def test_files(tmp_path: Path, header, times, values, mark, options) -> None:
    wall = read_wall(write(tmp_path / "w.csv", header, list(zip(times, values, strict=True)), mark), **options)
    assert wall.time_s == pytest.approx(T, abs=0.002)
    assert not wall.is_relative
    assert wall.energy_j == pytest.approx(ENERGY_J, rel=1e-6, abs=1e-3)
    assert wall.between(T[3], T[30]) == pytest.approx(ENERGY_J[30] - ENERGY_J[3], rel=1e-6)


def test_a_relative_time_and_a_power_among_other_columns(tmp_path: Path) -> None:
    rows = [(n / 2, 230.1, 0.21, p, n) for n, p in enumerate(POWER_W)]
    wall = read_wall(write(tmp_path / "w.csv", "elapsed,U (V),I (A),P (W),total (Wh)", rows))
    assert (wall.column, wall.is_relative, wall.interval_s) == ("P (W)", True, 0.5)


def test_a_mended_wrap_is_told(tmp_path: Path) -> None:
    rows = list(zip(T, (65_000.0 + ENERGY_J) % 65_536, strict=True))
    assert [flag.code for flag in read_wall(write(tmp_path / "w.csv", "time,J", rows)).flags] == ["wrap"]


def test_a_reset_within_a_gap_is_told_and_the_gap_not_covered(tmp_path: Path) -> None:
    times = np.concatenate((T[:20], T[20:] + 100))
    counter = np.concatenate((30_000 + ENERGY_J[:20], ENERGY_J[20:] - ENERGY_J[20] + 20))
    wall = read_wall(write(tmp_path / "w.csv", "time,J", list(zip(times, counter, strict=True))))
    assert [flag.code for flag in wall.flags] == ["reset"]
    assert wall.covered(T[2], T[12]) == pytest.approx(1.0)
    assert wall.covered(T[10], T[29] + 100) == pytest.approx(18 / 119)
    assert wall.covered(T[0] - 10, T[10]) == pytest.approx(0.5)


WRONG = {
    "two powers": ("time,P1 (W),P2 (W)", 2, ConfigError, "column=NAME: P1 \\(W\\), P2 \\(W\\)", {}),
    "no unit": ("time,P1,P2", 2, ConfigError, "no column's name tells a power or an energy", {}),
    "two times": ("date,time,W", 2, ConfigError, "time=NAME: date, time", {}),
    "no such column": ("time,W", 1, ConfigError, "column=P: .* it has W", {"column": "P"}),
    "no such unit": ("time,W", 1, ConfigError, "unit=bar is none", {"unit": "bar"}),
    "no unit of a named column": ("time,p", 1, ConfigError, "`p` does not tell its unit", {"column": "p"}),
    "no times": ("time,W", 1, EnergyError, "`time` tells no times", {}),
    "no such zone": ("time,W", 1, ConfigError, "timezone=Mars", {"zone": "Mars"}),
}


@pytest.mark.parametrize(("header", "more", "error", "says", "options"), WRONG.values(), ids=WRONG)
def test_files_that_are_refused(tmp_path: Path, header, more, error, says, options) -> None:
    rows = [("at noon", *[5] * more) for _ in range(N)]
    with pytest.raises(error, match=says):
        read_wall(write(tmp_path / "w.csv", header, rows), **options)


@pytest.mark.parametrize("reason", ["backwards", "few", "falls"])
def test_recordings_that_tell_no_energy(tmp_path: Path, reason: str) -> None:
    rows = {
        "backwards": list(zip(T[::-1], POWER_W, strict=True)),
        "few": list(zip(T[:4], POWER_W[:4], strict=True)),
        "falls": [(t, 30_000 + e - 20_000 * (n > 20)) for n, (t, e) in enumerate(zip(T, ENERGY_J, strict=True))],
    }[reason]
    says = {"backwards": "runs backwards", "few": "holds 4 samples", "falls": "falls without a plausible wrap"}
    with pytest.raises(EnergyError, match=says[reason]):
        read_wall(write(tmp_path / "w.csv", "time,J" if reason == "falls" else "time,W", rows))
