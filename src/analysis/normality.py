"""Shapiro and Wilk's test of normality, with an answer for every sample."""

from __future__ import annotations

from scipy import stats

from src.analysis.values import HypothesisTest, Sample, is_constant, undefined

NAME = "Shapiro-Wilk"
# Royston's (1995, AS R94) approximation of the p-value holds between these.
SMALLEST, LARGEST = 3, 5000
# The published rule: a t-test where both samples pass at 0.05, whatever the analysis' own alpha is.
PUBLISHED_ALPHA = 0.05


def shapiro_wilk(values: Sample) -> HypothesisTest:
    """Shapiro-Wilk W (1965) of a sample (n,); undefined for constant ones and outside 3 to 5000 values."""
    if not SMALLEST <= values.size <= LARGEST:
        return undefined(NAME, f"defined for {SMALLEST} to {LARGEST} values, not {values.size}")
    if is_constant(values):
        return undefined(NAME, "all values are equal")
    statistic, p_value = stats.shapiro(values)
    return HypothesisTest(NAME, float(statistic), float(p_value))


def passes(test: HypothesisTest) -> bool:
    """Whether a sample may be treated as normal; one that cannot be tested may not."""
    return test.p_value is not None and test.p_value >= PUBLISHED_ALPHA
