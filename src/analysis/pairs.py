"""Every pair of treatments in one metric: is there a difference, how large is it, does it matter?"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from src.analysis.blocks import Material, decide
from src.analysis.bootstrap import percentile_interval
from src.analysis.decision import Decision, judge_by_blocks
from src.analysis.effect_sizes import (
    EffectSize,
    cliffs_delta,
    hedges_g,
    probability_of_superiority,
)
from src.analysis.hypothesis_tests import (
    WELCH,
    HypothesisTest,
    PairedComparison,
    compare_blocks,
    holm,
    published_test,
)
from src.analysis.sample_size import Power, power_for
from src.analysis.settings import BLOCKS, AnalysisConfig
from src.analysis.table import complete_blocks
from src.analysis.values import Interval, Reason, Sample, Why, is_constant
from src.analysis.verdict import Equivalence, Verdict, judge, two_one_sided_tests
from src.contract.metrics import Metric

UNTESTED = Verdict("not testable", None, None)


MOST_COMPARED = 30
"""Of more treatments not every pair is compared: 200 of them would be 19 900 pairs in every metric."""


@dataclass(frozen=True)
class MedianDifference:
    """Median of second minus median of first, in the metric's unit and in percent of the first's size."""

    value: float | None
    interval: Interval | None
    percent: float | None
    percent_interval: Interval | None


@dataclass(frozen=True)
class Pair:
    """`second` beside `first` in one metric; every difference is second minus first.

    The family of Holm's correction is all pairs of the metric: one for `test` (the published rule), one for
    the `paired` test, one for `equivalence`. `published` is what these say, `decision` what the blocks do, and
    `verdict` the one of them that `analysis.decision` names; `percent` and its interval are what that rests on.
    """

    metric: str
    unit: str
    first: str
    second: str
    n_first: int
    n_second: int
    difference: MedianDifference
    test: HypothesisTest
    paired: PairedComparison
    hedges_g: EffectSize
    cliffs_delta: EffectSize
    superiority: EffectSize
    equivalence: Equivalence
    power: Power
    published: Verdict
    decision: Decision
    verdict: Verdict
    percent: float | None = None
    percent_interval: Interval | None = None


def compare_pairs(
    metric: Metric,
    treatments: Sequence[str],
    samples: Mapping[str, Sample],
    replicates: Mapping[str, Sample],
    known: Material,
    config: AnalysisConfig,
) -> list[Pair]:
    """All pairs of `treatments` in that order; `known` are the metric's runs as `material` has them.

    Of more than MOST_COMPARED only those with the first, as if all had been compared: it was chosen by its runs.
    """
    names = list(itertools.combinations(treatments, 2))
    compared = names if len(treatments) <= MOST_COMPARED else names[: len(treatments) - 1]
    pairs = [
        _compare(metric, names_of_pair, samples, replicates, known, config, pairs=len(names))
        for names_of_pair in compared
    ]
    corrected = _corrected(pairs, config.alpha, len(names) - len(compared))
    return [_judged(pair, samples, config) for pair in corrected]


def without_verdict(pair: Pair) -> Pair:
    """The same pair where its numbers were estimated, so that nothing may be decided by them."""
    nothing = Verdict("not testable", None, None, Reason(Why.ESTIMATED))
    unknown = Decision(untested=nothing.untested)
    return replace(pair, published=nothing, decision=unknown, verdict=nothing, percent_interval=None)


def without_machines(pair: Pair) -> Pair:
    """The same pair without what each of several machines says: of a hundred that is told of one metric only."""
    return replace(pair, decision=replace(pair.decision, machines=()))


def median_difference(
    first: Sample, second: Sample, of_first: Sample, of_second: Sample, confidence: float
) -> MedianDifference:
    """Difference of the medians, with percentile intervals from the medians of independent resamples."""
    if not first.size or not second.size:
        return MedianDifference(None, None, None, None)
    base = float(np.median(first))
    value = float(np.median(second)) - base
    percent = 100 * value / abs(base) if base else None
    interval = percent_interval = None
    if of_first.size and of_second.size:
        gaps = of_second - of_first
        interval = percentile_interval(gaps, confidence)
        if np.all(of_first != 0):
            percent_interval = percentile_interval(100 * gaps / np.abs(of_first), confidence)
    return MedianDifference(value, interval, percent, percent_interval)


def _compare(
    metric: Metric,
    names: tuple[str, str],
    samples: Mapping[str, Sample],
    replicates: Mapping[str, Sample],
    known: Material,
    config: AnalysisConfig,
    pairs: int,
) -> Pair:
    first, second = (samples[name] for name in names)
    confidence = 1 - config.alpha
    test = published_test(first, second)
    margin = relevant_margin(first, test, config.relevant_percent)
    delta = cliffs_delta(first, second, confidence)
    return Pair(
        metric=metric.name,
        unit=metric.unit,
        first=names[0],
        second=names[1],
        n_first=int(first.size),
        n_second=int(second.size),
        difference=median_difference(first, second, replicates[names[0]], replicates[names[1]], confidence),
        test=test,
        paired=compare_blocks(*complete_blocks(known.table, list(names))),
        hedges_g=hedges_g(first, second, confidence),
        cliffs_delta=delta,
        superiority=probability_of_superiority(delta),
        equivalence=two_one_sided_tests(first, second, margin, config.relevant_percent, test.name),
        power=power_for(first, second, margin, config.alpha / pairs, config.target_power, test.name),
        published=UNTESTED,
        decision=decide(*names, known, pairs, config),
        verdict=UNTESTED,
    )


def relevant_margin(first: Sample, test: HypothesisTest, relevant_percent: float) -> float:
    """The smallest difference that matters: a share of the first's mean (t-test) or median (rank test)."""
    if not first.size:
        return 0.0
    location = first.mean() if test.name == WELCH else np.median(first)
    return abs(float(location)) * relevant_percent / 100


