"""Tests of two independent samples; `second` minus `first` throughout, and exact where R is exact."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
from scipy import stats

from src.analysis.values import HypothesisTest, Sample, is_constant, undefined

Alternative = Literal["two-sided", "less", "greater"]

WELCH = "Welch's t"
MANN_WHITNEY = "Mann-Whitney U"
# Below this size, and without ties, the p-value is counted out; above, approximated (as in R's wilcox.test).
EXACT_BELOW = 50
TOO_FEW = "each treatment needs at least 2 values"


def welch_se_and_df(first: Sample, second: Sample) -> tuple[float, float]:
    """Standard error of the difference of means and its degrees of freedom (Welch, 1947)."""
    parts = [sample.var(ddof=1) / sample.size for sample in (first, second)]
    se = math.sqrt(sum(parts))
    spread = sum(part**2 / (sample.size - 1) for part, sample in zip(parts, (first, second), strict=True))
    return se, float(sum(parts) ** 2 / spread) if spread > 0 else math.inf


def welch_t(
    first: Sample, second: Sample, shift: float = 0.0, alternative: Alternative = "two-sided"
) -> HypothesisTest:
    """Welch's t of mean(second) - mean(first) against `shift`; undefined without any spread."""
    if min(first.size, second.size) < 2:
        return undefined(WELCH, TOO_FEW)
    if is_constant(first) and is_constant(second):
        return undefined(WELCH, "neither treatment varies")
    se, df = welch_se_and_df(first, second)
    t = float(second.mean() - first.mean() - shift) / se
    p_value = {
        "less": stats.t.cdf(t, df),
        "greater": stats.t.sf(t, df),
        "two-sided": 2 * stats.t.sf(abs(t), df),
    }[alternative]
    return HypothesisTest(WELCH, t, float(p_value), (df,))


def mann_whitney_u(
    first: Sample, second: Sample, shift: float = 0.0, alternative: Alternative = "two-sided"
) -> HypothesisTest:
    """Mann and Whitney's (1947) U of `second - shift` over `first`; ties and continuity corrected."""
    if min(first.size, second.size) < 2:
        return undefined(MANN_WHITNEY, TOO_FEW)
    shifted = second - shift
    pooled = np.concatenate([first, shifted])
    if is_constant(pooled):
        return undefined(MANN_WHITNEY, "all values are equal")
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
