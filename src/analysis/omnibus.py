"""Tests over all treatments at once: does any differ, and do their spreads?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from src.analysis.hypothesis_tests import HypothesisTest, passes, shapiro_wilk, undefined
from src.analysis.values import Sample, Why, is_constant

FRIEDMAN = "Friedman"
KRUSKAL_WALLIS = "Kruskal-Wallis"
WELCH_ANOVA = "Welch's ANOVA"
BROWN_FORSYTHE = "Brown-Forsythe"


@dataclass(frozen=True)
class Omnibus:
    """One metric over all treatments.

    `test` is Friedman's on complete blocks, where there are some and at least three treatments; otherwise
    Welch's ANOVA where every treatment passes Shapiro-Wilk, else Kruskal-Wallis. `effect_size` is Kendall's
    W, or the share of rank variance explained (epsilon squared). `spread` is Brown-Forsythe's test of equal
    spread.
    """

    metric: str
    treatments: tuple[str, ...]
    n_blocks: int
    test: HypothesisTest
    effect_name: str | None
    effect_size: float | None
    spread: HypothesisTest


def compare_all(metric: str, treatments: Sequence[str], groups: Sequence[Sample], blocks: Sequence[Sample]) -> Omnibus:
    """`groups` are all values of each treatment, `blocks` those of complete blocks, aligned."""
    test, effect_name, effect_size = _choose(groups, blocks)
    n_blocks = int(blocks[0].size) if len(blocks) else 0
    return Omnibus(metric, tuple(treatments), n_blocks, test, effect_name, effect_size, brown_forsythe(groups))


def friedman(blocks: Sequence[Sample]) -> HypothesisTest:
    """Friedman's (1937) chi-square, corrected for ties; needs three treatments and two complete blocks."""
    if len(blocks) < 3 or blocks[0].size < 2:
        return undefined(FRIEDMAN, Why.TOO_FEW_COMPLETE_BLOCKS)
    table = np.column_stack(blocks)
    if np.all(table == table[:, :1]):
        return undefined(FRIEDMAN, Why.NO_BLOCK_DIFFERS)
    result = stats.friedmanchisquare(*blocks)
    return HypothesisTest(FRIEDMAN, float(result.statistic), float(result.pvalue), (float(len(blocks) - 1),))


def kendalls_w(chi_square: float, n_blocks: int, n_treatments: int) -> float:
    """Agreement of the blocks about the order of the treatments, 0 to 1 (Kendall and Smith, 1939)."""
    return chi_square / (n_blocks * (n_treatments - 1))


def kruskal_wallis(groups: Sequence[Sample]) -> HypothesisTest:
    """Kruskal and Wallis' (1952) H, corrected for ties."""
    why = _unusable(groups)
    if why:
        return undefined(KRUSKAL_WALLIS, why)
    if is_constant(np.concatenate(groups)):
        return undefined(KRUSKAL_WALLIS, Why.ALL_EQUAL)
    result = stats.kruskal(*groups)
    return HypothesisTest(KRUSKAL_WALLIS, float(result.statistic), float(result.pvalue), (float(len(groups) - 1),))


def welch_anova(groups: Sequence[Sample]) -> HypothesisTest:
    """Welch's (1951) analysis of variance without equal variances."""
    why = _unusable(groups)
    if why:
        return undefined(WELCH_ANOVA, why)
    if any(is_constant(group) for group in groups):
        return undefined(WELCH_ANOVA, Why.ONE_IS_CONSTANT)
    result = stats.f_oneway(*groups, equal_var=False)
    return HypothesisTest(WELCH_ANOVA, float(result.statistic), float(result.pvalue), _welch_df(groups))


def brown_forsythe(groups: Sequence[Sample]) -> HypothesisTest:
    """Brown and Forsythe's (1974) test: Levene's, with the distances from each treatment's median."""
    why = _unusable(groups)
    if why:
        return undefined(BROWN_FORSYTHE, why)
    distances = [np.abs(group - np.median(group)) for group in groups]
    if all(is_constant(distance) for distance in distances):
        return undefined(BROWN_FORSYTHE, Why.EQUAL_DISTANCES)
    result = stats.levene(*groups, center="median")
    df = (float(len(groups) - 1), float(sum(group.size for group in groups) - len(groups)))
    return HypothesisTest(BROWN_FORSYTHE, float(result.statistic), float(result.pvalue), df)


def _choose(groups: Sequence[Sample], blocks: Sequence[Sample]) -> tuple[HypothesisTest, str | None, float | None]:
    blocked = friedman(blocks)
    if blocked.statistic is not None:
        return blocked, "Kendall's W", kendalls_w(blocked.statistic, blocks[0].size, len(blocks))
    if all(passes(shapiro_wilk(group)) for group in groups) and len(groups) > 1:
        return welch_anova(groups), None, None
    test = kruskal_wallis(groups)
    if test.statistic is None:
        return test, None, None
    return test, "epsilon squared", test.statistic / (sum(group.size for group in groups) - 1)


def _unusable(groups: Sequence[Sample]) -> Why | None:
    if len(groups) < 2:
        return Why.ONE_TREATMENT
    return Why.TOO_FEW if min(group.size for group in groups) < 2 else None


def _welch_df(groups: Sequence[Sample]) -> tuple[float, float]:
    weights = np.array([group.size / group.var(ddof=1) for group in groups])
    sizes = np.array([group.size for group in groups])
    k = len(groups)
    lack = float(np.sum((1 - weights / weights.sum()) ** 2 / (sizes - 1)))
    return float(k - 1), (k**2 - 1) / (3 * lack)
