"""A machine whose power is known at every moment, its runs as they are filed, and a meter at its socket."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from src.ingest.wall_clock import RunPower

BEGIN_S = 1_760_000_000.0
IDLE_W, LOSS, REST_W = 12.0, 1.18, 25.0
"""What the machine draws at rest, what its power supply makes of it, and what the rest of it needs."""
RUNS_S = {"torch": 71.0, "jax": 97.0, "tf": 83.0}
RUNS_W = {"torch": 60.0, "jax": 85.0, "tf": 70.0}
WARMUP_S, PAUSE_S = 40.0, 10.0
FINE_S = 0.01


@dataclass(frozen=True)
class Machine:
    """True power (n,) in W at `time_s`, and the runs: treatment, begin and end."""

    time_s: np.ndarray
    power_w: np.ndarray
    runs: list[tuple[str, float, float]]

    @property
    def wall_w(self) -> np.ndarray:
        """What the socket gives."""
        return LOSS * (self.power_w + REST_W)

    def wall_j(self, begin_s: float, end_s: float) -> float:
        """The true energy at the socket between two moments."""
        inner = (self.time_s >= begin_s) & (self.time_s < end_s)
        return float(self.wall_w[inner].sum() * FINE_S)

    def powers(self) -> list[RunPower]:
        """The runs as a store has them: at most 200 points of power each."""
        found = []
        for _, begin_s, end_s in self.runs:
            edges = np.linspace(begin_s, end_s, 201)
            means = [self.power_w[(self.time_s >= a) & (self.time_s < b)].mean() for a, b in itertools.pairwise(edges)]
            found.append(RunPower(begin_s, end_s, (edges[1:] + edges[:-1]) / 2, np.array(means)))
        return found


def machine(blocks: int = 4, seed: int = 3, order: Sequence[str] | None = None) -> Machine:
    """A warm-up, then blocks of shuffled runs with pauses, each a little different; all runs the same with `order`."""
    rng = np.random.default_rng(seed)
    runs, at_s = [], BEGIN_S + WARMUP_S
    for _ in range(blocks):
        for name in order or rng.permutation(list(RUNS_S)):
            lasted_s = RUNS_S[str(name)] * (1.0 if order else float(rng.normal(1, 0.02)))
            runs.append((str(name), at_s, at_s + lasted_s))
            at_s += lasted_s + PAUSE_S
    time_s = np.arange(BEGIN_S - 30, at_s + 60, FINE_S)
    power_w = np.full(time_s.size, IDLE_W)
    if order is None:
        power_w[(time_s >= BEGIN_S) & (time_s < BEGIN_S + WARMUP_S - PAUSE_S)] = 90.0
    for name, begin_s, end_s in runs:
        own = (time_s >= begin_s) & (time_s < end_s)
        power_w[own] = RUNS_W[name] * (1 + 0.1 * np.sin((time_s[own] - begin_s) / 3))
        power_w[(time_s >= begin_s) & (time_s < begin_s + 3)] = 30.0
    return Machine(time_s, power_w, runs)


def samples(made: Machine, offset_s: float, every_s: float = 1.0, noise_w: float = 2.0, seed: int = 1) -> np.ndarray:
    """(n, 3): the meter's own time, power with noise, and its counter in J; the machine's clock is `offset_s` ahead."""
    rng = np.random.default_rng(seed)
    places = np.arange(37, made.time_s.size, round(every_s / FINE_S))
    counter = np.concatenate(([0.0], np.cumsum(made.wall_w) * FINE_S))[places]
    power_w = np.abs(made.wall_w[places] + rng.normal(0, noise_w, places.size))
    return np.column_stack([made.time_s[places] - offset_s, power_w, counter])


def iso(time_s: float) -> str:
    """A time as a wall meter's export has it."""
    return datetime.fromtimestamp(time_s, UTC).isoformat(timespec="milliseconds")


def write(path: Path, header: str, rows: Sequence[Sequence[object]], mark: str = ",") -> Path:
    """A CSV."""
    path.write_text("\n".join([header, *(mark.join(map(str, row)) for row in rows)]) + "\n", encoding="utf-8")
    return path
