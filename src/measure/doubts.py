"""What in a counter's course casts doubt on its energy, though no single value can be called wrong."""

from __future__ import annotations

import numpy as np

from src.contract.flags import Flag
from src.measure.counters import SPREAD
from src.measure.domains import Source
from src.measure.recording import Array

GAP_INTERVALS = 10
"""So many intervals without a sample, or without a counter's rise, are worth a flag..."""
LEAST_STANDSTILL_S = 2.0
"""...but a counter may be refreshed once a second, however often it is sampled."""
LEAST_JUMP_W = {"gpu": 1000.0}
OTHER_LEAST_JUMP_W = 600.0
"""A GPU, or one processor, that was idle may draw this much for one sample."""
JUMPS = 3
"""So many jumps are told from the other steps; what happens more often is how the machine works."""
FEWEST_STEPS = 8


def doubts(source: Source, time_s: Array, energy_j: Array, interval_s: float) -> list[Flag]:
    """Flags for one unwrapped counter, (n,) in s and J, sampled every `interval_s`."""
    least_w = LEAST_JUMP_W.get(source.domain, OTHER_LEAST_JUMP_W)
    found = (
        _jump(source.column, time_s, energy_j, interval_s, least_w),
        _standstill(source.column, time_s, energy_j, interval_s),
    )
    return [flag for flag in found if flag is not None]


def _jump(column: str, time_s: Array, energy_j: Array, interval_s: float, least_w: float) -> Flag | None:
    """A step that stands alone far above the steps beside it and all others but JUMPS: a reset, or a misread counter.

    A burst of work lasts for several steps or, where it is shorter, adds little. A step reaches from one rise to the
    next, as a counter may be refreshed more rarely than it is sampled; one that seems shorter than is usual holds up
    to a usual one's energy, as its samples came late or early.
    """
    risen = np.concatenate(([0], np.flatnonzero(np.diff(energy_j) > 0) + 1))
    if risen.size <= FEWEST_STEPS:
        return None
    at_s, step_j, took_s = time_s[risen[1:]], np.diff(energy_j[risen]), np.diff(time_s[risen])
    power_w = step_j / np.maximum(took_s, max(interval_s, float(np.median(took_s))))
    usual_w = np.sort(power_w)[-1 - JUMPS]
    beside_w = np.maximum(np.append(power_w[1:], 0.0), np.append(0.0, power_w[:-1]))
    alone = np.flatnonzero(power_w > np.maximum(least_w, SPREAD * np.maximum(usual_w, beside_w)))
    if not alone.size:
        return None
    first, more = int(alone[0]), f" and {alone.size - 1} times more" if alone.size > 1 else ""
    text = (
        f"`{column}` rises by {step_j[first]:.0f} J within one step {at_s[first] - time_s[0]:.1f} s after the "
        f"first sample{more}, where other steps show up to {usual_w:.0f} W: the energy is probably too high"
    )
    return Flag("jump", text, grave=True)


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
