"""Jumps and standstills of a counter are flagged, and nothing that real machines do is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from src.errors import EnergyError
from src.measure.domains import Source, find_sources
from src.measure.doubts import doubts
from src.measure.energy import whole_file
from src.measure.recording import Array, Recording, read_recording
from src.paths import ROOT

INTERVAL_S = 0.2
TIME_S = np.arange(0, 60, INTERVAL_S)


PACKAGE, GPU = find_sources(["PACKAGE_ENERGY (J)", "GPU0_ENERGY (mJ)"])


def codes(power_w: Array, source: Source = PACKAGE) -> list[str]:
    """Of a counter that shows `power_w` (n,), the last of which is not used, from each sample to the next."""
    energy_j = np.concatenate(([0.0], np.cumsum(power_w[:-1] * np.diff(TIME_S))))
    return [flag.code for flag in doubts(source, TIME_S, energy_j, INTERVAL_S)]


def busy(power_w: float = 50.0, seed: int = 0, size: int = TIME_S.size) -> Array:
    """Around one power, as a training is."""
    return np.asarray(power_w * np.random.default_rng(seed).uniform(0.5, 1.4, size))


@pytest.mark.parametrize("at", [[0], [100], [298], [20, 150], [20, 150, 250]], ids=str)
@pytest.mark.parametrize("jump_j", [150.0, 900.0])
def test_a_jump_is_flagged_wherever_and_how_often_it_comes(at: list[int], jump_j: float) -> None:
    power_w = busy()
    power_w[at] += jump_j / INTERVAL_S
    assert codes(power_w) == ["jump"]


def idle_then(load_w: float, steps: int, idle_w: float = 5.0) -> Array:
    power_w = np.full(TIME_S.size, idle_w)
    power_w[150 : 150 + steps] = load_w
    return power_w


@pytest.mark.parametrize(
    "power_w",
    [
        busy(),
        idle_then(115, steps=1),
        idle_then(250, steps=1),
        idle_then(250, steps=150),
        idle_then(700, steps=2, idle_w=60),
        idle_then(400, steps=1, idle_w=100),
        np.where(np.arange(TIME_S.size) % 50 == 0, 900.0, 60.0),
        np.where(np.arange(TIME_S.size) % 5 == 0, 5 * 300.0, 0.0),
        busy(2000),
    ],
    ids=[
        *("training", "a laptop's burst", "a desktop's burst", "idle, then load", "a GPU's short work"),
        *("a server's burst", "a burst every ten seconds", "refreshed once a second", "eight sockets"),
    ],
)
def test_what_machines_do_is_no_jump(power_w: Array) -> None:
    assert codes(power_w) == []


@pytest.mark.parametrize("length_s", [1.8, 2.5, 3.5, 6.0, 30.0])
@pytest.mark.parametrize("began_s", [0.05, 0.5, 0.95])
def test_a_counter_that_is_refreshed_once_a_second_does_not_jump(length_s: float, began_s: float) -> None:
    time_s = np.arange(0, length_s, INTERVAL_S)
    energy_j = 150 * np.floor(time_s + began_s)
    assert [flag.code for flag in doubts(PACKAGE, time_s, energy_j, INTERVAL_S)] == []


@pytest.mark.parametrize(("peak_w", "flagged"), [(800, []), (5000, ["jump"])])
def test_a_gpu_may_burst_higher_than_a_processor(peak_w: float, flagged: list[str]) -> None:
    assert codes(idle_then(peak_w, steps=1), GPU) == flagged
    assert codes(idle_then(peak_w, steps=1), PACKAGE) == ["jump"]


def test_late_and_close_samples_are_no_jump() -> None:
    """A sample that was read in time but written late leaves its successor a short step with a whole one's energy."""
    late_s = np.arange(TIME_S.size) % 97 == 50
    time_s = TIME_S + np.where(late_s, 0.95 * INTERVAL_S, 0.0)
    time_s[0] = time_s[1] - 0.001
    energy_j = 300 * TIME_S
    assert doubts(PACKAGE, time_s, energy_j, INTERVAL_S) == []


