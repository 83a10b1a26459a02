"""The stated uncertainty bounds the error, for counters and for sensors that show means of the past."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest

from src.measure.energy import Energy, integrate, whole_file
from src.measure.recording import Array, Recording
from src.measure.sensors import lag_bound, refresh_interval

CASES = 2000
FINE_S = 0.001
Random = np.random.Generator
Shape = Callable[[Random, Array], Array]


def constant(chance: Random, time_s: Array) -> Array:
    return np.full(time_s.size, chance.uniform(3, 60))


def step(chance: Random, time_s: Array) -> Array:
    return np.where(time_s < chance.uniform(0, time_s[-1]), 1.0, chance.uniform(0.1, 6)) * chance.uniform(3, 60)


def ramp(chance: Random, time_s: Array) -> Array:
    first_w, last_w = chance.uniform(3, 150, 2)
    return np.asarray(first_w + (last_w - first_w) * time_s / time_s[-1])


def burst(chance: Random, time_s: Array) -> Array:
    power_w = constant(chance, time_s)
    for begin_s in chance.uniform(0, time_s[-1], chance.integers(1, 6)):
        power_w[(time_s > begin_s) & (time_s < begin_s + chance.uniform(0.1, 3))] *= chance.uniform(1.5, 6)
    return np.minimum(power_w, 400)


@dataclass
class Machine:
    """A machine whose energy is known at every moment: it runs for `window_s`, begun after `before_s`, and goes on."""

    chance: Random
    shape: Shape

    def __post_init__(self) -> None:
        before_s, self.window_s, after_s = self.chance.uniform((0.3, 2, 0.3), (3, 20, 3))
        self.begin_s = 3 + before_s
        self.until_s = self.begin_s + self.window_s + after_s
        self._fine_s = np.arange(0, self.until_s + 2, FINE_S)
        power_w = self.shape(self.chance, self._fine_s)
        self._energy_j = np.concatenate(([0.0], np.cumsum(power_w[:-1] * FINE_S)))

    def energy_j(self, time_s: Array | float) -> Array:
        return np.asarray(np.interp(time_s, self._fine_s, self._energy_j))

    def shown_w(self, time_s: Array, refresh_s: float) -> Array:
        """What a sensor shows that is refreshed, not quite evenly, with the mean power since the last time."""
        every_s = refresh_s * self.chance.uniform(0.99, 1.01, int(self.until_s / refresh_s) + 3)
        at_s = self.chance.uniform(0, refresh_s) + np.cumsum(every_s)
        mean_w = np.diff(self.energy_j(at_s)) / np.diff(at_s)
        return np.asarray(mean_w[np.maximum(np.searchsorted(at_s[1:], time_s, "right") - 1, 0)])

    def samples(self, interval_s: float) -> Array:
        late_s = self.chance.uniform(0, 0.01, int(self.until_s / interval_s) + 1)
        time_s = 3 + np.concatenate(([0.0], 0.004 + np.cumsum(interval_s + late_s)))
        return np.asarray(time_s[time_s < self.until_s])

    def error(self, measured: Energy) -> float:
        true_j = self.energy_j(self.begin_s + self.window_s) - self.energy_j(self.begin_s)
        return float(abs(measured.energy_j - true_j))

    def measured(self, time_s: Array, column: str, values: Array, interval_s: float) -> Energy:
        window = {"task": (self.begin_s, self.begin_s + self.window_s)}
        shown_s = np.floor(time_s * 1000) / 1000
        return integrate(Recording(shown_s, {column: values}), window, 1000 * interval_s)


SHAPES = [constant, step, ramp, burst]


def held(seed: int, shape: Shape) -> tuple[bool, bool]:
    """Whether the bound held for a counter, and for a sensor."""
    machine = Machine(np.random.default_rng(seed), shape)
    interval_s = float(machine.chance.choice([0.05, 0.1, 0.2]))
    time_s = machine.samples(interval_s)
    counter = machine.measured(time_s, "CPU_ENERGY (J)", np.floor(machine.energy_j(time_s) * 2**16) / 2**16, interval_s)
    refresh_s = float(machine.chance.choice([interval_s, 1.0]))
    sensor = machine.measured(time_s, "CPU_POWER (Watts)", machine.shown_w(time_s, refresh_s), interval_s)
    return machine.error(counter) <= counter.resolution_j, machine.error(sensor) <= sensor.resolution_j


def test_the_bound_holds_whatever_the_power_does() -> None:
    counters, sensors = zip(*[held(seed, SHAPES[seed % 4]) for seed in range(CASES)], strict=True)
    assert np.mean(counters) >= 0.999
    assert np.mean(sensors) >= 0.99


@pytest.mark.parametrize(("seconds", "worst"), [(2, 0.05), (20, 0.005)])
def test_what_a_window_loses_where_its_power_begins_and_ends_with_it_is_within_the_bound(
    seconds: float, worst: float
) -> None:
    """Samples know nothing of a step at time u·h within an interval h: they miss u(1-u)·h·ΔP, h·ΔP/6 on average."""
    idle_w, busy_w, interval_s = 5.0, 45.0, 0.2
    lost_j, bounds_j = [], []
    for first_s in np.linspace(0, interval_s, 50, endpoint=False):
        time_s = np.arange(100 + first_s - 1, 100 + seconds + 1, interval_s)
        busy_s = np.clip(time_s - 100, 0, seconds)
        counter = idle_w * (time_s - time_s[0]) + (busy_w - idle_w) * busy_s
        window = {"task": (100.0, 100.0 + seconds)}
        energy = integrate(Recording(time_s, {"CPU_ENERGY (J)": counter}), window, 1000 * interval_s)
        lost_j.append(busy_w * seconds - energy.energy_j)
        bounds_j.append(energy.resolution_j)
    assert np.all(np.abs(lost_j) <= bounds_j)
    assert np.mean(lost_j) == pytest.approx(2 * interval_s * (busy_w - idle_w) / 6, rel=0.01)
    assert np.max(lost_j) / (busy_w * seconds) <= worst


@pytest.mark.parametrize("interval_s", [0.05, 0.1, 0.2])
@pytest.mark.parametrize("refresh_s", [0.5, 1.0])
@pytest.mark.parametrize("seconds", [4, 20])
def test_a_slow_sensor_is_found_and_a_short_run_with_it_told(interval_s: float, refresh_s: float, seconds: int) -> None:
    time_s = np.arange(0, seconds, interval_s)
    power_w = 10 + np.floor(time_s / refresh_s) % 7
    assert refresh_interval(time_s, power_w) == pytest.approx(refresh_s, rel=0.15)
    flags = whole_file(Recording(time_s, {"SYSTEM_POWER (Watts)": power_w})).flags
    assert [(flag.code, flag.grave) for flag in flags] == ([("slow_sensor", False)] if seconds < 10 * refresh_s else [])


def test_a_sensor_that_changes_with_every_sample_is_not_slow() -> None:
    time_s = np.arange(0, 1.5, 0.2)
    energy = whole_file(Recording(time_s, {"GPU0_POWER (mWatts)": 50_000 + 100 * time_s, "CPU_ENERGY (J)": 9 * time_s}))
    assert energy.flags == ()
    assert refresh_interval(time_s, time_s) == pytest.approx(0.2)


def test_the_lag_is_that_of_the_values_at_the_edges() -> None:
    """A sensor that shows 10, 11, 12... W, each for a second.

    At 2.5 s half of the 12 J that it shows are still to come, and up to the 13 J that it shows next: 6 to 19 J. At
    4.25 s they are 10.5 to 25.5 J, at 5.95 s, where nothing follows, 0.75 to 15.75 J. Each change in between is seen
    up to 0.1 s late.
    """
    time_s = np.arange(0, 6, 0.1)
    power_w = 10 + np.floor(time_s + 1e-9)
    late_j = 0.1 * np.sqrt(2)
    assert lag_bound(time_s, power_w, 1.0, (2.5, 4.25)) == pytest.approx(25.5 - 6 + late_j)
    assert lag_bound(time_s, power_w, 1.0, (4.25, 5.95)) == pytest.approx(25.5 - 0.75 + 0.1)
