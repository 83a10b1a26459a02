"""How long a sweep will take: rough before the first run, sharper with every run that has ended."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean

from src.config.check import layer_values
from src.config.schema import Config
from src.plan.schedule import Slot
from src.plan.sweep_plan import SweepPlan
from src.workloads.training.network import training_flop

START_UP_S = 8.0
"""Importing, building and ending a run; seen between 3 and 12 s."""
SUSTAINED_SHARE = 0.6
"""What the frameworks reach of a machine's matrix-product rate; seen between 0.35 and 0.97."""


def expected_run_s(config: Config, images: int, gflop_per_s: float) -> float:
    """A first guess at one run's wall time: its floating-point work at the rate the machine reached just now."""
    layers = [layer_values(layer) for layer in config.model.layers]
    work_gflop = training_flop(layers, tuple(config.dataset.image_shape)) * 1e-9 * images * config.training.epochs
    return START_UP_S + work_gflop / (SUSTAINED_SHARE * gflop_per_s)


def remaining_s(
    plan: SweepPlan, left: Sequence[Slot], guess_s: Sequence[float], seen_s: Mapping[int, list[float]]
) -> float:
    """Seconds until the runs in `left` are done: each treatment's mean so far, or its guess, and the rests between.

    `guess_s` holds one guess a treatment; a treatment that ran already scales the others' guesses too.
    """
    ratios = [fmean(times) / guess_s[treatment] for treatment, times in seen_s.items() if times]
    scale = fmean(ratios) if ratios else 1.0
    runs = sum(fmean(seen_s[s.treatment]) if seen_s.get(s.treatment) else guess_s[s.treatment] * scale for s in left)
    return runs + sum(plan.configs[slot.treatment].protocol.idle_s for slot in left[:-1])
