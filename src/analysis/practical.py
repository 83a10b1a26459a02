"""What the joules mean: kWh, money and CO2e for many runs, and joules for what was learnt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from src.analysis.describe import Description
from src.analysis.settings import AnalysisConfig
from src.analysis.values import Reason, Why, finite

JOULES_A_KWH = 3.6e6
GRAMS_A_KG = 1000
USUAL_SCALE = 1000
# How many images a run was tested on: the subset that was asked for, else all that there are.
TEST_IMAGES = ("params.dataset.test_size", "params.dataset.test_available")


@dataclass(frozen=True)
class AtScale:
    """`trainings` runs at the mean energy of one, whatever they do; the interval is that of the mean.

    `extra_...` is what they take beyond the treatment with the least mean.
    """

    trainings: int
    energy_kwh: float
    energy_low_kwh: float | None
    energy_high_kwh: float | None
    cost: float
    currency: str
    co2e_kg: float
    extra_energy_kwh: float = 0.0
    extra_cost: float = 0.0
    extra_co2e_kg: float = 0.0


@dataclass(frozen=True)
class Practical:
    """One treatment's energy in practical terms; medians over its runs of energy per what was learnt.

    `energy_per_correct_prediction_j` is energy / (accuracy x test images), `energy_per_percentage_point_j` is
    energy / (100 x accuracy). `reason` says why one of them is None.
    """

    treatment: str
    energy_metric: str
    at_scale: tuple[AtScale, ...]
    energy_per_correct_prediction_j: float | None
    energy_per_percentage_point_j: float | None
    reason: Reason | None


def practical_meaning(
    runs: pd.DataFrame, energies: Sequence[Description], energy_metric: str, config: AnalysisConfig
) -> list[Practical]:
    """One entry per description of `energy_metric`, in their order."""
    scales = sorted({USUAL_SCALE, config.scale})
    entries = [
        _one(runs[runs["treatment"] == energy.treatment], energy, energy_metric, scales, config) for energy in energies
    ]
    return [replace(entry, at_scale=_with_extra(entry.at_scale, entries)) for entry in entries]


def _one(
    runs: pd.DataFrame, energy: Description, energy_metric: str, scales: Sequence[int], config: AnalysisConfig
) -> Practical:
    at_scale = tuple(_at_scale(energy, trainings, config) for trainings in scales) if energy.mean is not None else ()
    per_prediction, per_point, reason = _per_learnt(runs, energy_metric)
    return Practical(energy.treatment, energy_metric, at_scale, per_prediction, per_point, reason)


def _at_scale(energy: Description, trainings: int, config: AnalysisConfig) -> AtScale:
    assert energy.mean is not None
    kwh = trainings * energy.mean / JOULES_A_KWH
    interval = energy.mean_interval
    return AtScale(
        trainings=trainings,
        energy_kwh=kwh,
        energy_low_kwh=trainings * interval.low / JOULES_A_KWH if interval else None,
        energy_high_kwh=trainings * interval.high / JOULES_A_KWH if interval else None,
        cost=kwh * config.price_per_kwh,
        currency=config.currency,
        co2e_kg=kwh * config.grid_gco2e_per_kwh / GRAMS_A_KG,
    )


def _with_extra(own: Sequence[AtScale], entries: Sequence[Practical]) -> tuple[AtScale, ...]:
    best = {
        scale.trainings: min((entry.at_scale[i] for entry in entries if entry.at_scale), key=lambda s: s.energy_kwh)
        for i, scale in enumerate(own)
    }
    return tuple(
        replace(
            scale,
            extra_energy_kwh=scale.energy_kwh - best[scale.trainings].energy_kwh,
            extra_cost=scale.cost - best[scale.trainings].cost,
            extra_co2e_kg=scale.co2e_kg - best[scale.trainings].co2e_kg,
        )
        for scale in own
    )


def _per_learnt(runs: pd.DataFrame, energy_metric: str) -> tuple[float | None, float | None, Reason | None]:
    if "accuracy" not in runs:
        return None, None, Reason(Why.NO_ACCURACY)
    accuracy = runs["accuracy"].where(runs["accuracy"] > 0)
    per_point = finite((runs[energy_metric] / (100 * accuracy)).to_numpy())
    if not per_point.size:
        return None, None, Reason(Why.NO_ACCURACY)
    images = _test_images(runs)
    per_prediction = finite((runs[energy_metric] / (accuracy * images.where(images > 0))).to_numpy())
    point = float(np.median(per_point))
    if not per_prediction.size:
        return None, point, Reason(Why.NO_TEST_IMAGES)
    return float(np.median(per_prediction)), point, None


def _test_images(runs: pd.DataFrame) -> pd.Series:
    images = pd.Series(np.nan, index=runs.index)
    for column in TEST_IMAGES:
        if column in runs:
            images = images.fillna(pd.to_numeric(runs[column], errors="coerce"))
    return images
