from __future__ import annotations

import itertools

import numpy as np
import pytest
from src.protocol.run_metrics import (
    MAX_TRACE_POINTS,
    energy_metrics,
    flags_text,
    loss_series,
    power_series,
    run_metrics,
    run_series,
)

from src.contract.run_files import PHASES, Event, Result
from src.measure.energy import Energy, integrate
from src.measure.recording import Recording
from src.measure.windows import phase_windows

POWER_W = 50.0
EDGES_S = (100.0, 102.0, 103.0, 104.0, 164.0, 166.0)


@pytest.fixture
def events() -> list[Event]:
    events = []
    for phase, (begin, end) in zip(PHASES, itertools.pairwise(EDGES_S), strict=True):
        events += [Event(begin, phase, "begin"), Event(end, phase, "end")]
    return [*events, Event(134.0, "epoch", "end"), Event(164.0, "epoch", "end")]


@pytest.fixture
def energy(events: list[Event]) -> Energy:
    time_s = np.arange(99.9, 166.5, 0.2)
    columns = {"PACKAGE_ENERGY (J)": time_s * 40.0, "DRAM_ENERGY (J)": time_s * 10.0}
    return integrate(Recording(time_s, columns), phase_windows(events), 200)


@pytest.fixture
def result() -> Result:
    return Result(
        framework="torch",
        accuracy=0.98,
        loss=0.06,
        train_loss=[0.4, 0.2],
        samples_per_s=1000.0,
        parameter_count=268_298,
        shapes=[],
        peak_memory_bytes=1 << 29,
        device="cpu",
        threads=2,
        affinity=[],
        versions={},
    )


def test_every_metric_has_its_fixed_name(energy: Energy, result: Result) -> None:
    assert set(run_metrics(result, energy, idle_power_w=12.0)) == {
        *("energy_j", "duration_s", "power_w", "edp_js", "energy_resolution_j"),
        *(f"energy_{name}_j" for name in ("total", *PHASES)),
        *(f"duration_{name}_s" for name in ("total", *PHASES)),
        *("energy_package_j", "energy_dram_j", "energy_net_j", "idle_power_w"),
        *("accuracy", "loss", "samples_per_s", "peak_memory_bytes", "parameter_count"),
    }


def test_the_task_is_everything_but_the_import(energy: Energy) -> None:
    metrics = energy_metrics(energy, idle_power_w=12.0)
    assert metrics["duration_s"] == pytest.approx(64)
    assert metrics["energy_j"] == pytest.approx(64 * POWER_W)
    assert metrics["energy_total_j"] == pytest.approx(66 * POWER_W)
    assert metrics["energy_train_j"] == pytest.approx(60 * POWER_W)
    assert metrics["power_w"] == pytest.approx(POWER_W)
    assert metrics["edp_js"] == pytest.approx(64 * 64 * POWER_W)
    assert metrics["energy_net_j"] == pytest.approx(64 * (POWER_W - 12))


def test_without_a_baseline_there_is_no_net_energy(energy: Energy) -> None:
    assert not {"energy_net_j", "idle_power_w"} & set(energy_metrics(energy))


def test_a_long_trace_is_thinned_and_keeps_its_energy(energy: Energy) -> None:
    points = power_series(energy, began_s=100.0)
    assert len(points) == MAX_TRACE_POINTS
    assert np.mean([point.value for point in points]) == pytest.approx(POWER_W)
    assert points[0].time_ms == 100_000 + points[0].step
    assert points[-1].step <= 66_000


def test_the_loss_is_placed_at_the_end_of_its_epoch(energy: Energy, result: Result, events: list[Event]) -> None:
    assert run_series(result, energy, events)["train_loss"] == [(1, 134_000, 0.4), (2, 164_000, 0.2)]


def test_the_loss_is_kept_where_no_event_tells_its_time() -> None:
    assert loss_series([0.4, 0.2], [Event(9.0, "train", "end")]) == [(1, 9000, 0.4), (2, 9000, 0.2)]


def test_flags_are_told_in_words(events: list[Event]) -> None:
    time_s = np.arange(100.1, 166.5, 0.2)
    energy = integrate(Recording(time_s, {"CPU_ENERGY (J)": time_s * 40.0}), phase_windows(events), 200)
    assert flags_text(energy).startswith("edge: the run reaches 100 ms beyond")
