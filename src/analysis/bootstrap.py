"""Bootstrap replicates of means and medians, and BCa intervals from them.

Means are resampled in batches of bounded memory. A resample's median needs no resample: it is an order
statistic of n uniform indices, and those follow a Beta distribution, so 10 000 runs cost no more than ten.
"""

from __future__ import annotations

import zlib

import numpy as np
from scipy import stats

from src.analysis.values import Interval, Sample

# Small enough for the processor's cache.
CELLS_A_BATCH = 200_000


def stream(seed: int, *names: str) -> np.random.Generator:
    """A generator of its own for each name, so that one more treatment changes no other's figures."""
    return np.random.default_rng([seed, *(zlib.crc32(name.encode()) for name in names)])


def mean_replicates(values: Sample, samples: int, rng: np.random.Generator) -> Sample:
    """Means of `samples` resamples of `values` (n,), shape (samples,)."""
    replicates = np.empty(samples)
    rows = max(1, CELLS_A_BATCH // values.size)
    small = np.uint16 if values.size <= 2**16 else np.int64
    for start in range(0, samples, rows):
        stop = min(start + rows, samples)
        chosen = rng.integers(values.size, size=(stop - start, values.size), dtype=small)
        replicates[start:stop] = np.take(values, chosen).mean(axis=1)
    return replicates


def median_replicates(values: Sample, samples: int, rng: np.random.Generator) -> Sample:
    """Medians of `samples` resamples of `values` (n,), shape (samples,).

    The k-th smallest of n uniform numbers is Beta(k, n - k + 1) (David and Nagaraja, 2003, eq. 2.1.5); given
    it, the next one is the least of the n - k that remain above it.
    """
    ordered, n = np.sort(values), values.size
    k = (n + 1) // 2
    lower = rng.beta(k, n - k + 1, size=samples)
    at_lower = ordered[_index(lower, n)]
    if n % 2:
        return at_lower
    upper = lower + (1 - lower) * (1 - rng.random(samples) ** (1 / (n - k)))
    return (at_lower + ordered[_index(upper, n)]) / 2


def mean_jackknife(values: Sample) -> Sample:
    """The n means that leave one value out."""
    means: Sample = (values.sum() - values) / (values.size - 1)
    return means


def median_jackknife(values: Sample) -> Sample:
    """The n medians that leave one value out, in the order of the sorted values."""
    ordered, left_out = np.sort(values), np.arange(values.size)
    middle = ((values.size - 2) // 2, (values.size - 1) // 2)
    low, high = (np.where(rank < left_out, ordered[rank], ordered[rank + 1]) for rank in middle)
    medians: Sample = (low + high) / 2
    return medians


def bca_interval(replicates: Sample, estimate: float, jackknife: Sample, confidence: float) -> Interval:
    """Bias-corrected and accelerated interval (Efron, 1987; Efron and Tibshirani, 1993, eq. 14.9 to 14.15).

    Replicates equal to the estimate count half, as a median's often are. Where all replicates are equal the
    interval is that one value.
    """
    below = np.mean(replicates < estimate) + np.mean(replicates == estimate) / 2
    edge = 0.5 / replicates.size
    bias = stats.norm.ppf(np.clip(below, edge, 1 - edge))
    acceleration = _acceleration(jackknife)
    tails = bias + stats.norm.ppf([(1 - confidence) / 2, (1 + confidence) / 2])
    shrink = np.maximum(1 - acceleration * tails, np.finfo(float).tiny)
    low, high = np.quantile(replicates, stats.norm.cdf(bias + tails / shrink))
    return Interval(float(low), float(high), confidence, "BCa bootstrap")


def percentile_interval(replicates: Sample, confidence: float) -> Interval:
    """The middle share of the replicates (Efron and Tibshirani, 1993, ch. 13)."""
    low, high = np.quantile(replicates, [(1 - confidence) / 2, (1 + confidence) / 2])
    return Interval(float(low), float(high), confidence, "percentile bootstrap")


def _index(uniform: Sample, n: int) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
    return np.minimum((uniform * n).astype(np.int64), n - 1)


def _acceleration(jackknife: Sample) -> float:
    distance = jackknife.mean() - jackknife
    spread = float(np.sum(distance**2))
    return float(np.sum(distance**3)) / (6 * spread**1.5) if spread > 0 else 0.0