def _corrected(pairs: Sequence[Pair], alpha: float, others: int) -> list[Pair]:
    tests = holm([pair.test for pair in pairs], others)
    paired = holm([pair.paired.test for pair in pairs], others)
    equivalences = holm([pair.equivalence.test for pair in pairs], others)
    return [
        replace(
            pair,
            test=test,
            paired=pair.paired.with_test(paired_test),
            equivalence=pair.equivalence.decided(equivalence, alpha),
        )
        for pair, test, paired_test, equivalence in zip(pairs, tests, paired, equivalences, strict=True)
    ]


def _judged(pair: Pair, samples: Mapping[str, Sample], config: AnalysisConfig) -> Pair:
    first, second = samples[pair.first], samples[pair.second]
    verdict = judge(
        pair.test,
        _direction(pair, first, second),
        pair.equivalence,
        pair.difference.percent_interval,
        config.alpha,
        config.relevant_percent,
    )
    if pair.decision.unit == "machines":  # the published rule would take what lies between them for the runs' spread
        verdict = Verdict("not testable", None, None, Reason(Why.SEVERAL_MACHINES))
    gap, decides = pair.difference, pair.decision.bill
    percent, interval = gap.percent, gap.percent_interval
    if config.decision != BLOCKS:
        return replace(pair, published=verdict, verdict=verdict, percent=percent, percent_interval=interval)
    percent, interval = (decides.percent, decides.interval) if decides else (_of_means(first, second), None)
    by_blocks = judge_by_blocks(pair.decision)
    return replace(pair, published=verdict, verdict=by_blocks, percent=percent, percent_interval=interval)


def _of_means(first: Sample, second: Sample) -> float | None:
    """Difference of the means in percent of the first's size."""
    if not (first.size and second.size and first.mean()):
        return None
    return float(100 * (second.mean() - first.mean()) / abs(first.mean()))


def _direction(pair: Pair, first: Sample, second: Sample) -> float:
    """Which way the test that decides has found the difference: by means, or by ranks."""
    if pair.test.name == WELCH and not (is_constant(first) and is_constant(second)):
        return float(second.mean() - first.mean())
    return pair.cliffs_delta.value or 0.0
