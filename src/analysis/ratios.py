"""How many times as much one treatment takes as another: what each block adds to the answer. Pure, vectorised.

Each estimate is the mean of one term a block, on the log scale: so block effects that both share cancel, estimates of
duration and power add up to that of the energy, and one margin serves both directions.
"""

from __future__ import annotations

import math

import numpy as np

from src.analysis.memory import Spread, spread_of
from src.analysis.values import Sample

TRIM = 0.2
"""The share of the blocks that is trimmed at each end for the usual run."""
TRIM_FROM = 8
"""Fewer blocks are not trimmed: three of five would tell less than five."""


def bill(first: Sample, second: Sample) -> tuple[Sample, Spread]:
    """log(mean(second) / mean(first)) of blocks (..., n), the ratio that many runs come to, and its error.

    Its terms are linear in the blocks (the delta method; Cochran, 1977, ch. 6).
    """
    estimate, terms = bill_terms(first, second)
    return estimate, spread_of(terms)


def bill_terms(first: Sample, second: Sample) -> tuple[Sample, Sample]:
    """The estimate (...) and its terms (..., n), whose mean is the estimate."""
    means = first.mean(-1, keepdims=True), second.mean(-1, keepdims=True)
    estimate = np.log(means[1] / means[0])
    return estimate[..., 0], estimate + second / means[1] - first / means[0]


def usual(first: Sample, second: Sample) -> tuple[Sample, Spread]:
    """The usual run: the 20 % trimmed mean of the blocks' log ratios (..., n), and its error (Yuen, 1974).

    The fifth of the blocks that is farthest at either end only counts as far: rare costly runs do not move it.
    """
    estimate, terms, kept = usual_terms(first, second)
    return estimate, spread_of(terms, kept)


def usual_terms(first: Sample, second: Sample) -> tuple[Sample, Sample, int]:
    """The estimate (...), the winsorised log ratios (..., n) that its error comes from, and how many were kept."""
    ratios = np.log(second / first)
    n = ratios.shape[-1]
    cut = math.floor(TRIM * n) if n >= TRIM_FROM else 0
    ordered = np.sort(ratios, -1)
    terms = np.clip(ratios, ordered[..., cut, None], ordered[..., n - 1 - cut, None])
    return ordered[..., cut : n - cut].mean(-1), terms, n - 2 * cut


def of_levels(estimates: Sample) -> tuple[Sample, Spread]:
    """The mean of the estimates of each sweep (..., sweeps), and Student's error between them.

    So a sweep counts once, however many blocks it has: what moves from sweep to sweep (boot, memory layout, weather) is
    in the error (Kalibera and Jones, 2013, sec. 6). Sweeps start anew, so they do not remember.
    """
    n = estimates.shape[-1]
    scale = estimates.std(-1, ddof=1) / math.sqrt(n)
    return estimates.mean(-1), Spread(scale[..., None], np.ones((*scale.shape, 1)), n - 1)


def bill_of_runs(first: Sample, second: Sample) -> tuple[Sample, Spread]:
    """`bill` of runs that share no blocks, (n,) and (m,) in the order they were measured (Welch, 1947)."""
    means = first.mean(), second.mean()
    return np.log(means[1] / means[0]), _apart((first / means[0], None), (second / means[1], None))


def usual_of_runs(first: Sample, second: Sample) -> tuple[Sample, Spread]:
    """`usual` of runs that share no blocks: the difference of trimmed means of logarithms (Yuen, 1974)."""
    estimates, parts = [], []
    for sample in (first, second):
        estimate, terms, kept = usual_terms(np.ones(sample.size), sample)
        estimates.append(estimate)
        parts.append((terms, kept))
    return estimates[1] - estimates[0], _apart(*parts)


def _apart(*parts: tuple[Sample, int | None]) -> Spread:
    """The error of a difference of two independent means, with Welch's degrees of freedom."""
    found = [spread_of(terms, kept) for terms, kept in parts]
    variances = [float(each.scales[0] ** 2 * each.inflation) for each in found]
    total = sum(variances)
    lack = sum(variance**2 / each.df for variance, each in zip(variances, found, strict=True))
    df = total**2 / lack if lack else float(sum(each.df for each in found))
    return Spread(np.array([math.sqrt(total)]), np.ones(1), df)


def log_margin(percent: float) -> float:
    """The smallest ratio that matters, on the log scale, where it is as far in either direction."""
    return math.log1p(percent / 100)


def as_percent(log_ratio: float) -> float:
    """100 (e^x - 1), infinite where a float cannot hold it."""
    return 100 * math.expm1(log_ratio) if log_ratio < math.log(np.finfo(float).max) - 5 else math.inf