def test_fine_sampling_of_a_coarse_counter_is_neither() -> None:
    time_s = np.arange(0, 20, 0.01)
    energy_j = 300 * np.floor(time_s)
    assert doubts(PACKAGE, time_s, energy_j, 0.01) == []


@pytest.mark.parametrize(
    "still", [slice(150, None), slice(0, 150), slice(100, 120)], ids=["to the end", "from the start", "in between"]
)
def test_a_counter_that_stands_still_for_long_is_flagged(still: slice) -> None:
    power_w = busy()
    power_w[still] = 0
    assert codes(power_w) == ["standstill"]


def test_a_short_pause_of_a_counter_is_none() -> None:
    power_w = busy()
    power_w[100:105] = 0
    assert codes(power_w) == []


def test_a_recording_tells_of_its_counted_columns_only() -> None:
    jumps = np.cumsum(np.where(np.arange(TIME_S.size) == 100, 900.0, 10.0))
    stops = np.minimum(10.0 * TIME_S, 200.0)
    steady = 10.0 * TIME_S
    broken = Recording(TIME_S, {"PACKAGE_ENERGY (J)": jumps, "DRAM_ENERGY (J)": stops})
    flags = whole_file(broken).flags
    assert [flag.code for flag in flags] == ["jump", "standstill"]
    assert "`PACKAGE_ENERGY (J)` rises by 900 J within one step 20.0 s after the first sample" in flags[0].text
    assert "`DRAM_ENERGY (J)` stands still for 39.8 s from 20.0 s after" in flags[1].text
    cores = Recording(TIME_S, {"PACKAGE_ENERGY (J)": steady, "PP0_ENERGY (J)": stops})
    assert whole_file(cores).flags == ()


def test_a_jump_that_a_processor_could_draw_is_found_by_its_share() -> None:
    """+20 J in one step of 50 ms, 400 W, make 50.1 J of 30.1 J."""
    time_s = np.arange(0, 3.01, 0.05)
    energy_j = 10 * time_s + np.where(np.arange(time_s.size) > 20, 20.0, 0.0)
    flags = whole_file(Recording(time_s, {"PACKAGE_ENERGY (J)": energy_j})).flags
    assert [(flag.code, flag.grave) for flag in flags] == [("jump", True)]
    assert whole_file(Recording(time_s, {"PACKAGE_ENERGY (J)": 10 * time_s})).flags == ()


def test_a_burst_of_an_idle_machine_holds_little_of_a_run() -> None:
    time_s = np.arange(0, 5.01, 0.05)
    burst_j = np.where(np.arange(time_s.size) > 20, 1.0, 0.0)
    idle = [whole_file(Recording(time_s, {"CPU_ENERGY (J)": 6 * time_s + more * burst_j})).flags for more in (5, 20)]
    assert [[flag.code for flag in flags] for flags in idle] == [[], ["jump"]]


@pytest.mark.parametrize(("more_j", "flagged"), [(10, []), (20, ["jump"])], ids=["a burst", "more than any"])
def test_few_samples_tell_less(more_j: float, flagged: list[str]) -> None:
    time_s = np.arange(0, 0.64, 0.05)
    energy_j = 50 * time_s + np.where(np.arange(time_s.size) > 6, more_j, 0)
    flags = whole_file(Recording(time_s + 1, {"CPU_ENERGY (J)": energy_j})).flags
    assert [flag.code for flag in flags if flag.code != "too_short"] == flagged


def held(refresh_s: float, power_w: Array, time_s: Array) -> Array:
    """What a sensor shows that takes a new value every `refresh_s`."""
    return np.asarray(power_w[np.searchsorted(time_s, np.floor(time_s / refresh_s) * refresh_s)])


