"""What the blocks say of a pair: by how much does `second` take more, is it shown, is it too little to matter?

One interval decides everything said of a ratio: it differs where the interval leaves out 1, is practically the same
where the interval lies inside the margin, and is relevant where it lies beyond. The intervals of all pairs hold
together (Bonferroni), so all these claims err in at most `alpha` of studies, and no sentence contradicts the interval
beside it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from src.analysis.machines import Heterogeneity
from src.analysis.memory import Spread
from src.analysis.ratios import as_percent
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


_ARRAYS = ("scales", "weights")


def ratio(estimate: Sample, spread: Spread, margin: float, alpha: float, pairs: int) -> Ratio:
    """Of one estimate on the log scale."""
    return ratios([(estimate, spread)], margin, alpha, pairs)[0]


def _ratio_of(found: Claims, estimates: Sample, row: int, alpha: float) -> Ratio:
    centre, half = float(estimates[row]), float(found.half_width[row])
    interval = Interval(as_percent(centre - half), as_percent(centre + half), 1 - alpha, METHOD)
    return Ratio(
        as_percent(centre),
        interval,
        bool(found.differs[row]),
        bool(found.same[row]),
        bool(found.relevant[row]),
        float(found.p_differs[row]),
        float(found.p_same[row]),
        float(found.p_relevant[row]),
    )


def exact_ratio(estimate: float, p: float, margin: float, alpha: float) -> Ratio:
    """Of blocks that all say the same: `p` < alpha is that of so many equal signs."""
    percent = as_percent(estimate)
    differs, same = abs(estimate) > ROUNDING, abs(estimate) < margin
    only = Interval(percent, percent, 1 - alpha, "all blocks have the same ratio")
    return Ratio(percent, only, differs, same, not same, p if differs else 1.0, p if same else 1.0, 1.0 if same else p)


def ratios(found: Sequence[tuple[Sample, Spread]], margin: float, alpha: float, pairs: int) -> list[Ratio]:
    """Of many estimates at once, as fast as of one where their errors are of one kind."""
    kinds: dict[tuple[float, int], list[int]] = {}
    for place, (_, spread) in enumerate(found):
        kinds.setdefault((spread.df, spread.scales.shape[-1]), []).append(place)
    made: dict[int, Ratio] = {}
    for (df, _), places in kinds.items():
        scales, weights = (np.stack([getattr(found[place][1], name) for place in places]) for name in _ARRAYS)
        estimates, spread = np.array([float(found[place][0]) for place in places]), Spread(scales, weights, df)
        said = claims(estimates, spread, margin, alpha, pairs)
        made |= {place: _ratio_of(said, estimates, row, alpha) for row, place in enumerate(places)}
    return [made[place] for place in range(len(found))]


Unit = Literal["blocks", "sweeps", "runs", "machines"]
Shown = Literal["more", "less", "practically the same", "open"]


@dataclass(frozen=True)
class OnMachine:
    """What one of several machines says of a pair: its intervals hold for all pairs on all machines at once.

    `unit` and `n` say from what, as in a Decision. `bill` and `usual` are None where a single block tells no spread.
    """

    machine: str
    unit: Unit
    n: int
    percent: float
    bill: Ratio | None
    usual: Ratio | None

    @property
    def shown(self) -> Shown:
        """What the machine alone shows of `second` beside `first`, on the bill."""
        if self.bill is None or not (self.bill.same or self.bill.differs):
            return "open"
        if self.bill.same:
            return "practically the same"
        return "more" if self.bill.percent > 0 else "less"


@dataclass(frozen=True)
class Decision:
    """What may be said of a pair, and from what.

    `unit` is what was compared: the blocks that hold both, sweeps where there are several, machines where several
    measured both, or runs that share no blocks. `n` counts them (`runs`: of the treatment that has fewer); `left_out`
    are blocks that hold only one of both. `bill` compares means and `usual` usual runs; `duration` and `power` split
    the bill. `memory` is how likely it is that runs resemble the ones before, and `effective_n` how many independent
    blocks theirs come to. `sweep_percent` is how much the ratio moves from sweep to sweep, or from machine to machine
    (standard deviation), `run_percent` from block to block. `shown_percent` is the smallest difference that as many
    again would show with the probability `analysis.target_power`, and `needed` how many would show the smallest one
    that matters. Of several machines, `machines` says what each shows, `heterogeneity` whether they agree, and
    `prediction` where a next one's ratio of means lies (percent). Without a comparison, `untested` says why.
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
    machines: tuple[OnMachine, ...] = ()
    heterogeneity: Heterogeneity | None = None
    prediction: Interval | None = None
    untested: Reason | None = None

    @property
    def agrees(self) -> bool:
        """Whether bill and usual run say the same: both differ the same way, or are the same, or leave it open."""
        if self.bill is None or self.usual is None:
            return True
        return _said(self.bill) == _said(self.usual)

    def shown_on(self, word: Shown) -> int:
        """On how many machines their own blocks show it."""
        return sum(machine.shown == word for machine in self.machines)

    @property
    def on_each(self) -> Shown | None:
        """What every machine shows alike, None where they do not."""
        words = {machine.shown for machine in self.machines}
        return words.pop() if len(words) == 1 else None

    @property
    def disagree(self) -> bool:
        """Whether some machines show that `second` takes more, and others that it takes less."""
        return bool(self.shown_on("more") and self.shown_on("less"))


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
