"""statistics.json: plain JSON with the names of the fields, and in words what the analysis tells by codes."""

import json

import numpy as np
import pytest

from src.analysis.settings import AnalysisConfig
from src.report.statistics_json import to_json
from tests.made_runs import analyse

CONFIG = AnalysisConfig(bootstrap_samples=200)


def noisy(runs_of, treatments=2, n=6, spread=5.0):
    rng = np.random.default_rng(1)
    return runs_of({f"t{k}": list(rng.normal(100 + 10 * k, spread, n)) for k in range(treatments)})


@pytest.mark.parametrize("n", [1, 2, 3])
@pytest.mark.parametrize("treatments", [1, 2, 3])
@pytest.mark.parametrize("spread", [0.0, 1.0])
def test_whatever_there_is_becomes_json(runs_of, n, treatments, spread):
    analysis = analyse(noisy(runs_of, treatments, n, spread), CONFIG)
    text = json.dumps(to_json(analysis), allow_nan=False)
    assert json.loads(text)["treatments"] == list(analysis.treatments)


def test_the_names_of_the_fields_are_kept(runs_of):
    plain = to_json(analyse(noisy(runs_of), CONFIG))
    assert plain["version"] == 1
    assert plain["config"]["alpha"] == 0.05
    assert plain["pairs"][0]["difference"]["interval"]["method"] == "percentile bootstrap"
    assert plain["descriptions"][0]["mean_interval"]["confidence"] == 0.95
    assert plain["threats"][0]["test"]["p_value"] is not None
    assert isinstance(plain["pairs"][0]["n_first"], int)
    assert set(plain["pairs"][0]["verdict"]) == {"word", "significant", "relevance", "reason"}
    assert plain["practical"][0]["at_scale"][0]["trainings"] == 1000


def test_what_is_not_a_number_is_null_and_says_why(runs_of):
    plain = to_json(analyse(runs_of({"a": [100.0] * 3}), CONFIG))
    assert plain["omnibus"][0]["test"]["p_value"] is None
    assert plain["omnibus"][0]["test"]["reason"] == "a single treatment has nothing to be compared with"
    assert plain["descriptions"][0]["reason"] == "all values are equal"


def test_what_the_analysis_tells_by_codes_is_said(runs_of):
    runs = noisy(runs_of, n=12, spread=0.5)
    runs.loc[0, "status"] = "failed"
    runs.loc[5, "energy_j"] = 300.0
    plain = to_json(analyse(runs, AnalysisConfig(bootstrap_samples=200, outliers="iqr", decision="published")))
    assert plain["excluded_runs"][0]["reason"] == "its status is failed"
    (far,) = [each for each in plain["outliers"] if each["metric"] == "energy_j" and each["value"] == 300]
    assert far["reason"] == f"left out: outside {far['lower']:.6g} to {far['upper']:.6g} (iqr, 11 runs of t0)"
    assert "1 run of t0 did not finish and is left out" in [each["message"] for each in plain["cautions"]]
    assert plain["pairs"][0]["verdict"]["reason"].startswith("Welch's t, Holm-corrected p")
