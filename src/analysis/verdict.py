"""Is a difference as large as one that matters ruled out, and so: one word for each pair."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from src.analysis.hypothesis_tests import WELCH, HypothesisTest, mann_whitney_u, undefined, welch_t
from src.analysis.values import Interval, Reason, Sample, Why

Word = Literal["less", "more", "practically the same", "no difference shown", "not testable"]
Relevance = Literal["relevant", "not relevant", "undecided"]


@dataclass(frozen=True)
class Equivalence:
    """TOST against +-`margin` (metric's unit): `relevant_percent` of the first treatment's mean or median.

    `test.p_value` is the greater of the two; `equivalent` is decided on the Holm-corrected one.
    """

    margin: float | None
    margin_percent: float
    p_lower: float | None
    p_upper: float | None
    test: HypothesisTest
    equivalent: bool | None = None

    def decided(self, test: HypothesisTest, alpha: float) -> Equivalence:
        """The same after correction over the family of pairs."""
        return replace(self, test=test, equivalent=None if test.p_holm is None else test.p_holm < alpha)


def two_one_sided_tests(
    first: Sample, second: Sample, margin: float | None, margin_percent: float, test_name: str
) -> Equivalence:
    """Schuirmann's (1987) TOST with the test that compares the pair: Welch's t, else Mann-Whitney's shift.

    The margin is taken as given, though it is a share of the first sample's own location.
    """
    name = f"TOST, {test_name}"
    if not margin:
        return Equivalence(None, margin_percent, None, None, undefined(name, Why.NO_MARGIN))
    run = welch_t if test_name == WELCH else mann_whitney_u
    above = run(first, second, -margin, "greater")
    below = run(first, second, margin, "less")
    if above.p_value is None or below.p_value is None:
        untested = HypothesisTest(name, reason=above.reason or below.reason)
        return Equivalence(margin, margin_percent, None, None, untested)
    worse = above if above.p_value >= below.p_value else below
    test = HypothesisTest(name, worse.statistic, worse.p_value, worse.degrees_of_freedom)
    return Equivalence(margin, margin_percent, above.p_value, below.p_value, test)


@dataclass(frozen=True)
class Verdict:
    """What may be said about `second` beside `first`: "second spends less than first", and so on.

    A difference that is shown but shown to be smaller than one that matters is "practically the same"
    (Lakens, 2017), with `significant` True. `relevance` is "relevant" where the whole interval of the
    difference lies beyond the smallest one that matters, "not relevant" where equivalence is shown, else
    "undecided"; None if nothing was tested, and `untested` says why.
    """

    word: Word
    significant: bool | None
    relevance: Relevance | None
    untested: Reason | None = None


def judge(
    test: HypothesisTest,
    direction: float,
    equivalence: Equivalence,
    percent_interval: Interval | None,
    alpha: float,
    relevant_percent: float,
) -> Verdict:
    """The verdict from the Holm-corrected test, the sign of `direction`, and TOST."""
    significant = None if test.p_holm is None else test.p_holm < alpha
    if equivalence.equivalent:
        return Verdict("practically the same", significant, "not relevant")
    if significant is None:
        return Verdict("not testable", None, None, test.reason)
    if not significant or direction == 0:
        return Verdict("no difference shown", significant, "undecided")
    return Verdict("more" if direction > 0 else "less", True, _relevance(percent_interval, relevant_percent))


def _relevance(interval: Interval | None, relevant_percent: float) -> Relevance:
    if interval is None:
        return "undecided"
    beyond = interval.low > relevant_percent or interval.high < -relevant_percent
    return "relevant" if beyond else "undecided"
