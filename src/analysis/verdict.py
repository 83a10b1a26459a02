"""One word for each pair, and whether it matters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from src.analysis.equivalence import Equivalence
from src.analysis.values import HypothesisTest, Interval
from src.report.wording import p_phrase

Word = Literal["less", "more", "practically the same", "no difference shown", "not testable"]
Relevance = Literal["relevant", "not relevant", "undecided"]


@dataclass(frozen=True)
class Verdict:
    """What may be said about `second` beside `first`: "second spends less than first", and so on.

    A difference that is shown but shown to be smaller than one that matters is "practically the same"
    (Lakens, 2017), with `significant` True. `relevance` is "relevant" where the whole interval of the
    difference lies beyond the smallest one that matters, "not relevant" where equivalence is shown, else
    "undecided"; None if nothing was tested.
    """

    word: Word
    significant: bool | None
    relevance: Relevance | None
    reason: str


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
        also = ", though the difference is significant" if significant else ""
        return Verdict(
            "practically the same", significant, "not relevant",
            f"a difference of {relevant_percent:g} % is ruled out ({p_phrase(equivalence.test.p_holm, alpha)}){also}",
        )  # fmt: skip
    if significant is None:
        return Verdict("not testable", None, None, test.reason or "the test is not defined for these values")
    relevance = _relevance(percent_interval, relevant_percent)
    shown = f"{test.name}, Holm-corrected {p_phrase(test.p_holm, alpha)}"
    if not significant or direction == 0:
        return Verdict("no difference shown", significant, "undecided", f"{shown}; equivalence is not shown either")
    return Verdict("more" if direction > 0 else "less", True, relevance, shown)


def _relevance(interval: Interval | None, relevant_percent: float) -> Relevance:
    if interval is None:
        return "undecided"
    beyond = interval.low > relevant_percent or interval.high < -relevant_percent
    return "relevant" if beyond else "undecided"
