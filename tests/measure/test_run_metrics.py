from __future__ import annotations

import dataclasses
import itertools
from pathlib import Path

import numpy as np
import pytest

from src.contract.events import Event
from src.contract.metrics import Metric
from src.contract.outcome import Outcome
from src.measure.energy import Energy, integrate
from src.measure.launch import Ending
from src.measure.recording import Recording
from src.measure.run import Measured
from src.measure.run_metrics import (
    MAX_TRACE_POINTS,
    IdleBaseline,
    energy_metrics,
    numbers_of,
    outcome_series,
    phases_of,
    power_series,
    run_series,
    spread_of,
)
from src.measure.windows import phase_windows

POWER_W = 50.0
PHASES = ("import", "data", "build", "train", "evaluate")
EDGES_S = (100.0, 102.0, 103.0, 104.0, 164.0, 166.0)


@pytest.fixture
def events() -> list[Event]:
    events = []
    for phase, (begin, end) in zip(PHASES, itertools.pairwise(EDGES_S), strict=True):
        events += [Event(begin, phase, "begin"), Event(end, phase, "end")]
    epochs = [Event(104.0, "epoch", "begin"), Event(134.0, "epoch", "end")]
    epochs += [Event(134.0, "epoch", "begin"), Event(164.0, "epoch", "end")]
    return [*events[:7], *epochs, *events[7:]]


@pytest.fixture
def energy(events: list[Event]) -> Energy:
    time_s = np.arange(99.9, 166.5, 0.2)
    columns = {"PACKAGE_ENERGY (J)": time_s * 40.0, "DRAM_ENERGY (J)": time_s * 10.0}
    return integrate(Recording(time_s, columns), phase_windows(events, PHASES[1:]), 200)


@pytest.fixture
def outcome() -> Outcome:
    names = ("accuracy", "loss", "samples_per_s", "peak_memory_bytes", "parameter_count")
    return Outcome(
        values=dict(zip(names, (0.98, 0.06, 1000.0, float(1 << 29), 268_298.0), strict=True)),
        metrics={name: Metric(name, "1", name) for name in names},
        series={"train_loss": [0.4, 0.2]},
    )


@pytest.fixture
def measured(outcome: Outcome, energy: Energy, events: list[Event]) -> Measured:
    windows = phase_windows(events, PHASES[1:])
    return Measured(Path(), outcome, events, windows, energy, Ending("exit", 0, ()))


def test_every_metric_has_its_fixed_name(measured: Measured) -> None:
    assert set(numbers_of(measured, IdleBaseline(12.0, "block", 0.5))[0]) == {
        *("energy_j", "duration_s", "power_w", "edp_js", "energy_resolution_j"),
        *(f"energy_{name}_j" for name in ("total", *PHASES)),
        *(f"duration_{name}_s" for name in ("total", *PHASES)),
        *("energy_package_j", "energy_dram_j", "energy_net_j", "energy_net_uncertainty_j", "idle_power_w"),
        *("accuracy", "loss", "samples_per_s", "peak_memory_bytes", "parameter_count"),
    }


def test_the_task_is_everything_but_the_import(energy: Energy) -> None:
    metrics = energy_metrics(energy, IdleBaseline(12.0, "start"))
    assert metrics["duration_s"] == pytest.approx(64)
    assert metrics["energy_j"] == pytest.approx(64 * POWER_W)
    assert metrics["energy_total_j"] == pytest.approx(66 * POWER_W)
    assert metrics["duration_total_s"] == pytest.approx(66)
    assert metrics["energy_train_j"] == pytest.approx(60 * POWER_W)
    assert metrics["energy_package_j"] == pytest.approx(64 * 40)
    assert metrics["energy_dram_j"] == pytest.approx(64 * 10)
    assert metrics["power_w"] == pytest.approx(POWER_W)
    assert metrics["edp_js"] == pytest.approx(64 * 64 * POWER_W)
    assert metrics["idle_power_w"] == 12.0
    assert metrics["energy_net_j"] == pytest.approx(64 * (POWER_W - 12))
    assert "energy_net_uncertainty_j" not in metrics


def test_the_spread_of_the_baseline_is_carried_into_net_energy(energy: Energy) -> None:
    metrics = energy_metrics(energy, IdleBaseline(12.0, "block", spread_w=0.5))
    assert metrics["energy_net_j"] == pytest.approx(64 * (POWER_W - 12))
    assert metrics["energy_net_uncertainty_j"] == pytest.approx(64 * 0.5)


@pytest.mark.parametrize(
    ("baselines_w", "spread_w"),
    [
        pytest.param([], None, id="none"),
        pytest.param([9.0], None, id="one says nothing of its spread"),
        pytest.param([9.0, 9.0, 9.0], 0.0, id="all alike"),
        pytest.param([9.0, 10.0, 11.0], 1.0, id="of a sample, not of all there are"),
    ],
)
def test_the_spread_of_baselines(baselines_w: list[float], spread_w: float | None) -> None:
    assert spread_of(baselines_w) == spread_w


