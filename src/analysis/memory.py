"""How sure a mean is whose values come one after the other and may remember: Student's t, averaged over memories.

Runs that follow each other resemble each other (temperature, clock, memory layout), and then n of them tell less than n
independent ones; but five or ten values cannot show how much they remember. So no single memory is assumed. Each
candidate gives a variance of the mean, the data weigh the candidates by their restricted likelihood (Patterson and
Thompson, 1971), and tails are the weighted means of Student's tails (a mixture, as in Bayesian model averaging: Hoeting
et al., 1999). The candidates were chosen by simulation: benchmarks/error_rates.py, docs/results/statistics.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from scipy import special

from src.analysis.values import Sample

RHOS = (0.3, 0.6, 0.9)
"""Correlations of one value with the next one's, in the part of the values that remembers."""
SHARES = (1.0, 0.5)
"""Which part of the variance remembers."""
NO_MEMORY = 0.5
"""How likely it is beforehand that there is none; the other candidates share the rest."""
MOST = 300
"""More values than this are averaged with their neighbours first, which leaves the variance of the mean as it is."""
BISECTIONS = 45


@dataclass(frozen=True)
class Spread:
    """What is known of the error of means: `scales` and `weights` (..., candidates), and Student's `df`."""

    scales: Sample
    weights: Sample
    df: float

    def tail(self, distance: Sample) -> Sample:
        """P(error beyond +-distance), both sides together, for distances (...)."""
        within = self.df * np.square(self.scales)
        whole = within + np.square(distance)[..., None]
        # Without an error nothing lies beyond 0 but 0 itself.
        share = np.divide(within, whole, out=np.ones_like(whole), where=whole > 0)
        tails = special.betainc(self.df / 2, 0.5, share)
        total: Sample = (self.weights * tails).sum(-1)
        return total

    def half_width(self, alpha: float | Sample, bisections: int = BISECTIONS) -> Sample:
        """Half of the interval that leaves `alpha` outside, found by bisection; fewer of them end above it."""
        low = np.zeros(self.scales.shape[:-1])
        high = self.scales.max(-1) * special.stdtrit(self.df, 1 - np.asarray(alpha) / 2) * 1.001
        for _ in range(bisections):
            middle = (low + high) / 2
            outside = self.tail(middle) > alpha
            low, high = np.where(outside, middle, low), np.where(outside, high, middle)
        return np.asarray(high)

    def of(self, chosen: npt.NDArray[np.bool_]) -> Spread:
        """That of the chosen means only, for one axis of means."""
        return Spread(self.scales[chosen], self.weights[chosen], self.df)

    @property
    def memory(self) -> Sample:
        """How likely it is, after the data, that the values remember; 1 - NO_MEMORY beforehand."""
        return 1 - self.weights[..., 0]

    @property
    def variance(self) -> Sample:
        """Of the mean, over all candidates."""
        total: Sample = (self.weights * self.scales**2).sum(-1)
        return total

    @property
    def inflation(self) -> Sample:
        """The variance of the mean beside that of independent values."""
        squares = self.scales**2
        with np.errstate(invalid="ignore", divide="ignore"):
            found = (self.weights * squares).sum(-1) / squares[..., 0]
        return np.where(squares[..., 0] > 0, found, 1.0)


def spread_of(terms: Sample, kept: int | None = None) -> Spread:
    """The error of the mean of `terms` (..., n), n > 1, in the order they were measured.

    With `kept`, the terms are those of a trimmed mean of so many values (Tukey and McLaughlin, 1963).
    """
    n = terms.shape[-1]
    if n > MOST:
        terms = neighbours(terms)
        kept = None if kept is None else round(kept * terms.shape[-1] / n)
        n = terms.shape[-1]
    kept = n if kept is None else kept
    found = _candidates(n)
    centred = terms - terms.mean(-1, keepdims=True)
    whitened = np.einsum("gij,...j->...gi", found.inverse, centred)
    squares = (whitened * centred[..., None, :]).sum(-1) - whitened.sum(-1) ** 2 / found.information
    squares = np.maximum(squares, np.finfo(float).tiny)
    likelihood = found.constant - (n - 1) / 2 * np.log(squares)
    weights = np.exp(likelihood - likelihood.max(-1, keepdims=True))
    shrink = n * (n - 1) / (kept * (kept - 1))
    scales = np.sqrt(squares / (n - 1) * found.of_mean * shrink)
    return Spread(scales, weights / weights.sum(-1, keepdims=True), kept - 1)


def neighbours(terms: Sample) -> Sample:
    """Means of as few neighbours as bring `terms` (..., n) down to MOST; those that fill no mean are left out."""
    size = -(-terms.shape[-1] // MOST)
    groups = terms.shape[-1] // size
    means: Sample = terms[..., : size * groups].reshape(*terms.shape[:-1], groups, size).mean(-1)
    return means


@dataclass(frozen=True)
class _Candidates:
    """For each candidate: inverse correlation (g, n, n), 1'R^-1 1, the likelihood's constant, variance of the mean."""

    inverse: Sample
    information: Sample
    constant: Sample
    of_mean: Sample


@lru_cache(maxsize=64)
def _candidates(n: int) -> _Candidates:
    lag = np.abs(np.subtract.outer(np.arange(n), np.arange(n)))
    own = np.eye(n)
    remembering = [share * rho**lag + (1 - share) * own for rho in RHOS for share in SHARES]
    correlation = np.array([own, *remembering])
    prior = np.array([NO_MEMORY] + [(1 - NO_MEMORY) / len(remembering)] * len(remembering))
    inverse = np.array([own, *np.linalg.inv(correlation[1:])])
    information = inverse.sum((1, 2))
    constant = np.log(prior) - (np.linalg.slogdet(correlation)[1] + np.log(information)) / 2
    return _Candidates(inverse, information, constant, correlation.sum((1, 2)) / n**2)
