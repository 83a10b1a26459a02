"""Two one-sided tests: is a difference as large as one that matters ruled out on both sides?"""

from __future__ import annotations

from dataclasses import dataclass, replace

from src.analysis.two_samples import WELCH, mann_whitney_u, welch_t
from src.analysis.values import HypothesisTest, Sample, undefined


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
        no_margin = undefined(name, "the first treatment's location is 0, or missing, and has no share")
        return Equivalence(None, margin_percent, None, None, no_margin)
    run = welch_t if test_name == WELCH else mann_whitney_u
    above = run(first, second, -margin, "greater")
    below = run(first, second, margin, "less")
    if above.p_value is None or below.p_value is None:
        untested = undefined(name, above.reason or below.reason or "not defined")
        return Equivalence(margin, margin_percent, None, None, untested)
    worse = above if above.p_value >= below.p_value else below
    test = HypothesisTest(name, worse.statistic, worse.p_value, worse.degrees_of_freedom)
    return Equivalence(margin, margin_percent, above.p_value, below.p_value, test)