@pytest.mark.parametrize("refresh_s", [0.1, 1.0], ids=["new in every sample", "once a second"])
def test_one_sample_of_1000_watts_is_an_outlier_of_a_power(refresh_s: float) -> None:
    time_s = np.arange(0, 10, 0.1)
    power_w = held(refresh_s, busy(11.0, size=time_s.size), time_s)
    assert "jump" not in {flag.code for flag in whole_file(Recording(time_s, {"SYSTEM_POWER (Watts)": power_w})).flags}
    power_w[40] = 1000
    flags = whole_file(Recording(time_s, {"SYSTEM_POWER (Watts)": power_w})).flags
    (flag,) = [flag for flag in flags if flag.code == "jump"]
    assert flag.grave
    assert "shows 1000 W in a single sample 4.0 s after the first" in flag.text


@pytest.mark.parametrize("at", [0, 1, 40, 99], ids=["the first", "the second", "in between", "the last"])
def test_a_slow_sensor_shows_no_value_once_only(at: int) -> None:
    """Far from what the machine could draw, but no other value is shown for less than ten samples."""
    time_s = np.arange(0, 10, 0.1)
    power_w = held(1.0, busy(5.0, size=time_s.size), time_s)
    power_w[at] = 60 if at not in (0, 99) else 90
    flags = whole_file(Recording(time_s, {"SYSTEM_POWER (Watts)": power_w})).flags
    assert "jump" in {flag.code for flag in flags}


@pytest.mark.parametrize("at", [0, 39], ids=["the first", "the last"])
def test_a_slow_sensor_may_be_refreshed_at_a_recordings_edge(at: int) -> None:
    power_w = np.repeat([4.0, 7.0, 7.0, 4.0], 10)
    power_w[at] = 12.0
    flags = whole_file(Recording(np.arange(40) / 10, {"SYSTEM_POWER (Watts)": power_w})).flags
    assert "jump" not in {flag.code for flag in flags}


RECORDED = sorted((ROOT / "tests" / "data" / "energibridge").glob("*.csv"))
SHARES = np.geomspace(0.05, 1.0, 7)


def busy_recordings() -> dict[str, Recording]:
    """A training on a laptop, one on a workstation, and a Mac's powers, which are refreshed once a second."""
    time_s = np.arange(0, 40, 0.2)
    rise = np.clip(np.arange(time_s.size) / 20, 0.3, 1)
    laptop, workstation = (np.cumsum(0.2 * rise * busy(w, seed, time_s.size)) for seed, w in enumerate((25.0, 180.0)))
    mac = held(1.0, rise * busy(14.0, 3, time_s.size), time_s)
    powers = {"PACKAGE_ENERGY (J)": laptop, "CPU_ENERGY (J)": workstation, "SYSTEM_POWER (Watts)": mac}
    return {name: Recording(time_s, {name: values}) for name, values in powers.items()}


@pytest.mark.parametrize("name", list(busy_recordings()))
def test_single_errors_of_more_than_five_percent_are_found(name: str) -> None:
    """Planted into every sample of a recording that raises no doubt itself: 99 of 100 are found."""
    recording = busy_recordings()[name]
    values, time_s = recording.columns[name], recording.time_s
    energy_j = whole_file(recording).energy_j
    assert not any(flag.grave for flag in whole_file(recording).flags)
    found = []
    for share in SHARES:
        for at in range(1, time_s.size):
            wrong = values.copy()
            if "POWER" in name:
                wrong[at] += share * energy_j / (0.2 if at < time_s.size - 1 else 0.1)
            else:
                wrong[at:] += share * energy_j
            found.append(refused_or_grave(Recording(time_s, {name: wrong})))
    assert np.mean(found) >= 0.99


def refused_or_grave(recording: Recording) -> bool:
    try:
        return any(flag.grave for flag in whole_file(recording).flags)
    except EnergyError:
        return True


@pytest.mark.parametrize("path", RECORDED, ids=[path.stem for path in RECORDED])
def test_published_recordings_raise_no_doubt(path: Path) -> None:
    assert not any(flag.grave for flag in whole_file(read_recording(path)).flags)
