"""kWh, money, CO2e and joules per what was learnt, by hand."""

from typing import TYPE_CHECKING

import numpy as np
import pytest

from src.analysis.settings import AnalysisConfig
from src.analysis.values import Reason, Why
from tests.made_runs import analyse

if TYPE_CHECKING:
    from tests.analysis.conftest import MakeRuns

CONFIG = AnalysisConfig(bootstrap_samples=200, price_per_kwh=0.5, grid_gco2e_per_kwh=300, scale=10, currency="CHF")


def test_at_scale_by_hand(make_runs: "MakeRuns") -> None:
    frugal, greedy = analyse(make_runs({"a": 3600.0, "b": 7200.0}, cv=0), CONFIG).practical
    small, usual = frugal.at_scale
    assert (small.trainings, usual.trainings) == (10, 1000)
    # 3 600 J are 1 Wh, so 1 000 trainings 1 kWh.
    assert (usual.energy_kwh, usual.cost, usual.co2e_kg, usual.currency) == pytest.approx((1, 0.5, 0.3, "CHF"))
    assert (usual.extra_energy_kwh, usual.extra_cost, usual.extra_co2e_kg) == (0, 0, 0)
    more = greedy.at_scale[1]
    assert (more.extra_energy_kwh, more.extra_cost, more.extra_co2e_kg) == pytest.approx((1, 0.5, 0.3))
    assert (more.energy_low_kwh, more.energy_high_kwh) == pytest.approx((2, 2))


def test_energy_for_what_was_learnt_by_hand(make_runs: "MakeRuns") -> None:
    entry = analyse(make_runs({"a": 9800.0}, cv=0), CONFIG).practical[0]
    assert entry.energy_per_correct_prediction_j == pytest.approx(1)  # 98 % of 10 000 images
    assert entry.energy_per_percentage_point_j == pytest.approx(100)
    assert entry.reason is None


def test_without_a_subset_all_test_images_count(make_runs: "MakeRuns") -> None:
    columns = {"params.dataset.test_size": "None", "params.dataset.test_available": "100"}
    entry = analyse(make_runs({"a": 98.0}, cv=0, **columns), CONFIG).practical[0]
    assert entry.energy_per_correct_prediction_j == pytest.approx(1)


@pytest.mark.parametrize(
    ("columns", "reason"),
    [
        ({"accuracy": np.nan}, Why.NO_ACCURACY),
        ({"accuracy": 0.0}, Why.NO_ACCURACY),
        ({"params.dataset.test_size": np.nan}, Why.NO_TEST_IMAGES),
        ({"params.dataset.test_size": "None"}, Why.NO_TEST_IMAGES),
    ],
    ids=["no accuracy", "accuracy 0", "no test size", "test size None"],
)
def test_what_is_missing_is_said(make_runs: "MakeRuns", columns: dict[str, object], reason: Why) -> None:
    entry = analyse(make_runs({"a": 100.0}, **columns), CONFIG).practical[0]
    assert entry.energy_per_correct_prediction_j is None
    assert entry.reason == Reason(reason)
    assert entry.at_scale[0].energy_kwh > 0
