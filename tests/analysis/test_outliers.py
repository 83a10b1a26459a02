"""Outliers: found by treatment and metric, always listed, left out only where asked."""

import numpy as np
import pandas as pd
import pytest

from src.analysis import outliers


@pytest.fixture
def runs() -> pd.DataFrame:
    """Twenty ordinary runs and one extreme energy in each treatment; one run has no energy."""
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"treatment": ["a"] * 21 + ["b"] * 21, "run_id": [str(i) for i in range(42)]})
    table["run_name"] = "run " + table["run_id"]
    table["energy_j"] = [*rng.normal(100, 1, 20), 150, *rng.normal(1000, 10, 20), 500]
    table["duration_s"] = 5.0
    table.loc[3, "energy_j"] = np.nan
    return table


@pytest.mark.parametrize("rule", ["3sigma", "iqr"])
def test_a_rule_leaves_out_the_value_and_says_so(runs: pd.DataFrame, rule: str) -> None:
    found = outliers.find(runs, ["energy_j", "duration_s"], rule)
    extreme = [each for each in found if each.run_id in ("20", "41")]
    assert [(each.run_name, each.value, each.excluded) for each in extreme] == [
        ("run 20", 150, True),
        ("run 41", 500, True),
    ]
    assert (extreme[0].rule, extreme[0].n, extreme[0].treatment) == (rule, 20, "a")
    assert extreme[0].lower < extreme[0].upper < 150
    cleaned = outliers.without(runs, found)
    assert cleaned.loc[[20, 41], "energy_j"].isna().all()
    assert (cleaned["duration_s"] == 5).all()
    assert len(cleaned) == len(runs)
    assert runs.loc[20, "energy_j"] == 150


def test_without_a_rule_nothing_is_left_out_but_both_rules_are_listed(runs: pd.DataFrame) -> None:
    found = outliers.find(runs, ["energy_j"], "none")
    assert {each.rule for each in found if each.run_id == "20"} == {"3sigma", "iqr"}
    assert not any(each.excluded for each in found)
    pd.testing.assert_frame_equal(outliers.without(runs, found), runs)


@pytest.mark.parametrize("values", [[], [1.0], [1.0, 9.0], [0.1 + 0.2, 0.3, 0.3, 0.3, 0.3]], ids=str)
def test_few_or_constant_values_have_no_outliers(values: list[float]) -> None:
    table = pd.DataFrame({"energy_j": values, "treatment": "a", "run_id": "1", "run_name": "1"})
    assert outliers.find(table, ["energy_j"], "none") == []


def test_three_sigma_are_those_of_the_population() -> None:
    # By hand: the squared distances from the mean of 20 sum up to 9 000, over n = 10 that is 30².
    assert outliers.limits(np.array([10.0] * 9 + [110.0]), "3sigma") == pytest.approx((-70, 110))


def test_a_value_between_the_limits_of_population_and_sample_is_an_outlier() -> None:
    # 3.12 standard deviations of the population from the mean, but 2.97 of the sample.
    table = pd.DataFrame({"energy_j": [100.5, 99.5] * 5 + [110.0], "treatment": "a", "run_id": list("abcdefghijk")})
    found = outliers.find(table.assign(run_name="x"), ["energy_j"], "3sigma")
    assert [each.run_id for each in found] == ["k"]
