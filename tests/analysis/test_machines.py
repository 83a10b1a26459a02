"""Several machines: compared within each, pooled over all, and told apart where they disagree."""

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

from src.analysis.blocks import decide, material
from src.analysis.decision import Decision
from src.analysis.machines import between, heterogeneity, levelled, machines_compared, prediction, typical
from src.analysis.settings import AnalysisConfig
from src.analysis.table import shares
from src.analysis.values import Reason, Why
from tests.made_runs import analyse

if TYPE_CHECKING:
    from tests.analysis.conftest import MakeRuns

CONFIG = AnalysisConfig(bootstrap_samples=200)
HOT = 3.0
"""So many times as much does everything take on each next machine."""


def on_machines(make_runs: "MakeRuns", ratios: list[float], iterations: int = 10, **columns: Any) -> pd.DataFrame:
    """One sweep, a share a machine: b takes so many times as much as a; iterations go on from machine to machine."""
    parts = []
    for place, ratio in enumerate(ratios):
        part = make_runs({"a": 100 * HOT**place, "b": 100 * HOT**place * ratio}, iterations, seed=place + 1)
        part["iteration"] += place * iterations
        part["run_id"] = f"m{place}-" + part["run_id"]
        parts.append(part.assign(machine=f"m{place}"))
    return pd.concat(parts, ignore_index=True).assign(**columns)


def decided(runs: pd.DataFrame, pairs: int = 1, metric: str = "energy_j") -> Decision:
    return decide("a", "b", material(shares(runs), metric), pairs, CONFIG)


def test_each_machine_is_compared_within_itself_and_counts_once(make_runs: "MakeRuns") -> None:
    found = decided(on_machines(make_runs, [1.1, 1.1, 1.12, 1.1]))
    assert (found.unit, found.n, found.n_sweeps) == ("machines", 4, 4)
    assert [(each.machine, each.unit, each.n) for each in found.machines] == [(f"m{n}", "blocks", 10) for n in range(4)]
    assert found.bill is not None
    assert found.bill.differs
    logs = np.log1p([each.percent / 100 for each in found.machines])
    assert np.log1p(found.bill.percent / 100) == pytest.approx(logs.mean())
    assert found.on_each == "more"
    assert found.prediction is not None
    assert found.prediction.low < found.bill.interval.low


def test_one_machines_own_interval_is_that_of_its_sweep_for_as_many_claims(make_runs: "MakeRuns") -> None:
    runs = on_machines(make_runs, [1.1, 1.2])
    alone = decided(runs[runs["machine"] == "m1"], pairs=6)
    assert decided(runs, pairs=3).machines[1].bill == alone.bill
    assert decided(runs, pairs=3).machines[1].usual == alone.usual


def test_two_machines_are_honest_and_wide(make_runs: "MakeRuns") -> None:
    found = decided(on_machines(make_runs, [1.1, 1.2]))
    assert found.bill is not None
    assert not found.bill.differs
    assert (found.on_each, found.prediction, found.disagree) == ("more", None, False)


@pytest.mark.parametrize(
    ("ratios", "shown", "disagree"),
    [
        pytest.param([1.1, 1.1, 1.1, 1.0], {"more": 3, "practically the same": 1}, False, id="three of four"),
        pytest.param([1.2, 0.8, 1.2, 0.8], {"more": 2, "less": 2}, True, id="they disagree"),
        pytest.param([1.0, 1.0], {"practically the same": 2}, False, id="the same"),
    ],
)
def test_machines_say_what_each_shows(
    make_runs: "MakeRuns", ratios: list[float], shown: dict[Any, int], disagree: bool
) -> None:
    found = decided(on_machines(make_runs, ratios))
    assert {word: found.shown_on(word) for word in shown} == shown
    assert found.disagree == disagree


