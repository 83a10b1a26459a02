"""Joules from simulated counters of known power, and every refusal and flag."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from src.errors import EnergyError
from src.measure.counters import counter_range, unwrap
from src.measure.energy import integrate, whole_file
from src.measure.recording import Array, Recording
from src.measure.windows import Window

INTERVAL_MS = 200
BEGIN_S = 1_700_000_000.0
WINDOW = {"task": (BEGIN_S + 2.0, BEGIN_S + 12.0)}
AMD, INTEL = (2.0**16, 2.0**-16), (2.0**18, 2.0**-14)
WIDE = (2.0**48, 2.0**-16)


def sample_times(seed: int, duration_s: float = 14.0, interval_s: float = 0.2) -> Array:
    """Times as EnergiBridge has them: the first two close together, then an interval and some lateness."""
    random = np.random.default_rng(seed)
    steps_s = interval_s + random.uniform(0, 0.01, int(duration_s / interval_s) + 2)
    steps_s[0] = random.uniform(0, 0.009)
    return np.asarray(np.floor((BEGIN_S + np.cumsum(steps_s)) * 1000) / 1000)


def raw(energy_j: Array, width: tuple[float, float], start_j: float) -> Array:
    """What a counter shows: whole units, wrapped."""
    range_j, unit_j = width
    return np.asarray((np.floor((energy_j + start_j) / unit_j) * unit_j) % range_j)


def constant(t: Array) -> Array:
    return np.asarray(40.0 * (t - BEGIN_S))


def stepped(t: Array) -> Array:
    """10 W, then 120 W from the fifth second on, then 10 W again after the tenth."""
    return np.asarray(10.0 * (t - BEGIN_S) + 110.0 * np.clip(t - BEGIN_S - 5, 0, 5))


def recording(columns: dict[str, Array], time_s: Array) -> Recording:
    return Recording(time_s, columns)


def truth(curve: Callable[[Array], Array], window: Window) -> float:
    return float(np.diff(curve(np.array(window)))[0])


@pytest.mark.parametrize("curve", [constant, stepped])
@pytest.mark.parametrize(
    ("width", "start_j", "wraps"),
    [(AMD, 65_300.0, 1), (INTEL, 262_000.0, 1), (WIDE, 2_939_243.0, 0), (AMD, 1_000.0, 0)],
    ids=["2^16 J wraps", "2^18 J wraps", "wide", "2^16 J"],
)
@given(seed=st.integers(0, 10_000))
@settings(max_examples=30, deadline=None)
def test_known_power_within_half_a_percent(
    curve: Callable[[Array], Array], width: tuple[float, float], start_j: float, wraps: int, seed: int
) -> None:
    time_s = sample_times(seed)
    energy = integrate(recording({"CPU_ENERGY (J)": raw(curve(time_s), width, start_j)}, time_s), WINDOW, INTERVAL_MS)
    true_j = truth(curve, WINDOW["task"])
    assert energy.energy_j == pytest.approx(true_j, rel=0.005)
    assert abs(energy.energy_j - true_j) <= energy.resolution_j + 1
    assert energy.wraps == wraps
    assert energy.duration_s == pytest.approx(10.0)


def test_several_wraps() -> None:
    time_s = np.arange(BEGIN_S, BEGIN_S + 3600, 0.5)
    energy = whole_file(recording({"CPU_ENERGY (J)": raw(60 * (time_s - BEGIN_S), AMD, 60_000)}, time_s))
    assert energy.wraps == 4
    assert energy.energy_j == pytest.approx(60 * (time_s[-1] - BEGIN_S), rel=1e-6)
    assert "wrap" in {flag.code for flag in energy.flags}


@given(edge=st.floats(2.7, 11.8), seed=st.integers(0, 100))
@settings(max_examples=50, deadline=None)
def test_windows_add_up_and_resolution_bounds_the_error(edge: float, seed: int) -> None:
    """Whatever the power does between two samples, the error stays below the stated bound."""
    time_s = sample_times(seed)

    def spiky(t: Array) -> Array:
        return np.asarray(30 * (t - BEGIN_S) + 20 * np.floor((t - BEGIN_S) * 3))

    split = BEGIN_S + edge
    windows = {
        "task": (BEGIN_S + 2, split),
        "after": (split, BEGIN_S + 12),
        "both": (BEGIN_S + 2, BEGIN_S + 12),
    }
    energy = integrate(recording({"CPU_ENERGY (J)": spiky(time_s)}, time_s), windows, INTERVAL_MS)
    both = energy.windows["task"].energy_j + energy.windows["after"].energy_j
    assert both == pytest.approx(energy.windows["both"].energy_j)
    assert abs(energy.energy_j - truth(spiky, windows["task"])) <= energy.resolution_j + 1e-6


def test_domains_add_up_without_counting_twice() -> None:
    time_s = sample_times(0)
    since_s = time_s - BEGIN_S
    columns = {
        "PACKAGE_ENERGY (J)": 30 * since_s,
        "DRAM_ENERGY (J)": 5 * since_s,
        "PP0_ENERGY (J)": 20 * since_s,
        "PP1_ENERGY (J)": 1 * since_s,
        "GPU0_POWER (mWatts)": np.full_like(time_s, 100_000.0),
        "GPU1_ENERGY (J)": 50 * since_s,
        "GPU1_POWER (mWatts)": np.full_like(time_s, 50_000.0),
    }
    energy = integrate(recording(columns, time_s), WINDOW, INTERVAL_MS)
    expected = {"package": 300, "dram": 50, "cores": 200, "gpu": 1500}
    assert {name: round(energy_j, 6) for name, energy_j in energy.domains_j.items()} == expected
    assert energy.energy_j == pytest.approx(1850)
    assert energy.power_w == pytest.approx(185)
    added = {"PACKAGE_ENERGY (J)", "DRAM_ENERGY (J)", "GPU0_POWER (mWatts)", "GPU1_ENERGY (J)"}
    assert set(energy.columns) == added


@pytest.mark.parametrize(
    ("columns", "energy_j", "domains"),
    [
        ({"SYSTEM_POWER (Watts)": 11, "CPU_POWER (Watts)": 4}, 40, {"package"}),
        ({"SYSTEM_POWER (Watts)": 11}, 110, {"system"}),
        ({"SYSTEM_POWER (Watts)": 11, "GPU_POWER (Watts)": 3}, 110, {"system"}),
        ({"CPU_POWER (Watts)": 4, "GPU_POWER (Watts)": 3}, 70, {"package", "gpu"}),
    ],
    ids=["both: the CPU's", "Apple silicon", "the system contains the GPU", "CPU and GPU"],
)
def test_macos_powers(columns: dict[str, float], energy_j: float, domains: set[str]) -> None:
    time_s = sample_times(1)
    powers = {name: np.full_like(time_s, power) for name, power in columns.items()}
    energy = integrate(recording(powers, time_s), WINDOW, INTERVAL_MS)
    assert energy.energy_j == pytest.approx(energy_j)
    assert set(energy.domains_j) == domains


def test_a_ramp_of_power_is_integrated_by_trapezoids() -> None:
    time_s = sample_times(2)
    energy = integrate(recording({"CPU_POWER (Watts)": 10 * (time_s - BEGIN_S)}, time_s), WINDOW, INTERVAL_MS)
    assert energy.energy_j == pytest.approx(10 * (12**2 - 2**2) / 2, rel=1e-3)


def test_named_columns_replace_the_recognised_ones() -> None:
    time_s = sample_times(3)
    rec = recording({"CPU_ENERGY (J)": constant(time_s), "RIG_ENERGY (J)": 2 * constant(time_s)}, time_s)
    energy = integrate(rec, WINDOW, INTERVAL_MS, ["RIG_ENERGY (J)"])
    assert energy.energy_j == pytest.approx(800)
    assert energy.domains_j == {"other": pytest.approx(800)}
    with pytest.raises(EnergyError, match="names `X`"):
        integrate(rec, WINDOW, INTERVAL_MS, ["X"])


RATES_W = {
    "PACKAGE_ENERGY (J)": 40,
    "PACKAGE0_ENERGY (J)": 20,
    "PACKAGE1_ENERGY (J)": 20,
    "CPU_ENERGY (J)": 40,
    "PP0_ENERGY (J)": 30,
    "PP1_ENERGY (J)": 2,
    "DRAM_ENERGY (J)": 5,
    "DRAM0_ENERGY (J)": 5,
    "GPU0_ENERGY (J)": 50,
    "RIG_ENERGY (J)": 7,
}


def counters(*names: str) -> Recording:
    time_s = sample_times(11)
    return recording({f"{name} (J)": RATES_W[f"{name} (J)"] * (time_s - BEGIN_S) for name in names}, time_s)


@pytest.mark.parametrize(
    ("names", "power_w", "domains"),
    [
        (["PACKAGE_ENERGY", "PACKAGE_ENERGY"], 40, {"package"}),
        (["PACKAGE_ENERGY", "PP0_ENERGY"], 40, {"package", "cores"}),
        (["PP1_ENERGY", "PP0_ENERGY", "PACKAGE_ENERGY"], 40, {"package", "cores", "uncore"}),
        (["CPU_ENERGY", "PP0_ENERGY", "DRAM_ENERGY"], 45, {"package", "cores", "dram"}),
        (["PP0_ENERGY", "PP1_ENERGY"], 32, {"cores", "uncore"}),
        (["PACKAGE0_ENERGY", "PACKAGE1_ENERGY", "RIG_ENERGY"], 47, {"package", "other"}),
    ],
    ids=["named twice", "with its cores", "with all its parts", "AMD", "parts without a package", "sockets and a rig"],
)
def test_named_columns_never_count_twice(names: list[str], power_w: float, domains: set[str]) -> None:
    energy = integrate(counters(*names), WINDOW, INTERVAL_MS, [f"{name} (J)" for name in names])
    assert energy.power_w == pytest.approx(power_w)
    assert set(energy.domains_j) == domains
    assert len(set(energy.columns)) == len(energy.columns)


@pytest.mark.parametrize(
    ("names", "powers", "double"),
    [
        (["PACKAGE_ENERGY", "CPU_ENERGY"], {}, r"names CPU_ENERGY \(J\), whose energy PACKAGE_ENERGY \(J\) holds"),
        (["PACKAGE_ENERGY"], {"CPU_POWER (Watts)": 40}, r"names CPU_POWER"),
        (["GPU0_ENERGY"], {"GPU0_POWER (mWatts)": 50_000}, r"names GPU0_POWER"),
        (["DRAM_ENERGY"], {"SYSTEM_POWER (Watts)": 90}, r"names DRAM_ENERGY"),
    ],
    ids=["two names of one counter", "a counter's power", "a GPU's power", "a part of the system"],
)
def test_named_columns_of_the_same_energy_are_refused(names: list[str], powers: dict[str, float], double: str) -> None:
    rec = counters(*names)
    rec.columns.update({name: np.full_like(rec.time_s, power) for name, power in powers.items()})
    with pytest.raises(EnergyError, match=double):
        integrate(rec, WINDOW, INTERVAL_MS, list(rec.columns))


@pytest.mark.parametrize(
    ("names", "columns"),
    [
        (["CPU_ENERGY", "PACKAGE_ENERGY"], {"PACKAGE_ENERGY (J)"}),
        (["CPU_ENERGY", "PACKAGE0_ENERGY", "PACKAGE1_ENERGY"], {"PACKAGE0_ENERGY (J)", "PACKAGE1_ENERGY (J)"}),
        (["CPU_ENERGY", "DRAM_ENERGY", "DRAM0_ENERGY"], {"CPU_ENERGY (J)", "DRAM_ENERGY (J)"}),
    ],
    ids=["AMD's and Intel's name", "and sockets", "DRAM and its sockets"],
)
def test_two_columns_of_one_energy_count_once(names: list[str], columns: set[str]) -> None:
    energy = integrate(counters(*names), WINDOW, INTERVAL_MS)
    assert set(energy.columns) == columns
    assert energy.power_w == pytest.approx(sum(RATES_W[name] for name in columns))


def test_a_falling_core_column_does_not_spoil_the_package() -> None:
    time_s = sample_times(4)
    cores = np.where(np.arange(time_s.size) % 3 == 0, 900.0, 51_000.0)
    rec = recording({"CPU_ENERGY (J)": constant(time_s), "CORE0_ENERGY (J)": cores}, time_s)
    energy = integrate(rec, WINDOW, INTERVAL_MS)
    assert energy.domains_j == {"package": pytest.approx(400)}
    assert [flag.code for flag in energy.flags] == ["cores_unreliable"]


@pytest.mark.parametrize(
    ("counter", "says"),
    [
        (lambda e: np.where(e > 200, e - 150, e), "falls without a plausible wrap"),
        (lambda e: np.where(e > 200, 3.0 + e, e + 65_000), "falls without a plausible wrap"),
        (lambda e: np.where(e > 200, e + 9_000, e), "jumps"),
        (lambda e: np.zeros_like(e), "did not move"),
        (lambda e: np.where(e > 200, np.nan, e), "without a value"),
    ],
    ids=["falls a little", "reset to zero near the top", "jumps", "stands still", "no value"],
)
def test_refused_counters(counter: Callable[[Array], Array], says: str) -> None:
    time_s = sample_times(5)
    with pytest.raises(EnergyError, match=says):
        integrate(recording({"CPU_ENERGY (J)": counter(constant(time_s))}, time_s), WINDOW, INTERVAL_MS)


def test_what_lies_outside_the_windows_does_not_matter() -> None:
    time_s = sample_times(6)
    reset = np.where(time_s > BEGIN_S + 13, 0.0, constant(time_s))
    energy = integrate(recording({"CPU_ENERGY (J)": reset}, time_s), WINDOW, INTERVAL_MS)
    assert energy.energy_j == pytest.approx(400)


def test_two_close_samples_are_no_jump() -> None:
    """A counter that is refreshed between two samples one millisecond apart shows no power."""
    time_s = np.array([0.0, 0.001, 0.2, 0.4, 0.6])
    assert unwrap(time_s, np.array([100.0, 106.0, 114.0, 122.0, 130.0]), "x").energy_j[-1] == 30


@pytest.mark.parametrize("columns", [{}, {"CORE0_ENERGY (J)": 1.0}], ids=["none", "only a sub-domain"])
def test_no_energy_column(columns: dict[str, float]) -> None:
    time_s = sample_times(7)
    rec = recording({name: value * constant(time_s) for name, value in columns.items()}, time_s)
    with pytest.raises(EnergyError, match="no energy or power column"):
        integrate(rec, WINDOW, INTERVAL_MS)


@pytest.mark.parametrize(
    ("window", "says"),
    [
        ((-1.0, 5.0), "before the first sample"),
        ((2.0, 30.0), "after the last sample"),
        ((2.0, 2.1), "too short for two samples"),
    ],
    ids=["starts early", "ends late", "too short"],
)
def test_refused_windows(window: Window, says: str) -> None:
    time_s = sample_times(8)
    shifted = {"task": (BEGIN_S + window[0], BEGIN_S + window[1])}
    with pytest.raises(EnergyError, match=says):
        integrate(recording({"CPU_ENERGY (J)": constant(time_s)}, time_s), shifted, INTERVAL_MS)


def test_flags_of_windows_and_gaps() -> None:
    time_s = np.concatenate((np.arange(0, 5, 0.2), np.arange(8, 12, 0.2))) + BEGIN_S
    edges = {"task": (1, 11), "build": (1, 1.1), "total": (-0.1, 11.5)}
    windows = {name: (BEGIN_S + begin, BEGIN_S + end) for name, (begin, end) in edges.items()}
    energy = integrate(recording({"CPU_ENERGY (J)": constant(time_s)}, time_s), windows, INTERVAL_MS)
    assert {flag.code for flag in energy.flags} == {"edge", "short_window", "gap"}
    assert energy.windows["total"].energy_j == pytest.approx(40 * 11.6)
    assert energy.windows["build"].energy_j == pytest.approx(4)


def test_a_still_sub_domain_is_left_out_and_flagged() -> None:
    time_s = sample_times(9)
    rec = recording({"PACKAGE_ENERGY (J)": constant(time_s), "DRAM_ENERGY (J)": 0 * time_s}, time_s)
    energy = integrate(rec, WINDOW, INTERVAL_MS)
    assert set(energy.domains_j) == {"package"}
    assert [flag.code for flag in energy.flags] == ["still"]


@given(st.lists(st.sampled_from([1, 7, 50, 99, 100, 101, 200, 900]), min_size=12, max_size=80))
def test_samples_closer_than_half_an_interval_share_a_step_of_the_trace(steps_ms: list[int]) -> None:
    time_s = (1_700_000_000_000 + np.cumsum([0, *steps_ms])) / 1000
    window = {"total": (float(time_s[2]) + 0.0004, float(time_s[-2]) + 0.0001)}
    rec = recording({"CPU_POWER (Watts)": np.linspace(5.0, 9.0, time_s.size)}, time_s)
    trace = integrate(rec, window, INTERVAL_MS).trace
    begin_s, end_s = window["total"]
    edges_s = [begin_s]
    for t in time_s[(time_s > begin_s) & (time_s < end_s)].tolist():
        if t - edges_s[-1] >= 0.1 and end_s - t >= 0.1:
            edges_s.append(t)
    assert trace.edges_s.tolist() == [t - begin_s for t in [*edges_s, end_s]]


def test_the_power_trace_holds_the_energy_and_thins_without_losing_any() -> None:
    time_s = sample_times(10, duration_s=100)
    window = {"task": (BEGIN_S + 2, BEGIN_S + 99)}
    trace = integrate(recording({"CPU_ENERGY (J)": stepped(time_s)}, time_s), window, INTERVAL_MS).trace
    thin = trace.thinned(200)
    assert trace.power_w.size > 400
    assert thin.power_w.size == thin.time_s.size == 200
    true_j = truth(stepped, window["task"])
    assert np.sum(trace.power_w * np.diff(trace.edges_s)) == pytest.approx(true_j)
    assert np.sum(thin.power_w * np.diff(thin.edges_s)) == pytest.approx(true_j)
    assert thin.power_w.max() == pytest.approx(120, rel=0.01)
    assert trace.thinned(10_000) is trace


@pytest.mark.parametrize(
    ("largest", "range_j"),
    [(5.0, 2**16), (65_535.9, 2**16), (65_536.0, 2**17), (262_143.0, 2**18), (2_939_243.0, 2**22)],
)
def test_counter_range(largest: float, range_j: int) -> None:
    assert counter_range(largest) == range_j


@given(start=st.floats(0, 65_535), power=st.floats(1, 400), seconds=st.integers(20, 3000))
@settings(max_examples=100, deadline=None)
def test_unwrapping_undoes_wrapping(start: float, power: float, seconds: int) -> None:
    time_s = np.arange(0, seconds, 0.2)
    true_j = power * time_s
    unwrapped = unwrap(time_s, np.asarray((start + true_j) % 2**16), "x")
    assert unwrapped.energy_j == pytest.approx(true_j, abs=1e-6)
    assert unwrapped.wraps == int((start + true_j[-1]) // 2**16)


SUSPENDED_S = 46.0


def interrupted(first_j: float, after_j: float, power_w: float = 36.5, gap_s: float = SUSPENDED_S) -> Recording:
    """Twenty seconds, a pause without samples, and twenty more, after which the counter goes on at `after_j`."""
    ticks_s = np.arange(0, 20, 0.2)
    time_s = np.concatenate((ticks_s, ticks_s[-1] + gap_s + ticks_s))
    energy_j = np.concatenate((first_j + power_w * ticks_s, after_j + power_w * ticks_s))
    return recording({"CPU_ENERGY (J)": energy_j}, time_s + BEGIN_S)


@pytest.mark.parametrize(
    ("first_j", "after_j", "gap_s"),
    [(58_000.0, 12.0, SUSPENDED_S), (202_000.0, 250.0, SUSPENDED_S), (30_000.0, 3.0, 600.0), (64_000.0, 3.0, 80.0)],
    ids=["far from its end", "a wider counter", "after a long suspend", "near its end, but just begun"],
)
def test_a_counter_that_starts_anew_in_a_gap_did_not_wrap(first_j: float, after_j: float, gap_s: float) -> None:
    energy = whole_file(interrupted(first_j, after_j, gap_s=gap_s))
    assert energy.energy_j == pytest.approx(2 * 36.5 * 19.8 + after_j)
    assert energy.wraps == 0
    flags = {flag.code: flag for flag in energy.flags}
    assert set(flags) >= {"gap", "reset"}
    assert flags["reset"].grave
    assert f"started anew within {gap_s:.1f} s without a sample" in flags["reset"].text


def test_a_counter_that_wraps_in_a_gap_did_not_start_anew() -> None:
    energy = whole_file(interrupted(64_000.0, (64_000 + 36.5 * (19.8 + SUSPENDED_S)) % 2**16))
    assert energy.energy_j == pytest.approx(36.5 * (2 * 19.8 + SUSPENDED_S))
    assert energy.wraps == 1
    assert {flag.code for flag in energy.flags} == {"gap", "wrap"}


def test_a_wrap_beside_a_gap_stays_one() -> None:
    """The counter wraps ten seconds after it went on; what it shows then is little, but nothing was missed."""
    rec = interrupted(60_000.0, 60_000 + 36.5 * 20)
    end_j = rec.columns["CPU_ENERGY (J)"][-1]
    rec.columns["CPU_ENERGY (J)"] = (rec.columns["CPU_ENERGY (J)"] + 2**16 - end_j + 300) % 2**16
    energy = whole_file(rec)
    assert {flag.code for flag in energy.flags} == {"gap", "wrap"}
    assert energy.wraps == 1


def test_a_reset_and_a_wrap_are_told_apart() -> None:
    """It starts anew while nobody looks, and wraps later, at a width of 2^16 J."""
    ticks_s = np.arange(0, 1000, 0.2)
    time_s = np.concatenate((ticks_s, ticks_s[-1] + 46 + ticks_s))
    energy_j = np.concatenate((40_000 + 100 * ticks_s, 5 + 100 * ticks_s)) % 2**16
    energy = whole_file(recording({"CPU_ENERGY (J)": energy_j}, time_s))
    assert energy.energy_j == pytest.approx(2 * 100 * ticks_s[-1] + 5)
    assert energy.wraps == 3
    assert {flag.code for flag in energy.flags} == {"gap", "reset", "wrap"}


def test_what_a_gap_makes_up_of_powers_is_told() -> None:
    """A recording of 145 J in which the machine was away for five minutes."""
    ticks_s = np.arange(0, 8, 0.2)
    time_s = np.concatenate((ticks_s, ticks_s[-1] + 301 + ticks_s))
    power_w = np.full(time_s.size, 9.425)
    (flag,) = [f for f in whole_file(recording({"SYSTEM_POWER (Watts)": power_w}, time_s)).flags if f.code == "gap"]
    assert flag.grave
    assert flag.text.startswith("1 gap of up to 301.0 s without a sample")
    assert "2837 J of the energy are made up" in flag.text


@pytest.mark.parametrize(
    ("times_s", "flagged"),
    [([0, 0.001], True), ([0, 0.005, 0.205, 0.405, 0.605, 0.8], True), ([0, 0.5, 1.0, 1.5], True),
     ([0, 0.25, 0.5, 0.75, 1.0], False)],
    ids=["a millisecond", "below a second", "four samples", "enough"],
)  # fmt: skip
def test_a_recording_that_is_too_short_to_tell_energy(times_s: list[float], flagged: bool) -> None:
    time_s = np.array(times_s)
    flags = whole_file(recording({"CPU_ENERGY (J)": 1 + 40 * time_s}, time_s)).flags
    assert [(flag.code, flag.grave) for flag in flags] == ([("too_short", True)] if flagged else [])


def test_cores_that_are_read_twice_count_once() -> None:
    """Twelve core columns of 11.4 W in six pairs of equal counters: 136.8 J in twelve seconds instead of 273.6 J."""
    time_s = np.arange(0, 12.01, 0.2)
    uneven = np.linspace(0.4, 1.6, 6)
    columns = {"CPU_ENERGY (J)": 30 * time_s}
    for core in range(12):
        lag_j = 1e-4 * (core % 2)  # the second of a pair is read a moment later
        columns[f"CORE{core}_ENERGY (J)"] = 1000.0 * (core // 2) + 1.9 * uneven[core // 2] * time_s + lag_j
    energy = whole_file(recording(columns, time_s))
    assert energy.domains_j["cores"] == pytest.approx(136.8)
    assert [(flag.code, flag.grave) for flag in energy.flags] == [("twin_cores", False)]
    assert "6 of 12 core columns show the same as another one" in energy.flags[0].text


def test_cores_of_equal_power_are_no_twins() -> None:
    time_s = np.arange(0, 12.01, 0.2)
    columns = {f"CORE{core}_ENERGY (J)": 3.0 * core + 2 * time_s for core in range(4)}
    energy = whole_file(recording({"CPU_ENERGY (J)": 30 * time_s, **columns}, time_s))
    assert energy.domains_j["cores"] == pytest.approx(96)
    assert energy.flags == ()


@pytest.mark.parametrize(("cores_w", "flagged"), [(7.2, True), (0.0046, False)], ids=["more", "as much"])
def test_cores_cannot_take_more_than_their_package(cores_w: float, flagged: bool) -> None:
    time_s = np.arange(0, 10.01, 0.2)
    columns = {"CPU_ENERGY (J)": 0.0045 * time_s, "CORE0_ENERGY (J)": cores_w * time_s}
    flags = whole_file(recording(columns, time_s)).flags
    assert [(flag.code, flag.grave) for flag in flags] == ([("impossible", True)] if flagged else [])
    assert not flagged or "the cores took 72 J, more than the 0.045 J" in flags[0].text