def test_net_energy_is_off_by_as_much_as_it_says() -> None:
    """Baselines that miss the true power at rest by chance: the errors of net energy spread as the uncertainty does."""
    rng = np.random.default_rng(1)
    time_s = np.arange(-0.2, 20.3, 0.2)
    energy = integrate(Recording(time_s, {"PACKAGE_ENERGY (J)": 30.0 * (time_s + 0.2)}), {"task": (0.0, 20.0)}, 200)
    errors, told = [], []
    for _ in range(400):
        baselines_w = list(10 + 0.5 * rng.standard_normal(8))
        metrics = energy_metrics(energy, IdleBaseline(baselines_w[-1], "block", spread_of(baselines_w)))
        errors.append(metrics["energy_net_j"] - 20 * (30 - 10))
        told.append(metrics["energy_net_uncertainty_j"])
    assert np.sqrt(np.mean(np.square(told))) == pytest.approx(np.std(errors), rel=0.1)


def test_without_a_baseline_there_is_no_net_energy(energy: Energy) -> None:
    assert not {"energy_net_j", "idle_power_w"} & set(energy_metrics(energy))


def told(measured: Measured, *names: str) -> Measured:
    """The same run, whose program claims these metrics too."""
    claims = dict.fromkeys(names, -7.0)
    described = {name: Metric(name, "1", "My own", "higher", headline=True) for name in names}
    own = measured.outcome
    outcome = dataclasses.replace(own, values=own.values | claims, metrics=own.metrics | described)
    return dataclasses.replace(measured, outcome=outcome)


@pytest.mark.parametrize(
    "name",
    [
        "energy_j",
        "duration_s",
        "energy_train_j",
        "energy_net_j",
        "energy_net_uncertainty_j",
        "energy_gpu_j",
        "energy_resolution_j",
        "idle_power_w",
        "cpu_usage_share",
    ],
)
def test_a_program_cannot_claim_what_only_a_meter_knows(measured: Measured, name: str) -> None:
    assert numbers_of(told(measured, name), None) == numbers_of(measured, None)


def test_what_the_work_says_of_its_own_metrics_is_kept(measured: Measured) -> None:
    values, described = numbers_of(told(measured, "tokens"), None)
    assert values["tokens"] == -7.0
    assert described["tokens"] == Metric("tokens", "1", "My own", "higher", headline=True)
    assert list(described) == [*measured.outcome.metrics, "tokens"]


def test_what_the_recording_says_of_the_machine_is_filed_and_is_no_result(measured: Measured) -> None:
    values, described = numbers_of(dataclasses.replace(measured, machine={"cpu_temperature_max_c": 71.0}), None)
    assert values["cpu_temperature_max_c"] == 71.0
    assert described == measured.outcome.metrics


def test_the_tasks_energy_is_told_for_each_unit_of_what_was_done(measured: Measured) -> None:
    per_image = Metric("energy_per_image_j", "J", "Energy per image", "lower", headline=True)
    outcome = dataclasses.replace(measured.outcome, per_unit=(per_image, 400.0))
    values, described = numbers_of(dataclasses.replace(measured, outcome=outcome), None)
    assert values["energy_per_image_j"] == pytest.approx(64 * POWER_W / 400)
    assert described["energy_per_image_j"] == per_image


def test_a_long_trace_is_thinned_and_keeps_its_energy(energy: Energy) -> None:
    points = power_series(energy, began_s=100.0)
    assert len(points) == MAX_TRACE_POINTS
    assert np.mean([point.value for point in points]) == pytest.approx(POWER_W)
    assert points[0].time_ms == 100_000 + points[0].step
    assert points[-1].step <= 66_000


def test_the_loss_is_placed_at_the_end_of_its_epoch(energy: Energy, outcome: Outcome, events: list[Event]) -> None:
    assert run_series(outcome, energy, events)["train_loss"] == [(1, 134_000, 0.4), (2, 164_000, 0.2)]


def test_the_loss_is_kept_where_no_event_tells_its_time() -> None:
    assert outcome_series([0.4, 0.2], [Event(9.0, "train", "end")]) == [(1, 9000, 0.4), (2, 9000, 0.2)]


def test_phases_are_told_in_seconds_since_the_start(events: list[Event]) -> None:
    assert phases_of(phase_windows(events, PHASES[1:])) == {
        "import": (0.0, 2.0), "data": (2.0, 3.0), "build": (3.0, 4.0), "train": (4.0, 64.0), "evaluate": (64.0, 66.0),
    }  # fmt: skip


def test_a_phase_in_several_stretches_has_no_one_window() -> None:
    edges = [(1.0, "a", "begin"), (2.0, "a", "end"), (2.0, "b", "begin"), (3.0, "b", "end")]
    edges += [(3.0, "a", "begin"), (4.0, "a", "end")]
    assert phases_of(phase_windows([Event(t, phase, edge) for t, phase, edge in edges])) == {  # type: ignore[arg-type]
        "b": (1.0, 2.0)
    }


def test_flags_keep_their_code_and_words(events: list[Event]) -> None:
    time_s = np.arange(100.1, 166.5, 0.2)
    recording = Recording(time_s, {"CPU_ENERGY (J)": time_s * 40.0})
    (flag,) = integrate(recording, phase_windows(events, PHASES[1:]), 200).flags
    assert flag.code == "edge"
    assert flag.text.startswith("the run reaches 100 ms beyond")
    assert not flag.grave
