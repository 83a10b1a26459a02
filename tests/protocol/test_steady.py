"""When a machine is called steady, on simulated sensors."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from src.protocol.steady import Seen, still_moving, watched

ALL = ("power_w", "frequency_mhz", "temperature_c")
Law = Callable[[float], float | None]


def level(value: float) -> Law:
    return lambda _: value


POWER, CLOCK, HEAT = level(60.0), level(3000.0), level(70.0)


def watch(until_s: float, power_w: Law = POWER, clock: Law = CLOCK, heat: Law = HEAT) -> list[Seen]:
    """Seen every 5 s."""
    times = np.arange(5.0, until_s + 1, 5.0)
    return [Seen(float(t), power_w(t), clock(t), heat(t)) for t in times]


@pytest.mark.parametrize(
    ("seen", "why"),
    [
        pytest.param(watch(65), None, id="all level"),
        pytest.param(watch(60), "it was watched for less than 60 s", id="too short"),
        pytest.param([], "it was watched for less than 60 s", id="nothing seen"),
        pytest.param(watch(65, lambda t: 60 + 0.011 * t), "its power still moved by +1.1 % a minute", id="power"),
        pytest.param(watch(65, lambda t: 60 + 0.009 * t), None, id="power hardly moves"),
        pytest.param(watch(65, lambda t: 60 - 0.02 * t), "its power still moved by -2.0 % a minute", id="falls"),
        pytest.param(watch(65, clock=lambda t: 3000 - t), "its frequency still moved by -2.0 % a minute", id="clock"),
        pytest.param(watch(65, heat=lambda t: t / 20), "its temperature still moved by +3.0 °C a minute", id="heat"),
        pytest.param(watch(65, heat=lambda t: 60 + t / 40), None, id="heat hardly moves"),
        pytest.param(watch(65, heat=lambda t: 60.0 + (t > 35)), None, id="one step of a sensor of whole degrees"),
        pytest.param(watch(65, power_w=lambda t: None if t == 30 else 60.0), "its power could not always be read",
                     id="a hole"),
        pytest.param(watch(240, power_w=lambda t: 60 + 20 * math.exp(-t / 10)), None, id="only the last minute counts"),
    ],
)  # fmt: skip
def test_what_moves_is_told_and_nothing_where_all_is_steady(seen: list[Seen], why: str | None) -> None:
    assert still_moving(seen, ALL) == why


def test_only_what_is_watched_counts() -> None:
    seen = watch(65, clock=lambda t: None, heat=lambda t: t)
    assert still_moving(seen, ("power_w",)) is None
    assert still_moving(seen, ("power_w", "temperature_c")) is not None


def test_on_a_gpu_its_temperature_is_watched_too() -> None:
    names = watched(True, 70.0, 3000.0, 50.0)
    assert names == ("power_w", "temperature_c", "gpu_temperature_c")
    assert watched(False, None, 3000.0, 50.0) == ()
    seen = [replace(each, gpu_temperature_c=50 + each.at_s / 20) for each in watch(65)]
    assert still_moving(seen, names) == "its GPU's temperature still moved by +3.0 °C a minute"


def test_what_nears_its_end_is_close_to_it_when_it_is_called_steady() -> None:
    for tau_s in (10.0, 30.0, 60.0, 90.0):
        seen = watch(1000, power_w=lambda t, tau_s=tau_s: 60 + 20 * (1 - math.exp(-t / tau_s)))  # type: ignore[misc]
        first = next(n for n in range(1, len(seen)) if still_moving(seen[:n], ALL) is None)
        reached = seen[first - 1].power_w
        assert reached is not None
        assert 80 - reached < 0.015 * 80


def test_noise_of_a_sensor_seldom_delays_what_is_steady() -> None:
    rng = np.random.default_rng(2)
    calm = sum(still_moving(watch(65, heat=lambda t: 70 + rng.standard_normal()), ALL) is None for _ in range(300))
    assert calm > 0.9 * 300


@pytest.mark.parametrize(
    ("measures", "heat", "clock", "names"),
    [
        (True, 50.0, 3000.0, ("power_w", "temperature_c")),
        (True, None, 3000.0, ("power_w",)),
        (True, 50.0, None, ("power_w", "temperature_c")),
        (False, 50.0, 3000.0, ("frequency_mhz", "temperature_c")),
        (False, 50.0, None, ()),
        (False, None, 3000.0, ()),
        (False, None, None, ()),
    ],
)
def test_what_tells_that_a_machine_is_warm(
    measures: bool, heat: float | None, clock: float | None, names: tuple[str, ...]
) -> None:
    assert watched(measures, heat, clock) == names
