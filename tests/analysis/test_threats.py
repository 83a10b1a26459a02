"""Drift, position and carry-over: seen where they were put in, and seldom where they were not."""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from src.analysis.threats import Threat, look_for_threats, predecessors
from src.analysis.values import Reason, Why

if TYPE_CHECKING:
    from tests.analysis.conftest import MakeRuns

MEANS = {"a": 100.0, "b": 200.0, "c": 400.0}


def threats(runs: pd.DataFrame) -> dict[str, Threat]:
    return {threat.kind: threat for threat in look_for_threats(runs, runs, "energy_j", 0.05)}


def test_a_drift_is_seen_with_its_size(make_runs: "MakeRuns") -> None:
    runs = make_runs(MEANS, iterations=20)
    hours = (runs["started_s"] - runs["started_s"].min()) / 3600
    runs["energy_j"] *= 1 + 0.1 * hours
    found = threats(runs)["drift"]
    assert found.detected
    assert found.slope_percent == pytest.approx(10, rel=0.25)
    assert found.slope_unit == "% per hour"
    assert found.effect_percent == pytest.approx(found.slope_percent * hours.max())


def test_a_position_is_seen_with_its_size(make_runs: "MakeRuns") -> None:
    runs = make_runs(MEANS, iterations=20)
    runs["energy_j"] *= 1 + 0.02 * runs["position"]
    found = threats(runs)
    assert found["position"].detected
    assert found["position"].effect_percent == pytest.approx(4, rel=0.25)
    assert not found["drift"].detected


def test_a_carry_over_is_seen_with_its_size(make_runs: "MakeRuns") -> None:
    runs = make_runs(MEANS, iterations=30)
    runs.loc[predecessors(runs) == "c", "energy_j"] *= 1.05
    found = threats(runs)["carry_over"]
    assert found.detected
    assert found.effect_percent == pytest.approx(5, rel=0.3)
    assert max(found.group_medians, key=lambda group: group[1])[0] == "c"


def test_quiet_sweeps_are_seldom_called_threatened(make_runs: "MakeRuns") -> None:
    alarms = [
        any(threat.detected for threat in threats(make_runs(MEANS, iterations=10, seed=seed)).values())
        for seed in range(100)
    ]
    assert sum(alarms) <= 12


def test_predecessors_are_taken_within_a_sweep_and_in_order() -> None:
    runs = pd.DataFrame(
        {
            "treatment": ["b", "a", "c", "d", "e"],
            "sweep": ["s", "s", "s", "t", "t"],
            "sequence": [1, 0, 2, np.nan, np.nan],
            "started_s": [20.0, 10.0, 30.0, 50.0, 40.0],
        }
    )
    before = predecessors(runs).tolist()
    assert before[0] == "a"
    assert before[2] == "b"
    assert before[3] == "e"
    assert pd.isna(before[1])
    assert pd.isna(before[4])


def test_a_failed_run_counts_as_predecessor(make_runs: "MakeRuns") -> None:
    runs = make_runs(MEANS, iterations=10)
    usable = runs[runs["treatment"] != "c"]
    found = {threat.kind: threat for threat in look_for_threats(usable, runs, "energy_j", 0.05)}["carry_over"]
    assert "c" in dict(found.group_medians)


@pytest.mark.parametrize("column", ["position", "started_s", "sequence"])
def test_unknown_places_are_no_threat_but_a_reason(make_runs: "MakeRuns", column: str) -> None:
    runs = make_runs(MEANS, **{column: np.nan})
    found = threats(runs)
    kind = {"position": "position", "started_s": "drift", "sequence": "carry_over"}[column]
    if column != "sequence":
        assert found[kind].detected is None
        assert found[kind].test.reason == Reason(Why.TOO_FEW_PLACES, 4)
    else:
        assert found[kind].n > 0


@pytest.mark.parametrize("iterations", [1, 2])
@pytest.mark.parametrize("means", [{"a": 100.0}, {"a": 0.0, "b": 0.0}], ids=["one treatment", "zeros"])
def test_too_little_to_tell_has_a_reason(make_runs: "MakeRuns", means: dict[str, float], iterations: int) -> None:
    for threat in threats(make_runs(means, iterations=iterations)).values():
        assert threat.detected is None
        assert threat.test.reason


def test_what_ran_before_a_retry_is_what_really_did() -> None:
    """The second run failed and was tried again at the end of its block, under its planned place."""
    runs = pd.DataFrame({"treatment": ["a", "b", "c", "b"], "sweep": "s", "sequence": [1, 2, 3, 2]})
    runs["started_s"] = [10.0, 20.0, 30.0, 40.0]
    assert predecessors(runs).tolist()[1:] == ["a", "b", "c"]
