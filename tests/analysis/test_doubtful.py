"""Runs that were disturbed or badly recorded do not decide, and what they would change is known."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from src.analysis.analyse import Analysis
from src.analysis.doubtful import doubtful_runs
from src.analysis.settings import AnalysisConfig
from src.contract.flags import Flag
from tests.made_runs import analyse as analyse_table


def analyse(runs: pd.DataFrame, **changes: Any) -> Analysis:
    """With few resamples."""
    return analyse_table(runs, AnalysisConfig(bootstrap_samples=300, **changes))


def flagged(runs: pd.DataFrame, treatment: str, flag: Flag, share: float = 1.0) -> pd.DataFrame:
    """The flag on the first `share` of a treatment's runs."""
    own = runs.index[runs["treatment"] == treatment]
    hit = set(own[: round(share * len(own))])
    return runs.assign(flags=[(flag,) if index in hit else () for index in runs.index])


GAP = Flag("gap", "a gap of 20 s", grave=True)
ONE_SOCKET = Flag("one_socket", "one of two packages", grave=True)
MENDED = Flag("counter_wrap", "1 counter wrap was mended")


@pytest.mark.parametrize(
    ("flag", "of_tf", "of_torch", "left_out"),
    [
        pytest.param(GAP, 0.2, 0.0, 2, id="two runs with a gap"),
        pytest.param(GAP, 1.0, 1.0, 20, id="a gap in every run"),
        pytest.param(ONE_SOCKET, 1.0, 1.0, 0, id="what the meter never sees"),
        pytest.param(ONE_SOCKET, 1.0, 0.0, 10, id="what the meter does not see of one treatment"),
        pytest.param(MENDED, 0.5, 0.5, 0, id="mended"),
    ],
)
def test_grave_flags_of_a_run_leave_it_out(make_runs, flag, of_tf, of_torch, left_out):
    runs = make_runs({"tf": 100.0, "torch": 120.0})
    both = [
        a or b
        for a, b in zip(
            flagged(runs, "tf", flag, of_tf)["flags"], flagged(runs, "torch", flag, of_torch)["flags"], strict=True
        )
    ]
    found = doubtful_runs(runs.assign(flags=both))
    assert len(found) == left_out
    assert {run.codes for run in found} <= {(flag.code,)}


def test_a_load_beside_the_second_of_two_equal_programs_shows_no_difference(make_runs):
    """The reported case: +26.6 %, p = 0.047, because a load ran beside some runs of the second only."""
    runs = make_runs({"first": 100.0, "second": 100.0}, cv=0.01)
    runs = flagged(runs, "second", Flag("foreign_cpu", "other programs took 60 %", grave=True), share=0.6)
    loaded = runs["flags"].map(len) > 0
    runs["energy_j"] = runs["energy_j"] * np.where(loaded, 1.44, 1.0)
    found = analyse(runs)
    (pair,) = found.pairs_of("energy_j")
    assert pair.verdict.word in ("practically the same", "no difference shown")
    assert (pair.n_first, pair.n_second) in {(10, 4), (4, 10)}
    (with_them,) = found.with_doubtful.pairs
    assert {with_them.n_first, with_them.n_second} == {10}
    assert abs(with_them.difference.percent) > 25
    assert found.n_usable == 14
    assert len(found.doubtful_runs) == 6


def test_a_treatment_with_doubtful_runs_only_gets_no_verdict(make_runs):
    runs = flagged(make_runs({"tf": 100.0, "torch": 150.0, "jax": 200.0}), "torch", GAP)
    found = analyse(runs)
    assert set(found.treatments) == {"tf", "torch", "jax"}
    assert found.description("torch", "energy_j").n == 0
    assert [{pair.first, pair.second} for pair in found.pairs_of("energy_j")] == [{"tf", "jax"}]
    assert len(found.with_doubtful.pairs) == 3


def test_without_doubt_nothing_is_left_out(make_runs):
    found = analyse(make_runs({"tf": 100.0, "torch": 150.0}))
    assert (found.doubtful_runs, found.with_doubtful) == ((), None)


@pytest.mark.parametrize("kinds", [("estimated", "estimated"), ("measured", "estimated")])
def test_an_estimate_decides_nothing(make_runs, kinds):
    """The second takes half the energy by its estimate, and half as much time again."""
    runs = make_runs({"tf": 100.0, "torch": 50.0})
    time_s = runs["treatment"].map({"tf": 10.0, "torch": 15.0}) * (1 + 0.001 * (runs["iteration"] % 3))
    kind = runs["treatment"].map(dict(zip(("tf", "torch"), kinds, strict=True)))
    runs = runs.assign(duration_s=time_s, energy_kind=kind)
    found = analyse(runs, compare=["energy_kind"])
    assert found.decisive_metric == "duration_s"
    assert found.treatments[0].startswith("tf")
    (energy,) = found.pairs_of("energy_j")
    assert (energy.verdict.word, energy.verdict.significant, energy.verdict.relevance) == ("not testable", None, None)
    (time,) = found.pairs_of("duration_s")
    assert time.verdict.word == "more"
    assert found.practical == ()
    assert {threat.metric for threat in found.threats} == {"duration_s"}
