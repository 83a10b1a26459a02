"""By how much a wall meter's clock differs from that of the runs, found by the steps of their power. Pure functions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.signal import correlate

from src.ingest.wall_file import GAP_INTERVALS, WallRecording
from src.measure.recording import Array

SHORTEST_STEP_S, LONGEST_STEP_S = 0.05, 1.0
STEPS_A_SAMPLE = 4
MOST_POINTS = 2_000_000
LEAST_OVERLAP = 0.5
"""Of the shorter one of both: an offset at which less overlaps is not considered."""
LEAST_CORRELATION = 0.5
CLEARLY_LESS = 0.8
"""A peak is clear where the next one's correlation is below this share of its own..."""
CLEARLY_WORSE = 2.0
"""...or leaves this many times as much of the power unexplained."""
LONGEST_REST_S = 600.0
"""Between runs that are further apart anything may have happened."""


@dataclass(frozen=True)
class RunPower:
    """Power (n,) in W of one run at times (n,) in epoch s of the machine's clock, and when it began and ended."""

    begin_s: float
    end_s: float
    time_s: Array
    power_w: Array


@dataclass(frozen=True)
class Offset:
    """What to add to the wall meter's time to have the machine's.

    `correlation` is that of both powers there, `runner_up` the next best one elsewhere. The parts of the runs before
    and after their middle would say offsets that are `apart_s` apart, which tells how sure it is, and of drift.
    """

    seconds: float
    correlation: float
    runner_up: float
    apart_s: float

    @property
    def is_clear(self) -> bool:
        """Whether no other offset explains the wall meter's power nearly as well."""
        if self.correlation < LEAST_CORRELATION:
            return False
        left, left_there = 1 - self.correlation**2, 1 - max(self.runner_up, 0.0) ** 2
        return self.runner_up < CLEARLY_LESS * self.correlation or left_there > CLEARLY_WORSE * left


@dataclass(frozen=True)
class _Grid:
    """Power (n,) in W in steps from `begin_s` on; NaN where it is not known."""

    begin_s: float
    power_w: Array

    def between(self, begin_s: float, end_s: float, step_s: float) -> _Grid:
        """The same, known only within a window."""
        time_s = self.begin_s + (np.arange(self.power_w.size) + 0.5) * step_s
        return _Grid(self.begin_s, np.where((time_s >= begin_s) & (time_s <= end_s), self.power_w, np.nan))


def find_offset(wall: WallRecording, runs: Sequence[RunPower], idle_w: float, within_s: float) -> Offset | None:
    """The offset at which the wall meter's power follows that of the runs best; None where nothing overlaps.

    It is looked for within ±`within_s`, and anywhere where the wall meter's times tell no time of day. Between two runs
    the machine is taken to rest at `idle_w`; where that gives no clear offset, for others were at work, as unknown.
    """
    resting = _best_offset(wall, runs, idle_w, within_s)
    if resting is not None and resting.is_clear:
        return resting
    unknown = _best_offset(wall, runs, np.nan, within_s)
    return unknown if unknown is not None and unknown.is_clear else resting


def _best_offset(wall: WallRecording, runs: Sequence[RunPower], idle_w: float, within_s: float) -> Offset | None:
    ordered = sorted(runs, key=lambda run: run.begin_s)
    span_s = max(ordered[-1].end_s - ordered[0].begin_s, float(wall.time_s[-1] - wall.time_s[0]))
    step_s = float(np.clip(wall.interval_s / STEPS_A_SAMPLE, SHORTEST_STEP_S, LONGEST_STEP_S))
    step_s = max(step_s, span_s / MOST_POINTS)
    meter, machine = _of_wall(wall, step_s), _of_runs(ordered, idle_w, step_s)
    lag_s, every = _correlations(machine, meter, step_s)
    allowed = np.ones_like(every, dtype=bool) if wall.is_relative else np.abs(lag_s) <= within_s
    fit = np.where(allowed, every, -np.inf)
    best = int(np.argmax(fit))
    if not np.isfinite(fit[best]):
        return None
    beside_s = max(2 * wall.interval_s, float(np.median([run.end_s - run.begin_s for run in ordered])) / 2)
    beside = np.abs(lag_s - lag_s[best]) <= beside_s
    # A slope that goes on rising beyond the range that is searched is no peak.
    higher = every[beside & (every > fit[best])]
    runner_up = float(np.concatenate((fit[~beside], higher)).max(initial=-1.0))
    at_s = lag_s[best] + _summit(fit, best) * step_s
    apart_s = _apart(machine, meter, step_s, ordered, float(lag_s[best]), beside_s)
    return Offset(float(at_s), float(fit[best]), runner_up, apart_s)


