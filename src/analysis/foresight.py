"""Before a study, or after it: how small a difference so many blocks show, and how many blocks show one."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from scipy import special

from src.analysis.hypothesis_tests import SMALLEST
from src.analysis.memory import MOST, spread_of
from src.analysis.values import Sample

COURSES = 400
ROUGHLY = 10
"""After so many bisections most courses are known to be far from the quantile, so that theirs end here."""
SEED = 2013
STEPS = (5, 6, 7, 8, 10, 12, 15, 20, 25, 30, 40, 50, 70, 100, 150, 200, MOST)
MOST_BLOCKS = 100_000


def shown_percent(sd: float, n: int, level: float, target: float) -> float:
    """The smallest difference, in percent, that `n` blocks show at `level` with the probability `target`.

    `sd` is that of the blocks' terms on the log scale; their course is taken to remember nothing.
    """
    return 100 * math.expm1(min(sd * _reach(n, level, target), 100.0))


def least_runs(pairs: int, alpha: float) -> int:
    """Of how many runs each the published rule can show a difference at all, the first of `pairs` in Holm's order.

    From SMALLEST on samples may pass Shapiro and Wilk's test, and Welch's t reaches any level. Below, the ranks decide,
    whose smallest p is that of two samples without any overlap (Mann and Whitney, 1947).
    """
    return next(n for n in range(2, SMALLEST + 1) if n == SMALLEST or pairs * least_p(n) < alpha)


def least_p(n: int) -> float:
    """The smallest two-sided p of Mann and Whitney's test of n runs each."""
    return 2 / math.comb(2 * n, n)


def least_reach(n: int, level: float) -> float:
    """The smallest difference that `n` blocks show at `level`, in standard deviations of their terms; memory adds."""
    return float(special.stdtrit(n - 1, 1 - level / 2)) / math.sqrt(n)


def needed(sd: float, margin: float, level: float, target: float) -> int | None:
    """About how many blocks (one of STEPS, or more) show `margin` on the log scale; None for more than MOST_BLOCKS."""
    found = next((n for n in STEPS if sd * _reach(n, level, target) <= margin), None)
    if found:
        return found
    many = math.ceil(MOST * (sd * _reach(MOST, level, target) / margin) ** 2)
    return many if many <= MOST_BLOCKS else None


def blocks_of_a_sweep(of_sweeps: float, of_blocks: float, sweep_s: float, block_s: float) -> int:
    """How many blocks make the most of the time a sweep takes (Kalibera and Jones, 2013, sec. 6.4).

    `of_sweeps` and `of_blocks` are the standard deviations from sweep to sweep and from block to block, `sweep_s` is
    what a sweep takes without its blocks. MOST where sweeps do not move, so that a new one tells nothing new.
    """
    if of_sweeps <= 0:
        return MOST
    return min(MOST, max(1, math.ceil(math.sqrt(sweep_s / block_s) * of_blocks / of_sweeps)))


def shown_by_sweeps_percent(
    of_sweeps: float, of_blocks: float, sweeps: int, blocks: int, level: float, target: float
) -> float:
    """As `shown_percent`, for several sweeps of so many blocks each, compared as sweeps (Student's t between them)."""
    sd = math.sqrt((of_sweeps**2 + of_blocks**2 / blocks) / sweeps)
    reach = special.stdtrit(sweeps - 1, 1 - level / 2) + special.stdtrit(sweeps - 1, target)
    return 100 * math.expm1(min(sd * float(reach), 100.0))


def _reach(n: int, level: float, target: float) -> float:
    """The difference that is shown, in standard deviations of a block."""
    return _reach_of_courses(min(n, MOST), level, target) * math.sqrt(min(n, MOST) / n)


@lru_cache(maxsize=1024)
def _reach_of_courses(n: int, level: float, target: float) -> float:
    """What must be added to the share `target` of courses of n independent values for their interval to leave out 0."""
    courses = np.random.default_rng([SEED, n]).standard_normal((COURSES, n))
    spread, means = spread_of(courses), courses.mean(-1)
    short = spread.half_width(level, ROUGHLY) - means
    unsure = _around_quantile(short - spread.half_width(level, 0) / 2 ** (ROUGHLY - 1), short, target)
    short[unsure] = spread.of(unsure).half_width(level) - means[unsure]
    return float(np.quantile(short, target))


def _around_quantile(lowest: Sample, highest: Sample, target: float) -> npt.NDArray[np.bool_]:
    """Which of the values between `lowest` and `highest` (n,) may be one of the two that the quantile lies between."""
    below = math.floor(target * (lowest.size - 1))
    above = min(below + 1, lowest.size - 1)
    truths: npt.NDArray[np.bool_] = (highest >= np.sort(lowest)[below]) & (lowest <= np.sort(highest)[above])
    return truths