def test_machines_that_differ_are_heterogeneous_and_calm_ones_are_not(make_runs: "MakeRuns") -> None:
    moved, still = (decided(on_machines(make_runs, r)).heterogeneity for r in ([1.0, 1.3, 1.1, 0.9], [1.1] * 4))
    assert moved is not None
    assert still is not None
    assert moved.p_value < 0.001 < 0.2 < still.p_value
    assert moved.i2_percent > 90
    assert moved.tau_percent == pytest.approx(100 * np.std(np.log([1.0, 1.3, 1.1, 0.9]), ddof=1), rel=0.15)
    assert still.tau_percent == 0


def test_sweeps_within_a_machine_stay_a_level_of_it(make_runs: "MakeRuns") -> None:
    runs = on_machines(make_runs, [1.1, 1.1], iterations=12)
    runs["sweep"] = "s" + (runs["iteration"] % 3).astype(str)
    found = decided(runs)
    assert [(each.unit, each.n) for each in found.machines] == [("sweeps", 3), ("sweeps", 3)]
    assert found.n_sweeps == 6


def test_runs_without_blocks_are_compared_within_their_machine(make_runs: "MakeRuns") -> None:
    found = decided(on_machines(make_runs, [1.1, 1.1, 1.1], iteration=np.nan))
    assert [(each.unit, each.n) for each in found.machines] == [("runs", 10)] * 3
    assert found.bill is not None
    assert found.bill.differs


def test_a_block_a_machine_is_enough_for_all_together_and_too_little_for_each(make_runs: "MakeRuns") -> None:
    found = decided(on_machines(make_runs, [1.2, 1.21, 1.19, 1.2, 1.22], iterations=1))
    assert {each.bill for each in found.machines} == {None}
    assert found.heterogeneity is None
    assert found.bill is not None
    assert found.bill.differs


def test_the_same_iterations_on_two_machines_are_different_blocks(make_runs: "MakeRuns") -> None:
    runs = on_machines(make_runs, [1.1, 1.1])
    assert decided(runs.assign(iteration=runs["iteration"] % 10)) == decided(runs)


def test_a_fixed_order_tells_nothing_on_many_machines_either(make_runs: "MakeRuns") -> None:
    fixed = on_machines(make_runs, [1.1, 1.1], **{"params.protocol.order": "fixed"})
    assert decided(fixed).untested == Reason(Why.FIXED_ORDER)


def test_machines_that_say_the_same_to_the_last_digit_tell_nothing_of_a_next_one(make_runs: "MakeRuns") -> None:
    runs = on_machines(make_runs, [1.1, 1.1])
    alike = runs.assign(energy_j=np.where(runs["treatment"] == "b", 110.0, 100.0))
    assert decided(alike).untested == Reason(Why.MACHINES_ALIKE)


def test_a_machine_with_one_of_both_is_left_out(make_runs: "MakeRuns") -> None:
    runs = on_machines(make_runs, [1.1, 1.1, 1.1])
    found = decided(runs[(runs["machine"] != "m2") | (runs["treatment"] == "a")])
    assert [each.machine for each in found.machines] == ["m0", "m1"]


def test_whoever_ran_on_thrifty_machines_only_is_no_thriftier_for_it(make_runs: "MakeRuns") -> None:
    runs = on_machines(make_runs, [0.9, 0.9, 0.9])
    seldom = runs[(runs["treatment"] == "a") | (runs["machine"] == "m2")]
    more = pd.concat([seldom, runs[runs["machine"] == "m0"]], ignore_index=True)
    assert typical(shares(more), "energy_j").idxmin() == "b"
    assert more.groupby("treatment")["energy_j"].mean().idxmin() == "a"


def test_an_analysis_tells_its_machines_and_spreads_within_them(make_runs: "MakeRuns", config: AnalysisConfig) -> None:
    found = analyse(on_machines(make_runs, [1.1, 1.12, 1.1]), config)
    assert found.machines == ("m0", "m1", "m2")
    assert [each.key for each in found.machine_facts] == ["machine"]
    assert found.factors == ()
    assert {caution.kind for caution in found.cautions} <= {"few_runs"}
    assert found.costly == ()
    (energy,) = found.pairs_of("energy_j")
    assert (energy.verdict.word, energy.published.untested) == ("more", Reason(Why.SEVERAL_MACHINES))
    assert len(energy.decision.machines) == 3
    assert all(pair.decision.machines == () for pair in found.pairs_of("accuracy"))


