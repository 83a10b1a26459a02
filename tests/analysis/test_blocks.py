"""What the blocks decide: designs that can and cannot tell, words that follow the interval, levels of repetition."""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from src.analysis.blocks import decide, material
from src.analysis.decision import Decision, Ratio, exact_ratio, judge_by_blocks
from src.analysis.settings import AnalysisConfig
from src.analysis.values import Interval, Reason, Why

if TYPE_CHECKING:
    from tests.analysis.conftest import MakeRuns

CONFIG = AnalysisConfig(bootstrap_samples=200)
KEYS = ("stop", "minimum_iterations", "iterations")


def decided(runs: pd.DataFrame, pairs: int = 1, metric: str = "energy_j") -> Decision:
    return decide("a", "b", material(runs, metric), pairs, CONFIG)


def test_a_difference_is_found_within_blocks_that_move(make_runs: "MakeRuns") -> None:
    runs = make_runs({"a": 100.0, "b": 105.0}, iterations=10, cv=0.003)
    moving = np.exp(0.1 * np.random.default_rng(1).standard_normal(10))
    found = decided(runs.assign(energy_j=runs["energy_j"] * moving[runs["iteration"]]))
    assert found.bill is not None
    assert (found.unit, found.n, found.left_out, found.n_sweeps) == ("blocks", 10, 0, 1)
    assert found.bill.differs
    assert found.bill.interval.low < 5 < found.bill.interval.high < 7


def test_time_and_power_add_up_to_the_energy(make_runs: "MakeRuns") -> None:
    runs = make_runs({"a": 100.0, "b": 120.0})
    rng = np.random.default_rng(2)
    found = decided(runs.assign(duration_s=runs["energy_j"] / (40 + rng.standard_normal(len(runs)))))
    assert found.bill is not None
    assert found.duration is not None
    assert found.power is not None
    together = (1 + found.duration.percent / 100) * (1 + found.power.percent / 100)
    assert together == pytest.approx(1 + found.bill.percent / 100)
    assert found.duration.differs
    assert not found.power.differs


def test_a_block_that_lacks_one_is_left_out_and_counted(make_runs: "MakeRuns") -> None:
    runs = make_runs({"a": 100.0, "b": 105.0})
    found = decided(runs[~((runs["treatment"] == "b") & (runs["iteration"].isin([2, 5])))])
    assert (found.n, found.left_out) == (8, 2)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        pytest.param({"params.protocol.order": "fixed"}, Why.FIXED_ORDER, id="planned in a fixed order"),
        pytest.param({"energy_j": 0.0}, Why.NOT_POSITIVE, id="no ratio"),
    ],
)
def test_what_cannot_tell_gets_no_verdict(make_runs: "MakeRuns", change: dict[str, object], why: Why) -> None:
    found = decided(make_runs({"a": 100.0, "b": 105.0}, **change))
    assert (found.bill, found.untested) == (None, Reason(why))
    assert judge_by_blocks(found).word == "not testable"


def test_the_same_order_in_every_block_is_seen_where_no_plan_is_known(make_runs: "MakeRuns") -> None:
    runs = make_runs({"a": 100.0, "b": 105.0})
    always = runs.assign(started_s=1.7e9 + 200 * runs["iteration"] + 50 * (runs["treatment"] == "b"))
    assert decided(always).untested == Reason(Why.FIXED_ORDER)
    assert decided(always.assign(**{"params.protocol.order": "shuffled"})).bill is not None


def test_one_sweep_each_cannot_tell_and_several_can(make_runs: "MakeRuns") -> None:
    def measured(name: str, energy_j: float, sweep: int) -> pd.DataFrame:
        runs = make_runs({name: energy_j}, seed=10 * sweep + ord(name), sweep=f"{name}{sweep}")
        return runs.assign(started_s=runs["started_s"] + 1e5 * (2 * sweep + (name == "b")))

    one = pd.concat([measured("a", 100, 0), measured("b", 106, 0)], ignore_index=True)
    assert decided(one).untested == Reason(Why.SEPARATE_SWEEPS)
    many = [measured(name, energy_j, sweep) for sweep in range(4) for name, energy_j in (("a", 100), ("b", 120))]
    found = decided(pd.concat(many, ignore_index=True))
    assert found.bill is not None
    assert (found.unit, found.n, found.n_sweeps, found.bill.differs) == ("runs", 4, 8, True)


def test_one_after_the_other_cannot_tell(make_runs: "MakeRuns") -> None:
    runs = make_runs({"a": 100.0, "b": 106.0}, sweep="")
    apart = runs.assign(started_s=runs["started_s"] + 1e5 * (runs["treatment"] == "b"))
    assert decided(apart).untested == Reason(Why.SEPARATE_TIMES)


def test_runs_without_blocks_are_compared_as_runs(make_runs: "MakeRuns") -> None:
    found = decided(make_runs({"a": 100.0, "b": 110.0}, iteration=np.nan))
    assert found.bill is not None
    assert (found.unit, found.n, found.bill.differs) == ("runs", 10, True)


