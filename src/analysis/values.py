"""The small things every statistic here is made of: clean samples, intervals, tests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

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


@dataclass(frozen=True)
class HypothesisTest:
    """One test; statistic and p-value are None where it is not defined, and `reason` says why.

    `p_holm` is the p-value after Holm's correction over the test's family, None outside a family.
    """

    name: str
    statistic: float | None = None
    p_value: float | None = None
    degrees_of_freedom: tuple[float, ...] = ()
    p_holm: float | None = None
    reason: str | None = None


def undefined(name: str, reason: str) -> HypothesisTest:
    """A test that these data do not allow."""
    return HypothesisTest(name, reason=reason)


def finite(values: Sequence[float] | npt.ArrayLike) -> Sample:
    """The values that are numbers, as float64; missing metrics are NaN."""
    array = np.asarray(values, dtype=np.float64).ravel()
    return array[np.isfinite(array)]


def as_text(column: pd.Series) -> pd.Series:
    """The column as text, empty where a value is missing."""
    return column.astype(object).where(column.notna(), "").astype(str)


def is_constant(values: Sample) -> bool:
    """Whether the values differ by no more than rounding; true for fewer than two."""
    if values.size < 2:
        return True
    return bool(np.ptp(values) <= ROUNDING * np.max(np.abs(values)))


def holm(tests: Sequence[HypothesisTest]) -> list[HypothesisTest]:
    """The tests of one family with Holm's (1979) step-down correction; undefined ones do not count."""
    p_values = np.array([test.p_value for test in tests if test.p_value is not None])
    corrected = iter(_step_down(p_values).tolist())
    return [test if test.p_value is None else replace(test, p_holm=next(corrected)) for test in tests]


def _step_down(p_values: Sample) -> Sample:
    """The k-th smallest of m p-values times m - k + 1, never below the one before nor above 1."""
    order = np.argsort(p_values, kind="stable")
    factors = np.arange(p_values.size, 0, -1)
    corrected = np.empty(p_values.size)
    corrected[order] = np.minimum(np.maximum.accumulate(p_values[order] * factors), 1)
    return corrected
