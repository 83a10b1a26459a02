"""One word for a pair, from the test, the direction, equivalence and the interval."""

import pytest

from src.analysis.hypothesis_tests import HypothesisTest
from src.analysis.values import Interval, Reason, Why
from src.analysis.verdict import Equivalence, judge

APART, NEAR = Interval(6, 9, 0.95, ""), Interval(2, 9, 0.95, "")


@pytest.mark.parametrize(
    ("p_holm", "direction", "equivalent", "interval", "word", "relevance"),
    [
        pytest.param(0.01, 1.0, False, APART, "more", "relevant", id="more and it matters"),
        pytest.param(0.01, 1.0, False, NEAR, "more", "undecided", id="more, perhaps too little to matter"),
        pytest.param(0.01, -1.0, False, Interval(-9, -6, 0.95, ""), "less", "relevant", id="less"),
        pytest.param(0.01, -1.0, False, None, "less", "undecided", id="less, no interval"),
        pytest.param(0.01, 1.0, True, NEAR, "practically the same", "not relevant", id="significant but small"),
        pytest.param(0.5, 1.0, True, NEAR, "practically the same", "not relevant", id="equivalent"),
        pytest.param(None, 0.0, True, None, "practically the same", "not relevant", id="equal constants"),
        pytest.param(0.5, 1.0, False, NEAR, "no difference shown", "undecided", id="neither shown"),
        pytest.param(0.5, 1.0, None, NEAR, "no difference shown", "undecided", id="equivalence not testable"),
        pytest.param(0.05, 1.0, False, NEAR, "no difference shown", "undecided", id="p equals alpha"),
        pytest.param(None, 0.0, None, None, "not testable", None, id="nothing to test"),
    ],
)
def test_verdict(
    p_holm: float | None, direction: float, equivalent: bool | None, interval: Interval | None, word: str,
    relevance: str | None,
) -> None:  # fmt: skip
    reason = Reason(Why.ALL_EQUAL) if p_holm is None else None
    test = HypothesisTest("t", p_value=p_holm, p_holm=p_holm, reason=reason)
    tost = Equivalence(5, 5, 0.0, 0.0, HypothesisTest("TOST", p_value=0.01, p_holm=0.01), equivalent)
    verdict = judge(test, direction, tost, interval, alpha=0.05, relevant_percent=5)
    assert (verdict.word, verdict.relevance) == (word, relevance)
    assert verdict.significant == (None if p_holm is None else p_holm < 0.05)
    assert verdict.untested == (reason if word == "not testable" else None)
