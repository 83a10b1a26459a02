"""The same two treatments within the same blocks: what the blocked design allows beyond two loose samples."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy import stats

from src.analysis import normality
from src.analysis.two_samples import EXACT_BELOW
from src.analysis.values import (
    ROUNDING,
    HypothesisTest,
    Sample,
    is_constant,
    undefined,
)

PAIRED_T = "paired t"
SIGNED_RANK = "Wilcoxon signed-rank"


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
    shape = normality.shapiro_wilk(differences)
    test = paired_t(differences) if normality.passes(shape) else signed_rank(differences)
    n = int(differences.size)
    mean, median = (float(differences.mean()), float(np.median(differences))) if n else (None, None)
    return PairedComparison(n, mean, median, shape, test)


def paired_t(differences: Sample) -> HypothesisTest:
    """Student's one-sample t of the differences (n,) against 0."""
    n = differences.size
    if n < 2 or is_constant(differences):
        return undefined(PAIRED_T, "fewer than 2 blocks" if n < 2 else "all differences are equal")
    t = float(differences.mean() / (differences.std(ddof=1) / np.sqrt(n)))
    return HypothesisTest(PAIRED_T, t, float(2 * stats.t.sf(abs(t), n - 1)), (float(n - 1),))


def signed_rank(differences: Sample) -> HypothesisTest:
    """Wilcoxon's (1945) V, the rank sum of the positive differences; zeros are left out, as Wilcoxon did."""
    if differences.size < 2:
        return undefined(SIGNED_RANK, "fewer than 2 blocks hold both treatments")
    moved = differences[differences != 0]
    if moved.size == 0:
        return undefined(SIGNED_RANK, "no block shows any difference")
    sizes = np.abs(moved)
    ranks = stats.rankdata(sizes)
    exact = differences.size < EXACT_BELOW and moved.size == differences.size and np.unique(sizes).size == sizes.size
    result = stats.wilcoxon(moved, correction=not exact, method="exact" if exact else "approx")
    return HypothesisTest(SIGNED_RANK, float(ranks[moved > 0].sum()), float(result.pvalue))
