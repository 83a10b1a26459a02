"""The small things every statistic here is made of: clean samples, intervals, and why a number is missing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt

Sample = npt.NDArray[np.float64]

# Values this close to each other, relative to their size, differ by rounding alone.
ROUNDING = 1e-12


@dataclass(frozen=True)
class Interval:
    """A two-sided interval in the unit of what it belongs to."""

    low: float
    high: float
    confidence: float
    method: str


class Why(StrEnum):
    """Why a number is not there."""

    NO_VALUE = "no_value"
    ONE_VALUE = "one_value"
    TOO_FEW = "too_few"
    ALL_EQUAL = "all_equal"
    NO_SPREAD = "no_spread"
    ONE_IS_CONSTANT = "one_is_constant"
    EQUAL_DISTANCES = "equal_distances"
    NOT_FOR_THIS_SIZE = "not_for_this_size"
    ONE_TREATMENT = "one_treatment"
    TOO_FEW_BLOCKS = "too_few_blocks"
    TOO_FEW_COMPLETE_BLOCKS = "too_few_complete_blocks"
    NO_BLOCK_HOLDS_ALL = "no_block_holds_all"
    EQUAL_DIFFERENCES = "equal_differences"
    NO_BLOCK_DIFFERS = "no_block_differs"
    NO_MARGIN = "no_margin"
    TOO_MANY_NEEDED = "too_many_needed"
    TOO_FEW_PLACES = "too_few_places"
    NOTHING_VARIES = "nothing_varies"
    TOO_FEW_PREDECESSORS = "too_few_predecessors"
    NOT_POSITIVE = "not_positive"
    FIXED_ORDER = "fixed_order"
    SEPARATE_SWEEPS = "separate_sweeps"
    MACHINES_ALIKE = "machines_alike"
    SEVERAL_MACHINES = "several_machines"
    SEPARATE_TIMES = "separate_times"
    NO_ACCURACY = "no_accuracy"
    NO_TEST_IMAGES = "no_test_images"
    ESTIMATED = "estimated"


@dataclass(frozen=True)
class Reason:
    """Why a number is not there; `n` is the number of values that it would have come from, where that matters."""

    why: Why
    n: int | None = None


def finite(values: Sequence[float] | npt.ArrayLike) -> Sample:
    """The values that are numbers, as float64; missing metrics are NaN."""
    array = np.asarray(values, dtype=np.float64).ravel()
    return array[np.isfinite(array)]


def is_constant(values: Sample) -> bool:
    """Whether the values differ by no more than rounding; true for fewer than two."""
    if values.size < 2:
        return True
    return bool(np.ptp(values) <= ROUNDING * np.max(np.abs(values)))