def test_sweeps_that_move_widen_the_interval(make_runs: "MakeRuns") -> None:
    levels = 1 + 0.03 * np.random.default_rng(5).standard_normal(4)
    parts = [make_runs({"a": 100.0, "b": 103 * level}, sweep=f"s{n}", seed=n) for n, level in enumerate(levels)]
    alone, together = decided(parts[0]), decided(pd.concat(parts, ignore_index=True))
    assert (together.unit, together.n, together.n_sweeps) == ("sweeps", 4, 4)
    assert alone.bill is not None
    assert together.bill is not None
    assert together.bill.interval.high - together.bill.interval.low > alone.bill.interval.high - alone.bill.interval.low
    assert together.sweep_percent == pytest.approx(100 * np.std(levels, ddof=1), abs=1)
    assert together.run_percent == pytest.approx(1.4, abs=0.5)


def test_blocks_that_all_say_the_same_speak_by_their_sign(make_runs: "MakeRuns") -> None:
    found = decided(make_runs({"a": 100.0, "b": 110.0}, cv=0, iterations=8))
    assert found.bill is not None
    assert (found.bill.differs, found.bill.interval.low) == (True, pytest.approx(10))
    assert decided(make_runs({"a": 100.0, "b": 110.0}, cv=0, iterations=4)).untested == Reason(Why.NO_SPREAD)
    assert decided(make_runs({"a": 100.0, "b": 100.0}, cv=0, iterations=4)).untested == Reason(Why.ALL_EQUAL)
    assert judge_by_blocks(decided(make_runs({"a": 1.0, "b": 1.0}, cv=0))).word == "practically the same"


def test_memory_widens_the_interval_and_is_told(make_runs: "MakeRuns") -> None:
    calm = make_runs({"a": 100.0, "b": 100.0}, iterations=30, seed=3)
    course = np.sin(np.arange(30) / 4)
    moved = calm["energy_j"] * (1 + 0.03 * course[calm["iteration"]] * (calm["treatment"] == "b"))
    still, moving = decided(calm), decided(calm.assign(energy_j=moved))
    assert still.memory is not None
    assert moving.memory is not None
    assert still.memory < 0.5 < 0.99 < moving.memory
    assert moving.effective_n is not None
    assert moving.effective_n < 8


def test_looking_on_the_way_is_paid_for_by_wider_intervals(make_runs: "MakeRuns") -> None:
    looked = {f"params.protocol.{key}": value for key, value in zip(KEYS, ("precision", "10", "30"), strict=True)}
    once, often = (decided(make_runs({"a": 100.0, "b": 101.0}, **columns)).bill for columns in ({}, looked))
    assert once is not None
    assert often is not None
    assert often.p_differs == pytest.approx(min(1, 4 * once.p_differs))
    assert often.interval.low < once.interval.low
    assert often.interval.confidence == once.interval.confidence == 0.95


def ratio(low: float, high: float) -> Ratio:
    same, relevant = low > -4.7 and high < 5, low > 5 or high < -4.8
    return Ratio((low + high) / 2, Interval(low, high, 0.95, ""), low > 0 or high < 0, same, relevant, 0, 0, 0)


@pytest.mark.parametrize(
    ("bill", "usual", "word", "relevance"),
    [
        pytest.param((6, 9), (6, 8), "more", "relevant", id="more and it matters"),
        pytest.param((2, 9), (2, 8), "more", "undecided", id="more, perhaps too little to matter"),
        pytest.param((-9, -6), (-9, -6), "less", "relevant", id="less"),
        pytest.param((-1, 1), (-1, 1), "practically the same", "not relevant", id="the same"),
        pytest.param((1, 2), (1, 2), "practically the same", "not relevant", id="different, too little to matter"),
        pytest.param((-2, 30), (-1, 1), "no difference shown", "undecided", id="the same needs the bill too"),
        pytest.param((-1, 1), (-9, 9), "no difference shown", "undecided", id="the same needs the usual run too"),
        pytest.param((-5, 30), (8, 12), "more", "relevant", id="the usual run alone"),
        pytest.param((6, 12), (-9, -6), "more", "relevant", id="the bill goes first"),
    ],
)
def test_one_word_from_two_intervals(
    bill: tuple[float, float], usual: tuple[float, float], word: str, relevance: str
) -> None:
    found = Decision("blocks", 10, bill=ratio(*bill), usual=ratio(*usual))
    assert (judge_by_blocks(found).word, judge_by_blocks(found).relevance) == (word, relevance)


def test_bill_and_usual_run_agree_or_not() -> None:
    assert Decision("blocks", bill=ratio(6, 9), usual=ratio(5, 8)).agrees
    assert not Decision("blocks", bill=ratio(6, 9), usual=ratio(-1, 1)).agrees
    assert Decision().agrees
    assert exact_ratio(0.01, 0.001, 0.05, 0.05).same
