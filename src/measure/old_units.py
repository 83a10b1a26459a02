"""Intel's counters in the units of old EnergiBridge versions, told by the grid on which their values lie.

Up to 0.0.4 the columns hold raw counts of 2^-14 J; 0.0.5 and 0.0.6 took a count for 10^-6 J. Today's are multiples of
2^-14 or 2^-16 J, also where a program that saved them again rounded them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

import numpy as np

from src.contract.flags import Flag
from src.measure.counters import PLAUSIBLE_W
from src.measure.csv_table import Array

INTEL = re.compile(r"(PACKAGE|DRAM|PP0|PP1)_ENERGY \(J\)")
OF_ENERGIBRIDGE = re.compile(r"CPU_(USAGE|FREQUENCY)_\d+")
"""Columns that no other meter writes."""
COUNT_J = 2.0**-14
UNITS_J = (2.0**-14, 2.0**-16)
MILLIONTH_J = 1e-6
ROUNDED_J = 0.51e-6
EXACT_J = 1e-9
HIGHEST = 2**32 * MILLIONTH_J
"""Where the counters of 0.0.5 and 0.0.6 wrap."""
FEWEST_VALUES = 5


def old_scale(names: Iterable[str], time_s: Array, columns: Mapping[str, Array]) -> float:
    """What makes J of the counters of Intel's processors in an EnergiBridge recording: 1 for today's."""
    intel = [values for name, values in columns.items() if INTEL.fullmatch(name)]
    if not intel or not any(OF_ENERGIBRIDGE.fullmatch(name) for name in names):
        return 1.0
    return scale_by_grid(time_s, intel)


def scale_by_grid(time_s: Array, counters: Iterable[Array]) -> float:
    """The same for any counters of one file."""
    moving = [values for values in counters if np.unique(values).size >= FEWEST_VALUES and np.all(values < 2.0**64)]
    if not moving:
        return 1.0
    values = np.unique(np.concatenate(moving))
    highest_w = max(_usual_power(time_s, counter) for counter in moving)
    if np.all(values == np.round(values)):
        return COUNT_J if highest_w > PLAUSIBLE_W else 1.0
    if values.max() > HIGHEST or not _are_millionths(values):
        return 1.0
    todays = max(float(np.mean(_off_grid(values, unit_j) <= ROUNDED_J)) for unit_j in UNITS_J)
    scale = COUNT_J / MILLIONTH_J
    return scale if todays < 0.5 and highest_w * scale <= PLAUSIBLE_W else 1.0


def mended(columns: Mapping[str, Array], scale: float, known: bool) -> tuple[dict[str, Array], list[Flag]]:
    """The columns with Intel's counters in J, and what was done to them; `known`: somebody said so."""
    found = {name: values * scale for name, values in columns.items() if INTEL.fullmatch(name)}
    version = (
        "up to 0.0.4 counted units of 2^-14 J" if scale < 1 else "0.0.5 or 0.0.6 took units of 2^-14 J for 10^-6 J"
    )
    reason = "as meter.scale says" if known else f"EnergiBridge {version}"
    text = f"the values of {', '.join(found)} were multiplied by {scale:g}: {reason}"
    return {**columns, **found}, [Flag("old_units", text)] if found else []


def _are_millionths(values: Array) -> bool:
    """All are multiples of 10^-6, but not of more, as they would be if they had been rounded."""
    finest = np.all(_off_grid(values, MILLIONTH_J) < EXACT_J)
    return bool(finest and np.mean(_off_grid(values, 10 * MILLIONTH_J) > EXACT_J) > 0.5)


def _off_grid(values: Array, unit: float) -> Array:
    """How far each value is from the nearest multiple of the unit."""
    return np.asarray(np.abs(values - np.round(values / unit) * unit))


def _usual_power(time_s: Array, counter: Array) -> float:
    step, step_s = np.diff(counter), np.diff(time_s)
    return float(np.median(step[step >= 0] / step_s[step >= 0])) if np.any(step >= 0) else 0.0
