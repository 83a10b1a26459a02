"""Energy and power over time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from src.measure.recording import Array
from src.measure.windows import Window


@dataclass(frozen=True)
class PowerTrace:
    """Mean power (n,) between `edges_s` (n + 1,), seconds since the first window began."""

    edges_s: Array
    power_w: Array

    @property
    def time_s(self) -> Array:
        """Middle of each step, (n,)."""
        return (self.edges_s[1:] + self.edges_s[:-1]) / 2

    def thinned(self, points: int = 200) -> PowerTrace:
        """At most `points` equal steps that hold the same energy."""
        if self.power_w.size <= points:
            return self
        energy_j = np.concatenate(([0.0], np.cumsum(self.power_w * np.diff(self.edges_s))))
        edges_s = np.linspace(self.edges_s[0], self.edges_s[-1], points + 1)
        return PowerTrace(edges_s, np.diff(np.interp(edges_s, self.edges_s, energy_j)) / np.diff(edges_s))


@dataclass(frozen=True)
class Curve:
    """Energy since the first sample over time; beyond its ends it goes on at the power found there."""

    time_s: Array
    energy_j: Array
    interval_s: float

    def at(self, time_s: Array | float) -> Array:
        """Energy at the given times by linear interpolation."""
        first_s, last_s = float(self.time_s[0]), float(self.time_s[-1])
        inner = np.asarray(np.interp(time_s, self.time_s, self.energy_j))
        before_s, after_s = np.maximum(first_s - time_s, 0), np.maximum(time_s - last_s, 0)
        if not np.any(before_s) and not np.any(after_s):
            return inner
        span_s = min(self.interval_s, last_s - first_s)
        head_w = (np.interp(first_s + span_s, self.time_s, self.energy_j) - self.energy_j[0]) / span_s
        tail_w = (self.energy_j[-1] - np.interp(last_s - span_s, self.time_s, self.energy_j)) / span_s
        return np.asarray(inner - before_s * head_w + after_s * tail_w)

    def between(self, window: Window) -> float:
        """Energy of one window."""
        return float(self.at(window[1]) - self.at(window[0]))

    def uncertainty(self, t: float) -> float:
        """How far the true energy at `t` can be from the interpolated one."""
        after = int(np.clip(np.searchsorted(self.time_s, t), 1, self.time_s.size - 1))
        here_j = float(self.at(t))
        return float(max(abs(here_j - self.energy_j[after - 1]), abs(self.energy_j[after] - here_j)))
