"""Bootstrap replicates of medians, and intervals from them.

A resample's median needs no resample: it is an order statistic of n uniform indices, and those follow a Beta
distribution, so 10 000 runs cost no more than ten.
"""

from __future__ import annotations

import zlib

import numpy as np

from src.analysis.values import Interval, Sample


def stream(seed: int, *names: str) -> np.random.Generator:
    """A generator of its own for each name, so that one more treatment changes no other's figures."""
    return np.random.default_rng([seed, *(zlib.crc32(name.encode()) for name in names)])


def median_replicates(values: Sample, samples: int, rng: np.random.Generator) -> Sample:
    """Medians of `samples` resamples of `values` (n,), shape (samples,), or empty where n < 2.

    The k-th smallest of n uniform numbers is Beta(k, n - k + 1) (David and Nagaraja, 2003, eq. 2.1.5); given
    it, the next one is the least of the n - k that remain above it.
    """
    ordered, n = np.sort(values), values.size
    if n < 2:
        return np.empty(0)
    k = (n + 1) // 2
    lower = rng.beta(k, n - k + 1, size=samples)
    at_lower = ordered[_index(lower, n)]
    if n % 2:
        return at_lower
    upper = lower + (1 - lower) * (1 - rng.random(samples) ** (1 / (n - k)))
    return (at_lower + ordered[_index(upper, n)]) / 2


def percentile_interval(replicates: Sample, confidence: float) -> Interval:
    """The middle share of the replicates (Efron and Tibshirani, 1993, ch. 13)."""
    low, high = np.quantile(replicates, [(1 - confidence) / 2, (1 + confidence) / 2])
    return Interval(float(low), float(high), confidence, "percentile bootstrap")


def _index(uniform: Sample, n: int) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
    return np.minimum((uniform * n).astype(np.int64), n - 1)
