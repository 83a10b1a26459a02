"""What in the course of a counter or a power casts doubt on its energy, though no single value can be called wrong."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from src.contract.flags import Flag
from src.measure.counters import GAP_INTERVALS, SPREAD
from src.measure.csv_table import Array
from src.measure.domains import Source
from src.measure.sensors import SLOW_REFRESH, refresh_interval

LEAST_STANDSTILL_S = 2.0
"""A counter may be refreshed once a second, however often it is sampled."""
LEAST_JUMP_W = {"gpu": 1000.0}
OTHER_LEAST_JUMP_W = 600.0
"""A GPU, or one processor, that was idle may draw this much for one sample..."""
IDLE_W = 8.0
"""...and it was idle, if most samples show less than this."""
BUSY_SPREAD = 2.0
"""What is busy draws no more than this many times its usual highest power in a single sample..."""
WORTH_TELLING = 0.01
"""...at least not where that alone is more than this share of the run's energy."""
LARGEST_BURST = {"gpu": 0.5}
OTHER_LARGEST_BURST = 0.2
"""No burst of a single sample holds more than this share of a run's energy, however idle the rest was..."""
LARGEST_OF_FEW = 0.35
"""...or than this where the run has few samples."""
JUMPS = 3
"""So many jumps are told from the other steps; what happens more often is how the machine works."""
FEWEST_STEPS = 8
FEW_STEPS = 20


def doubts(source: Source, time_s: Array, energy_j: Array, interval_s: float) -> list[Flag]:
    """Flags for one unwrapped counter, (n,) in s and J, sampled every `interval_s`."""
    found = (
        _jump(source, time_s, energy_j, interval_s),
        _standstill(source.column, time_s, energy_j, interval_s),
    )
    return [flag for flag in found if flag is not None]


def power_doubts(source: Source, time_s: Array, power_w: Array) -> list[Flag]:
    """A flag for powers, (n,) in s and W, of which single ones stand alone far above those beside them."""
    if power_w.size <= FEWEST_STEPS:
        return []
    weight_s = (np.diff(time_s, prepend=time_s[0]) + np.diff(time_s, append=time_s[-1])) / 2
    beside_w = _beside(power_w)
    usual_w = _usual(power_w)
    share = (power_w - beside_w) * weight_s / max(float(power_w @ weight_s), 1e-12)
    alone = _far_above(power_w, beside_w, usual_w, share, source)
    sampled_s = float(np.median(np.diff(time_s)))
    if refresh_interval(time_s, power_w) > SLOW_REFRESH * sampled_s:
        edge = np.isin(np.arange(power_w.size), (0, power_w.size - 1))
        alone |= (share > WORTH_TELLING) & (~edge | (power_w > BUSY_SPREAD * usual_w))
    if not alone.any():
        return []
    first = int(np.argmax(alone))
    text = (
        f"`{source.column}` shows {power_w[first]:.0f} W in a single sample {time_s[first] - time_s[0]:.1f} s after "
        f"the first{_more(alone)}, where others show up to {usual_w:.0f} W: the energy is probably too high"
    )
    return [Flag("jump", text, grave=True)]


def _jump(source: Source, time_s: Array, energy_j: Array, interval_s: float) -> Flag | None:
    """A step that stands alone far above the steps beside it and all others but JUMPS: a reset, or a misread counter.

    A burst of work lasts for several steps or, where it is shorter, adds little. A step reaches from one rise to the
    next, as a counter may be refreshed more rarely than it is sampled; one that seems shorter than is usual holds up
    to a usual one's energy, as its samples came late or early.
    """
    risen = np.concatenate(([0], np.flatnonzero(np.diff(energy_j) > 0) + 1))
    if risen.size <= FEWEST_STEPS:
        return None
    at_s, step_j, took_s = time_s[risen[1:]], np.diff(energy_j[risen]), np.diff(time_s[risen])
    took_s = np.maximum(took_s, max(interval_s, float(np.median(took_s))))
    power_w = step_j / took_s
    beside_w, usual_w = _beside(power_w), _usual(power_w)
    share = (power_w - beside_w) * took_s / float(energy_j[-1] - energy_j[0])
    alone = _far_above(power_w, beside_w, usual_w, share, source)
    if not alone.any():
        return None
    first = int(np.argmax(alone))
    text = (
        f"`{source.column}` rises by {step_j[first]:.0f} J within one step {at_s[first] - time_s[0]:.1f} s after the "
        f"first sample{_more(alone)}, where other steps show up to {usual_w:.0f} W: the energy is probably too high"
    )
    return Flag("jump", text, grave=True)


def _far_above(power_w: Array, beside_w: Array, usual_w: float, share: Array, source: Source) -> NDArray[np.bool_]:
    """Beyond what an idle machine may draw, or, in a run that was busy, beyond its usual powers and worth telling."""
    least_w = LEAST_JUMP_W.get(source.domain, OTHER_LEAST_JUMP_W)
    impossible = power_w > np.maximum(least_w, SPREAD * np.maximum(usual_w, beside_w))
    largest = LARGEST_BURST.get(source.domain, OTHER_LARGEST_BURST)
    if power_w.size < FEW_STEPS:
        worth = share > max(largest, LARGEST_OF_FEW)
    else:
        worth = share > (WORTH_TELLING if usual_w >= IDLE_W else largest)
    return np.asarray(impossible | ((power_w > BUSY_SPREAD * usual_w) & worth))


def _beside(power_w: Array) -> Array:
    """The higher one of each value's neighbours."""
    return np.asarray(np.maximum(np.append(power_w[1:], 0.0), np.append(0.0, power_w[:-1])))


def _usual(power_w: Array) -> float:
    """The highest power but for JUMPS."""
    return float(np.partition(power_w, -1 - JUMPS)[-1 - JUMPS])


def _more(alone: NDArray[np.bool_]) -> str:
    return f" and {alone.sum() - 1} times more" if alone.sum() > 1 else ""


def _standstill(column: str, time_s: Array, energy_j: Array, interval_s: float) -> Flag | None:
    """A counter that moves, but stops for long while the run goes on."""
    rises = np.flatnonzero(np.diff(energy_j) > 0)
    if not rises.size:
        return None  # that it never moves is told of its whole domain
    still_from_s = np.concatenate((time_s[:1], time_s[rises + 1]))
    still_s = np.concatenate((time_s[rises], time_s[-1:])) - still_from_s
    longest = int(np.argmax(still_s))
    if still_s[longest] <= max(GAP_INTERVALS * interval_s, LEAST_STANDSTILL_S):
        return None
    text = (
        f"`{column}` stands still for {still_s[longest]:.1f} s from {still_from_s[longest] - time_s[0]:.1f} s after "
        "the first sample on: the energy is too low"
    )
    return Flag("standstill", text, grave=True)