def _of_wall(wall: WallRecording, step_s: float) -> _Grid:
    """The wall meter's power in equal steps; unknown within gaps."""
    edges_s = np.arange(wall.time_s[0], wall.time_s[-1] + step_s / 2, step_s)
    power_w = np.diff(np.interp(edges_s, wall.time_s, wall.energy_j)) / step_s
    middle_s = (edges_s[1:] + edges_s[:-1]) / 2
    after = np.clip(np.searchsorted(wall.time_s, middle_s), 1, wall.time_s.size - 1)
    gap = wall.time_s[after] - wall.time_s[after - 1] > GAP_INTERVALS * wall.interval_s
    return _Grid(float(edges_s[0]), np.where(gap, np.nan, power_w))


def _of_runs(runs: Sequence[RunPower], idle_w: float, step_s: float) -> _Grid:
    """Each run's power, and rest between them."""
    begin_s = runs[0].begin_s
    time_s = begin_s + (np.arange(int(np.ceil((runs[-1].end_s - begin_s) / step_s))) + 0.5) * step_s
    power_w = np.full(time_s.size, np.nan)
    for number, run in enumerate(runs):
        after_s = runs[number + 1].begin_s if number + 1 < len(runs) else run.end_s
        if after_s - run.end_s <= LONGEST_REST_S:
            power_w[(time_s >= run.end_s) & (time_s < after_s)] = idle_w
        own = (time_s >= run.begin_s) & (time_s < run.end_s)
        power_w[own] = np.interp(time_s[own], run.time_s, run.power_w)
    return _Grid(begin_s, power_w)


def _correlations(machine: _Grid, meter: _Grid, step_s: float) -> tuple[Array, Array]:
    """Pearson's correlation over what is known of both, at each offset in s; -inf where too little overlaps.

    By Fourier transforms of the values and of where they are known (Padfield, 2012, IEEE Trans Image Process 21:2706).
    """
    a, known_a = _centred(machine.power_w)
    b, known_b = _centred(meter.power_w)
    n = _sums(known_a, known_b)
    enough = n >= max(2.0, LEAST_OVERLAP * min(known_a.sum(), known_b.sum()))
    n = np.maximum(n, 1.0)
    sum_a, sum_b = _sums(a, known_b), _sums(known_a, b)
    shared = _sums(a, b) - sum_a * sum_b / n
    spread = (_sums(a * a, known_b) - sum_a**2 / n) * (_sums(known_a, b * b) - sum_b**2 / n)
    enough &= spread > 1e-9 * spread.max(initial=0.0)
    fit = np.where(enough, shared / np.sqrt(np.maximum(spread, 1e-300)), -np.inf)
    lags = np.arange(fit.size) - (b.size - 1)
    return np.asarray(machine.begin_s - meter.begin_s + lags * step_s), np.asarray(fit)


def _centred(power_w: Array) -> tuple[Array, Array]:
    known = np.isfinite(power_w)
    mean = float(power_w[known].mean()) if known.any() else 0.0
    return np.where(known, power_w - mean, 0.0), known.astype(float)


def _sums(a: Array, b: Array) -> NDArray[np.float64]:
    return np.asarray(correlate(a, b, mode="full", method="fft"))


def _summit(fit: Array, best: int) -> float:
    """Where between its neighbours a parabola through the best value has its top, in steps from -0.5 to 0.5."""
    if not 0 < best < fit.size - 1 or not np.isfinite(fit[best - 1 : best + 2]).all():
        return 0.0
    left, middle, right = fit[best - 1 : best + 2]
    bend = left - 2 * middle + right
    return float(np.clip((left - right) / (2 * bend), -0.5, 0.5)) if bend < 0 else 0.0


def _apart(
    machine: _Grid, meter: _Grid, step_s: float, runs: Sequence[RunPower], found_s: float, beside_s: float
) -> float:
    """How far apart the offsets are that each half of the runs would have; 0 where one has none."""
    middle = runs[len(runs) // 2].begin_s
    halves = [(runs[0].begin_s, middle), (middle, runs[-1].end_s)]
    found = []
    for begin_s, end_s in halves:
        lag_s, fit = _correlations(machine.between(begin_s, end_s, step_s), meter, step_s)
        fit = np.where(np.abs(lag_s - found_s) <= beside_s, fit, -np.inf)
        best = int(np.argmax(fit))
        if np.isfinite(fit[best]):
            found.append(float(lag_s[best]) + _summit(fit, best) * step_s)
    return abs(found[1] - found[0]) if len(found) == 2 else 0.0
