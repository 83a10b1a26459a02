"""From raw energy counters and power readings to energy that only grows."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from src.errors import EnergyError
from src.measure.csv_table import Array

NARROWEST_J = 65_536.0
"""32 bits at 2^-16 J, the finest RAPL unit in use (AMD Zen; Intel Sandy Bridge to Haswell)."""
WIDEST_J = 2.0**50
"""64 bits at 2^-14 J."""
PLAUSIBLE_W = 5_000.0
"""No single column draws more, not even the sum of eight sockets."""
REMEDY = "measure this run again or name others in meter.columns"
SPREAD = 5.0
"""A wrap's step may show at most this many times the highest power of all other steps..."""
LEAST_BOUND_W = 50.0
"""...or this power, where the rest of the recording is idle."""
GAP_INTERVALS = 10
"""So many intervals without a sample are a gap, in which a machine may have been suspended and its counters reset."""
RESTART_S = 5.0
"""A counter that starts anew after a suspend shows no more than what these many seconds take..."""
GAP_SPREAD = 1.5
"""...and one that wraps in a gap rose in it at no more than this many times the power of most steps."""
SHORTEST_STEP_S = 0.05
"""Samples closer than this (the first two) say nothing about power: counters refresh every millisecond."""


@dataclass(frozen=True)
class Unwrapped:
    """Energy since the first sample, (n,) in J, never falling, and how many wraps were mended.

    `resets` are the numbers of the steps in which the counter started anew; they hold what it counted since.
    """

    energy_j: Array
    wraps: int
    resets: NDArray[np.int64]


def unwrap(time_s: Array, counter_j: Array, name: str) -> Unwrapped:
    """Mend the wraps of one raw counter, both (n,), n >= 2.

    A counter's width is not told by the vendor, so it is taken from the values: the smallest power of two
    joules, at least 2^16, above every value seen. A wrap is believed only if the power it implies fits the
    other steps; else, a fall within a gap is a reset. Raises EnergyError on a fall or a jump that neither explains.
    """
    wrong = (counter_j < 0) | (counter_j > WIDEST_J)
    if wrong.any():
        raise EnergyError(f"`{name}` shows {counter_j[np.argmax(wrong)]:g} J, which no counter does; {REMEDY}")
    step_j = np.diff(counter_j)
    step_s = np.maximum(np.diff(time_s), SHORTEST_STEP_S)
    falls = step_j < 0
    modulus_j = counter_range(float(counter_j.max()))
    step_j = np.where(falls, step_j + modulus_j, step_j)
    power_w = step_j / step_s
    resets = falls & _restarts(step_s, power_w, falls, counter_j[1:])
    step_j, power_w = np.where(resets, counter_j[1:], step_j), np.where(resets, 0.0, power_w)
    falls &= ~resets
    _refuse(time_s, power_w, ~falls & (power_w > PLAUSIBLE_W), f"`{name}` jumps")
    bound_w = _wrap_bound(power_w[~falls])
    _refuse(time_s, power_w, falls & (power_w > bound_w), f"`{name}` falls without a plausible wrap")
    return Unwrapped(np.concatenate(([0.0], np.cumsum(step_j))), int(falls.sum()), np.flatnonzero(resets))


def _restarts(step_s: Array, power_w: Array, falls: NDArray[np.bool_], after_j: Array) -> NDArray[np.bool_]:
    """Falls within a gap that are rather a counter's restart than its wrap: by their power, or what it then shows."""
    gaps = step_s > GAP_INTERVALS * np.median(step_s)
    if not np.any(gaps & falls) or falls.all():
        return np.zeros_like(falls)
    usual_w = float(np.quantile(power_w[~falls], 0.9))
    return np.asarray(gaps & ((power_w > GAP_SPREAD * usual_w) | (after_j <= RESTART_S * usual_w)))


def counter_range(largest_j: float) -> float:
    """The value at which a counter that reached `largest_j` wraps."""
    if largest_j < NARROWEST_J:
        return NARROWEST_J
    return 2.0 ** (math.floor(math.log2(largest_j)) + 1)


def accumulate(time_s: Array, power_w: Array, name: str) -> Array:
    """Energy since the first sample of power readings, (n,) in J, by the trapezoid rule."""
    if np.any(power_w < 0) or np.any(power_w > PLAUSIBLE_W):
        raise EnergyError(f"`{name}` holds powers outside 0 to {PLAUSIBLE_W:.0f} W; leave it out of meter.columns")
    step_j = np.diff(time_s) * (power_w[1:] + power_w[:-1]) / 2
    return np.concatenate(([0.0], np.cumsum(step_j)))


def _wrap_bound(rising_w: Array) -> float:
    """The highest power a step with a wrap may show."""
    highest_w = float(rising_w.max()) if rising_w.size else PLAUSIBLE_W
    return min(PLAUSIBLE_W, max(LEAST_BOUND_W, SPREAD * highest_w))


def _refuse(time_s: Array, power_w: Array, bad: NDArray[np.bool_], what: str) -> None:
    """Raise where any step is bad, naming the first."""
    if not bad.any():
        return
    first = int(np.argmax(bad))
    at_s = time_s[first + 1] - time_s[0]
    raise EnergyError(
        f"{what} {at_s:.1f} s after the first sample (it would mean {power_w[first]:.0f} W); "
        f"the counter was reset or is unreliable, so {REMEDY}"
    )
