"""The pilot: what its numbers come to from planted ones, and a real one in short."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from src.doctor import fixed_work, pilot
from src.doctor.fixed_work import make_reader, work
from src.doctor.pilot import Bench, best, cost, energy_cost, ratio_sd, run_pilot
from src.doctor.pilot_file import Cost, Interval, MeterPilot, Pilot, pilot_params
from src.doctor.show_pilot import tell_pilot
from src.errors import ConfigError, MeterError
from src.measure.meters.select import make_meter
from tests.measure.powercap_zones import zone
from tests.protocol.conftest import METER

INTERVALS = (Interval(50, 0.4, 0.1), Interval(200, 0.1, 0.3), Interval(500, 0.04, 0.9))
NATIVE = MeterPilot(
    "native", "measured", 200, 0.1, Cost(0.21, 0.1), Cost(0.5, 0.2), 9.5, 0.2, 200, 1.5, 30, 12, INTERVALS
)
ESTIMATE = replace(NATIVE, name="estimate", energy_kind="estimated", energy=None)
PILOT = Pilot("bench, Intel", "2026-11-25T13:00:00+00:00", 0.01, (NATIVE, ESTIMATE))


@pytest.mark.parametrize(
    ("plain", "metered", "percent", "error"),
    [
        pytest.param([1.0, 2.0, 3.0], [1.1, 2.2, 3.3], 10.0, 0.0, id="a tenth more"),
        pytest.param([1.0, 1.0], [1.0, 1.0], 0.0, 0.0, id="nothing"),
        pytest.param([1.0, 1.0], [1.02, 0.98], -0.02, 2.0, id="noise"),
    ],
)
def test_what_a_meter_costs_is_told_by_pairs(plain, metered, percent, error) -> None:
    found = cost(plain, metered)
    assert found.percent == pytest.approx(percent, abs=0.001)
    assert found.error == pytest.approx(error, abs=0.01)


@pytest.mark.parametrize(
    ("plain_j", "metered_j", "percent"),
    [
        pytest.param([40.0, 40.0], [42.0, 42.0], 5.0, id="told"),
        pytest.param([None, None], [None, None], None, id="nobody tells"),
        pytest.param([40.0, 40.0], [40.0, 0.0], None, id="a counter that stood still"),
    ],
)
def test_what_a_meter_costs_in_energy_is_told_where_it_is_known(plain_j, metered_j, percent) -> None:
    found = energy_cost(*([{"energy_j": energy_j} for energy_j in runs] for runs in (plain_j, metered_j)))
    assert (found and found.percent) == (percent and pytest.approx(percent))


def test_the_spread_of_a_ratio_is_that_of_runs_that_follow_each_other() -> None:
    assert ratio_sd([100.0, 101.0, 100.0, 101.0]) == pytest.approx(0.00995, abs=1e-5)
    slow_drift = [100.0 * 1.001**n for n in range(50)]
    assert ratio_sd(slow_drift) == pytest.approx(0.001, rel=1e-3)


def test_the_best_interval_weighs_cost_against_resolution() -> None:
    assert best(INTERVALS) == 200
    assert best([Interval(50, 0.01, 0.1), *INTERVALS[1:]]) == 50


def test_a_work_tells_the_energy_that_a_counter_shows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = [zone(tmp_path, "intel-rapl:0", "package-0", 10**6), zone(tmp_path, "intel-rapl:0:1", "core", 10**6)]

    def grow(*_: object) -> None:
        for file in files:
            file.write_text(f"{int(file.read_text()) + 500_000}\n")

    monkeypatch.setattr(fixed_work.np, "matmul", grow)
    told = work(3, make_reader(["powercap", str(tmp_path)]))
    assert told["energy_j"] == pytest.approx(1.5)
    assert work(3, make_reader(["none"]))["energy_j"] is None


def test_the_meters_own_time_is_the_difference_of_two_rests(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    monkeypatch.setattr(Bench, "idle", lambda _, meter, seconds: (None, 0.25 + 0.003 * seconds * 5))
    assert pilot._sample_cpu_s(METER, bench, 20.0) == pytest.approx(0.003)
    monkeypatch.setattr(pilot.os, "cpu_count", lambda: 4)
    assert pilot.cpu_percent(0.003, 200) == pytest.approx(0.375)


def test_work_with_and_without_the_meter_takes_turns(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    order: list[str] = []

    def done(_: Bench, products: int, meter: object) -> dict[str, float]:
        order.append("plain" if meter is None else "metered")
        return {"seconds": 1.0}

    monkeypatch.setattr(Bench, "work", done)
    plain, metered = pilot._by_turns(METER, Bench(tmp_path), 5, 0.0)
    assert (len(plain), len(metered)) == (3, 3)
    assert order == ["metered", "plain", "plain", "metered", "metered", "plain"]


def test_an_interval_that_a_meter_does_not_keep_up_with_is_left_out(monkeypatch, tmp_path) -> None:
    def done(_: Bench, products: int, meter) -> dict[str, float]:
        if meter.interval_ms < 100:
            raise MeterError("a sample took longer than the interval")
        return {"seconds": 2.0, "metered_j": 40.0, "resolution_j": meter.interval_ms / 100}

    monkeypatch.setattr(Bench, "work", done)
    monkeypatch.setattr(Bench, "idle", lambda *_: (None, 0.2))
    found = pilot._intervals(METER, Bench(tmp_path), 5, 0.0)
    assert [(each.ms, each.resolution_percent) for each in found] == [
        (100, pytest.approx(0.5)), (200, pytest.approx(1.0)), (500, pytest.approx(2.5)),
    ]  # fmt: skip


def test_a_short_pilot_of_this_machine(composed, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(pilot, "INTERVALS_MS", (50, 200))
    monkeypatch.setattr(pilot, "LEAST_REST_S", 1.2)
    said: list[str] = []
    found = run_pilot(composed("meter=estimate"), 10.0, said.append)
    (meter,) = found.meters
    assert (meter.name, meter.energy_kind, meter.runs >= 3) == ("estimate", "estimated", True)
    assert meter.idle_w > 0
    assert meter.smallest_percent > 0
    assert [each.ms for each in meter.intervals] == [50, 200]
    assert said == [
        f"estimate: {what}" for what in ("at rest", "several intervals", "a fixed work with and without it")
    ]


def test_too_short_a_pilot_is_refused(composed) -> None:
    with pytest.raises(ConfigError, match=r"--seconds=3: a pilot takes at least 10 s"):
        run_pilot(composed(), 3.0, print)


def test_a_machine_without_a_meter_has_no_pilot(composed) -> None:
    said: list[str] = []
    with pytest.raises(MeterError, match="no meter works"):
        run_pilot(composed("meter=native", "meter.powercap=/nowhere"), 60.0, said.append)
    assert said == ["native: does not work (/nowhere has no RAPL package zone)"]


@pytest.mark.parametrize("width", [80, 120])
def test_the_table_fits_a_terminal(width: int) -> None:
    to = Console(width=width, file=io.StringIO())
    tell_pilot(replace(PILOT, foreign_share=0.4), to)
    text = to.file.getvalue()
    assert "+0.50 ± 0.20 %" in text
    assert "nobody can tell" in text
    assert "Others used up to 40%" in " ".join(text.split())
    assert max(map(len, text.splitlines())) <= width


@pytest.mark.parametrize(
    ("machine_name", "meter", "known"),
    [
        pytest.param("bench, Intel", METER, True, id="this machine and meter"),
        pytest.param("another", METER, False, id="another machine"),
        pytest.param("bench, Intel", replace(METER, name="replay"), False, id="another meter"),
    ],
)
def test_a_pilot_is_cited_for_its_own_machine_and_meter(tmp_path: Path, machine_name, meter, known) -> None:
    path = tmp_path / "reports" / "pilot.json"
    PILOT.write(path)
    assert Pilot.read(path) == PILOT
    found = pilot_params(machine_name, [meter], path)
    assert (found.get("pilot.smallest_percent") == "1.5") is known
    assert (found.get("pilot.energy_percent"), found.get("pilot.energy_error_percent")) == (
        ("0.5", "0.2") if known else (None, None)
    )
    assert (found.get("pilot.foreign_percent") == "1") is known


def test_what_nobody_could_tell_is_not_cited(tmp_path: Path) -> None:
    path = tmp_path / "pilot.json"
    PILOT.write(path)
    assert "pilot.energy_percent" not in pilot_params("bench, Intel", [replace(METER, name="estimate")], path)


BROKEN = {"machine": "bench, Intel", "when": "", "foreign_share": 0.0, "meters": [{"name": "native"}]}


@pytest.mark.parametrize("text", ["", "[]", json.dumps(BROKEN)], ids=["empty", "a list", "half a meter"])
def test_a_pilot_that_cannot_be_read_is_none(tmp_path: Path, text: str) -> None:
    path = tmp_path / "pilot.json"
    path.write_text(text)
    assert pilot_params("bench, Intel", [METER], path) == {}


def test_a_run_that_fails_says_what_it_said(tmp_path: Path, composed) -> None:
    bench = Bench(tmp_path, ("powercap", str(tmp_path / "nowhere")))
    meter = make_meter("estimate", composed("meter=estimate").meter, False)
    with pytest.raises(MeterError, match=r"ended early[\s\S]*no RAPL package zone"):
        bench.work(1, meter)


def test_a_meter_that_says_something_at_its_end_is_no_matter(tmp_path: Path, composed, monkeypatch) -> None:
    said = 'starting\n{"seconds": 2.0, "energy_j": null}\nnative: uncore is left out'
    monkeypatch.setattr(Bench, "_launch", lambda *_: (tmp_path, said))
    assert Bench(tmp_path).work(1, None)["seconds"] == 2.0
