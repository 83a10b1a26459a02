"""Tests of one sample, of two, and of two within blocks; `second` minus `first`, and exact where R is exact."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from scipy import stats

from src.analysis.values import ROUNDING, Reason, Sample, Why, is_constant

Alternative = Literal["two-sided", "less", "greater"]

SHAPIRO_WILK = "Shapiro-Wilk"
WELCH = "Welch's t"
MANN_WHITNEY = "Mann-Whitney U"
PAIRED_T = "paired t"
SIGNED_RANK = "Wilcoxon signed-rank"
# Royston's (1995, AS R94) approximation of the p-value holds between these.
SMALLEST, LARGEST = 3, 5000
# The published rule: a t-test where both samples pass at 0.05, whatever the analysis' own alpha is.
PUBLISHED_ALPHA = 0.05
# Below this size, and without ties, the p-value is counted out; above, approximated (as in R's wilcox.test).
EXACT_BELOW = 50


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
    reason: Reason | None = None


def undefined(name: str, why: Why, n: int | None = None) -> HypothesisTest:
    """A test that these data do not allow."""
    return HypothesisTest(name, reason=Reason(why, n))


def holm(tests: Sequence[HypothesisTest], others: int = 0) -> list[HypothesisTest]:
    """The tests of one family with Holm's (1979) step-down correction; undefined ones do not count.

    `others` belong to the family too, but were not computed: they count as if none of them showed anything.
    """
    p_values = np.array([test.p_value for test in tests if test.p_value is not None])
    corrected = iter(_step_down(p_values, others).tolist())
    return [test if test.p_value is None else replace(test, p_holm=next(corrected)) for test in tests]


def _step_down(p_values: Sample, others: int) -> Sample:
    """The k-th smallest of m p-values, `others` among them, times m - k + 1, never below the one before nor above 1."""
    order = np.argsort(p_values, kind="stable")
    factors = np.arange(p_values.size + others, others, -1)
    corrected = np.empty(p_values.size)
    corrected[order] = np.minimum(np.maximum.accumulate(p_values[order] * factors), 1)
    return corrected


def shapiro_wilk(values: Sample) -> HypothesisTest:
    """Shapiro-Wilk W (1965) of a sample (n,); undefined for constant ones and outside 3 to 5000 values."""
    if not SMALLEST <= values.size <= LARGEST:
        return undefined(SHAPIRO_WILK, Why.NOT_FOR_THIS_SIZE, int(values.size))
    if is_constant(values):
        return undefined(SHAPIRO_WILK, Why.ALL_EQUAL)
    statistic, p_value = stats.shapiro(values)
    return HypothesisTest(SHAPIRO_WILK, float(statistic), float(p_value))


def passes(test: HypothesisTest) -> bool:
    """Whether a sample may be treated as normal; one that cannot be tested may not."""
    return test.p_value is not None and test.p_value >= PUBLISHED_ALPHA


def published_test(first: Sample, second: Sample) -> HypothesisTest:
    """Welch's t where both samples pass Shapiro-Wilk at 0.05, else Mann-Whitney's U."""
    normal = passes(shapiro_wilk(first)) and passes(shapiro_wilk(second))
    return welch_t(first, second) if normal else mann_whitney_u(first, second)


def welch_t(
    first: Sample, second: Sample, shift: float = 0.0, alternative: Alternative = "two-sided"
) -> HypothesisTest:
    """Welch's (1947) t of mean(second) - mean(first) against `shift`; undefined without any spread."""
    if min(first.size, second.size) < 2:
        return undefined(WELCH, Why.TOO_FEW)
    if is_constant(first) and is_constant(second):
        return undefined(WELCH, Why.NO_SPREAD)
    with _one_sample_may_be_constant():
        result = stats.ttest_ind(second - shift, first, equal_var=False, alternative=alternative)
    return HypothesisTest(WELCH, float(result.statistic), float(result.pvalue), (float(result.df),))


def mann_whitney_u(
    first: Sample, second: Sample, shift: float = 0.0, alternative: Alternative = "two-sided"
) -> HypothesisTest:
    """Mann and Whitney's (1947) U of `second - shift` over `first`; ties and continuity corrected."""
    if min(first.size, second.size) < 2:
        return undefined(MANN_WHITNEY, Why.TOO_FEW)
    shifted = second - shift
    pooled = np.concatenate([first, shifted])
    if is_constant(pooled):
        return undefined(MANN_WHITNEY, Why.ALL_EQUAL)
    tied = np.unique(pooled).size < pooled.size
    exact = max(first.size, second.size) < EXACT_BELOW and not tied
    result = stats.mannwhitneyu(
        shifted,
        first,
        alternative=alternative,
        method="exact" if exact else "asymptotic",
        use_continuity=True,
    )
    return HypothesisTest(MANN_WHITNEY, float(result.statistic), float(result.pvalue))


@dataclass(frozen=True)
class PairedComparison:
    """Differences second - first of the blocks that hold both, in the metric's unit."""

    n_blocks: int
    mean_difference: float | None
    median_difference: float | None
    normality: HypothesisTest
    test: HypothesisTest

    def with_test(self, test: HypothesisTest) -> PairedComparison:
        """The same with a corrected test."""
        return replace(self, test=test)


def compare_blocks(first: Sample, second: Sample) -> PairedComparison:
    """Paired t where the differences pass Shapiro-Wilk, else Wilcoxon's signed ranks; arrays (blocks,)."""
    differences = second - first
    # A difference that only rounding made is none.
    differences[np.abs(differences) <= ROUNDING * np.maximum(np.abs(first), np.abs(second))] = 0.0
    shape = shapiro_wilk(differences)
    test = paired_t(differences) if passes(shape) else signed_rank(differences)
    n = int(differences.size)
    mean, median = (float(differences.mean()), float(np.median(differences))) if n else (None, None)
    return PairedComparison(n, mean, median, shape, test)


def paired_t(differences: Sample) -> HypothesisTest:
    """Student's one-sample t of the differences (n,) against 0."""
    if differences.size < 2:
        return undefined(PAIRED_T, Why.TOO_FEW_BLOCKS)
    if is_constant(differences):
        return undefined(PAIRED_T, Why.EQUAL_DIFFERENCES)
    result = stats.ttest_1samp(differences, 0)
    return HypothesisTest(PAIRED_T, float(result.statistic), float(result.pvalue), (float(result.df),))


def signed_rank(differences: Sample) -> HypothesisTest:
    """Wilcoxon's (1945) V, the rank sum of the positive differences; zeros are left out, as Wilcoxon did."""
    if differences.size < 2:
        return undefined(SIGNED_RANK, Why.TOO_FEW_BLOCKS)
    moved = differences[differences != 0]
    if moved.size == 0:
        return undefined(SIGNED_RANK, Why.NO_BLOCK_DIFFERS)
    sizes = np.abs(moved)
    ranks = stats.rankdata(sizes)
    exact = differences.size < EXACT_BELOW and moved.size == differences.size and np.unique(sizes).size == sizes.size
    result = stats.wilcoxon(moved, correction=not exact, method="exact" if exact else "approx")
    return HypothesisTest(SIGNED_RANK, float(ranks[moved > 0].sum()), float(result.pvalue))


@contextmanager
def _one_sample_may_be_constant() -> Iterator[None]:
    """SciPy warns of lost precision where a sample does not vary; beside one that does, nothing is lost."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Precision loss", RuntimeWarning)
        yield
