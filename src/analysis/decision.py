"""What the blocks say of a pair: by how much does `second` take more, is it shown, is it too little to matter?

One interval decides everything said of a ratio: it differs where the interval leaves out 1, is practically the same
where the interval lies inside the margin, and is relevant where it lies beyond. The intervals of all pairs hold
together (Bonferroni), so all these claims err in at most `alpha` of studies, and no sentence contradicts the interval
beside it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from src.analysis.memory import Spread
from src.analysis.values import ROUNDING, Interval, Reason, Sample
from src.analysis.verdict import Verdict

METHOD = "t of blocks, allowing for memory, for all pairs at once"
Truths = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Claims:
    """What may be claimed of estimates (...), each array of that shape; p-values are corrected for all pairs."""

    p_differs: Sample
    p_same: Sample
    p_relevant: Sample
    half_width: Sample
    differs: Truths
    same: Truths
    relevant: Truths


def claims(estimate: Sample, spread: Spread, margin: float, alpha: float, pairs: int) -> Claims:
    """From estimates on the log scale and their errors; `pairs` is how many claims must hold at once."""
    distance = np.abs(estimate)
    inside, beyond = margin - distance, distance - margin
    p_differs = pairs * spread.tail(distance)
    p_same = np.where(inside > 0, pairs * spread.tail(np.abs(inside)), 1.0)
    p_relevant = np.where(beyond > 0, pairs * spread.tail(np.abs(beyond)), 1.0)
    return Claims(
        np.minimum(p_differs, 1),
        np.minimum(p_same, 1),
        np.minimum(p_relevant, 1),
        spread.half_width(alpha / pairs),
        p_differs < alpha,
        p_same < alpha,
        p_relevant < alpha,
    )


@dataclass(frozen=True)
class Ratio:
    """By how many percent `second` takes more than `first`; the interval holds for all pairs at once.

    `differs`, `same` and `relevant` say what the interval shows, their p-values at which level it would.
    """

    percent: float
    interval: Interval
    differs: bool
    same: bool
    relevant: bool
    p_differs: float
    p_same: float
    p_relevant: float


def ratio(estimate: Sample, spread: Spread, margin: float, alpha: float, pairs: int) -> Ratio:
    """Of one estimate on the log scale."""
    found = claims(estimate, spread, margin, alpha, pairs)
    centre, half = float(estimate), float(found.half_width)
    interval = Interval(as_percent(centre - half), as_percent(centre + half), 1 - alpha, METHOD)
    return Ratio(
        as_percent(centre),
        interval,
        bool(found.differs),
        bool(found.same),
        bool(found.relevant),
        float(found.p_differs),
        float(found.p_same),
        float(found.p_relevant),
    )


def exact_ratio(estimate: float, p: float, margin: float, alpha: float) -> Ratio:
    """Of blocks that all say the same: `p` < alpha is that of so many equal signs."""
    percent = as_percent(estimate)
    differs, same = abs(estimate) > ROUNDING, abs(estimate) < margin
    only = Interval(percent, percent, 1 - alpha, "all blocks have the same ratio")
    return Ratio(percent, only, differs, same, not same, p if differs else 1.0, p if same else 1.0, 1.0 if same else p)


def as_percent(log_ratio: float) -> float:
    """100 (e^x - 1), infinite where a float cannot hold it."""
    return 100 * math.expm1(log_ratio) if log_ratio < math.log(np.finfo(float).max) - 5 else math.inf


Unit = Literal["blocks", "sweeps", "runs"]


@dataclass(frozen=True)
class Decision:
    """What may be said of a pair, and from what.

    `unit` is what was compared: the blocks that hold both, sweeps where there are several, or runs that share no
    blocks. `n` counts them (`runs`: of the treatment that has fewer); `left_out` are blocks that hold only one of both.
    `bill` compares means and `usual` usual runs; `duration` and `power` split the bill. `memory` is how likely it is
    that runs resemble the ones before, and `effective_n` how many independent blocks theirs come to. `sweep_percent`
    is how much the ratio moves from sweep to sweep (standard deviation), `run_percent` from block to block.
    `shown_percent` is the smallest difference that as many again would show with the probability
    `analysis.target_power`, and `needed` how many would show the smallest one that matters. Without a comparison,
    `untested` says why.
    """

    unit: Unit | None = None
    n: int = 0
    left_out: int = 0
    n_sweeps: int = 0
    bill: Ratio | None = None
    usual: Ratio | None = None
    duration: Ratio | None = None
    power: Ratio | None = None
    memory: float | None = None
    effective_n: float | None = None
    sweep_percent: float | None = None
    run_percent: float | None = None
    shown_percent: float | None = None
    needed: int | None = None
    untested: Reason | None = None

    @property
    def agrees(self) -> bool:
        """Whether bill and usual run say the same: both differ the same way, or are the same, or leave it open."""
        if self.bill is None or self.usual is None:
            return True
        return _said(self.bill) == _said(self.usual)


def judge_by_blocks(found: Decision) -> Verdict:
    """One word for a pair: what the bill shows; where it leaves it open, what the usual run shows.

    "practically the same" needs both.
    """
    if found.bill is None or found.usual is None:
        return Verdict("not testable", None, None, found.untested)
    significant = found.bill.differs or found.usual.differs
    if found.bill.same and found.usual.same:
        return Verdict("practically the same", significant, "not relevant")
    if not significant:
        return Verdict("no difference shown", False, "undecided")
    decides = found.bill if found.bill.differs else found.usual
    return Verdict("more" if decides.percent > 0 else "less", True, "relevant" if decides.relevant else "undecided")


def _said(found: Ratio) -> int | None:
    if found.same:
        return 0
    return (1 if found.percent > 0 else -1) if found.differs else None