def test_one_machine_is_none_to_tell(make_runs: "MakeRuns", config: AnalysisConfig) -> None:
    runs = make_runs({"a": 100.0, "b": 110.0})
    found = analyse(runs.assign(machine="laptop"), config)
    assert (found.machines, found.machine_facts) == ((), ())
    assert found.pairs == analyse(runs, config).pairs


def test_what_is_levelled_keeps_what_runs_within_a_machine_do(make_runs: "MakeRuns") -> None:
    runs = on_machines(make_runs, [1.1, 1.1])
    level = runs.assign(energy_j=levelled(runs, "energy_j"))
    sds = level.groupby(["treatment", "machine"])["energy_j"].std()
    assert sds.max() / level["energy_j"].mean() < 0.02
    assert machines_compared(runs, "energy_j") == ("m0", "m1")


def test_the_variance_between_machines_is_never_negative_and_found_where_it_is() -> None:
    rng = np.random.default_rng(1)
    assert between(np.zeros(5), np.ones(5)) == 0
    errors = 0.01 * rng.standard_normal(200)
    estimates = 0.03 * rng.standard_normal(200) + errors
    assert np.sqrt(between(estimates, np.full(200, 0.01**2))) == pytest.approx(0.03, rel=0.15)
    assert heterogeneity(np.zeros(1), np.ones(1)) is None
    assert heterogeneity(np.zeros(2), np.zeros(2)) is None
    assert prediction(np.zeros(2), 0.05, 1) is None


def test_what_is_measured_on_no_shared_machine_counts_in_no_comparison(make_runs: "MakeRuns") -> None:
    runs = on_machines(make_runs, [1.1, 1.1, 1.1])
    many = runs[runs["machine"] != "m0"]
    lonely = many[(many["machine"] == "m1") == (many["treatment"] == "a")]
    found = decided(pd.concat([runs[runs["machine"] == "m0"], *[lonely] * 3], ignore_index=True))
    assert (found.unit, found.n) == ("blocks", 10)


def test_the_analysis_orders_treatments_as_a_typical_machine_does(
    make_runs: "MakeRuns", config: AnalysisConfig
) -> None:
    runs = on_machines(make_runs, [0.9, 0.9, 0.9])
    seldom = runs[(runs["treatment"] == "a") | (runs["machine"] == "m2") | (runs["iteration"] < 3)]
    assert seldom.groupby("treatment")["energy_j"].mean().idxmin() == "a"
    assert analyse(seldom, config).treatments == ("b", "a")


def test_a_run_is_far_from_its_own_machines_runs(make_runs: "MakeRuns", config: AnalysisConfig) -> None:
    runs = on_machines(make_runs, [1.1, 1.1])
    far = runs.assign(energy_j=runs["energy_j"].where(runs["run_id"] != "m0-s1-00003", 150.0))
    outliers = [each for each in analyse(far, config).outliers if each.metric == "energy_j"]
    assert "m0-s1-00003" in {each.run_id for each in outliers}
    assert {each.n for each in outliers} == {10}


def test_a_drift_is_seen_within_machines(make_runs: "MakeRuns", config: AnalysisConfig) -> None:
    runs = on_machines(make_runs, [1.1, 1.1, 1.1])
    drifting = runs.assign(energy_j=runs["energy_j"] * (1 + 0.005 * (runs["iteration"] % 10)))
    (drift,) = [threat for threat in analyse(drifting, config).threats if threat.kind == "drift"]
    assert drift.detected
    assert drift.effect_percent == pytest.approx(4.5, abs=1)
