"""A GPU's energy counter against its own power sensor: two ways to know the same energy."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from src.contract.flags import Flag
from src.measure.recording import Recording

COUNTER = re.compile(r"GPU(\d+)_ENERGY \(J\)")
MOST_SHARE = 0.10
"""By more than this the two should not differ; sensors are good to about 5 % (Yang, Adamek and Armour, 2024)."""


def gpu_flags(recording: Recording, counted: Sequence[str]) -> list[Flag]:
    """A flag for each counted GPU whose counter and integrated power tell different energies of the recording."""
    found = (_disagreement(recording, column) for column in counted if COUNTER.fullmatch(column))
    return [flag for flag in found if flag is not None]


def _disagreement(recording: Recording, column: str) -> Flag | None:
    number = COUNTER.sub(r"\1", column)
    power_mw = recording.columns.get(f"GPU{number}_POWER (mWatts)")
    if power_mw is None:
        return None
    counted_j = float(recording.columns[column][-1] - recording.columns[column][0])
    summed_j = float(np.trapezoid(power_mw / 1000, recording.time_s))
    share = abs(counted_j - summed_j) / max(counted_j, summed_j, 1e-9)
    if not share > MOST_SHARE:
        return None
    text = f"GPU {number}'s counter tells {counted_j:.1f} J, its power over time {summed_j:.1f} J ({share:.0%} apart)"
    return Flag("gpu_disagree", text, grave=True)
