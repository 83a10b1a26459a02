"""One value, two values, ties, constants: a defined answer with a reason, no exception and no warning."""

import numpy as np
import pytest

from src.analysis import bootstrap, omnibus
from src.analysis.describe import describe
from src.analysis.effect_sizes import cliffs_delta, hedges_g, probability_of_superiority
from src.analysis.hypothesis_tests import (
    MANN_WHITNEY,
    WELCH,
    compare_blocks,
    holm,
    mann_whitney_u,
    passes,
    published_test,
    shapiro_wilk,
    welch_t,
)
from src.analysis.pairs import median_difference
from src.analysis.sample_size import power_for, welch_power
from src.analysis.settings import AnalysisConfig
from src.analysis.values import Reason, Sample, Why, finite, is_constant
from src.analysis.verdict import two_one_sided_tests
from tests.made_runs import analyse

RNG = np.random.default_rng(0)
SAMPLES: dict[str, Sample] = {
    "none": np.array([]),
    "one": np.array([5.0]),
    "two": np.array([4.0, 6.0]),
    "two equal": np.array([5.0, 5.0]),
    "constant": np.full(10, 0.98),
    "almost constant": 0.98 + 1e-16 * np.arange(10, dtype=np.float64),
    "zeros": np.zeros(5),
    "ties": np.repeat([1.0, 2.0, 3.0], 4),
    "negative": RNG.normal(-5, 1, 10),
    "many": RNG.normal(100, 1, 6000),
}


def every_pair() -> list[tuple[str, str]]:
    return [(first, second) for first in SAMPLES for second in SAMPLES]


@pytest.mark.parametrize("name", SAMPLES)
def test_a_description_is_whole_or_says_why_not(name: str) -> None:
    values = SAMPLES[name]
    found = describe("t", "m", "J", values, 0.95)
    assert found.n == values.size
    assert (found.median is None) == (values.size == 0)
    assert (found.sd is None) == (found.mean_interval is None) == (values.size < 2)
    assert (found.reason is not None) == is_constant(values)
    if found.median_interval:
        assert found.median is not None
        assert found.median_interval.low <= found.median <= found.median_interval.high


def test_an_interval_of_constant_values_is_that_value() -> None:
    found = describe("t", "m", "1", SAMPLES["constant"], 0.95)
    assert found.mean_interval == found.median_interval
    assert found.mean_interval is not None
    assert (found.mean_interval.low, found.mean_interval.high) == (0.98, 0.98)
    assert found.cv_percent == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("two", Reason(Why.NOT_FOR_THIS_SIZE, 2)),
        ("constant", Reason(Why.ALL_EQUAL)),
        ("many", Reason(Why.NOT_FOR_THIS_SIZE, 6000)),
    ],
)
def test_normality_that_cannot_be_tested_is_not_assumed(name: str, reason: Reason) -> None:
    test = shapiro_wilk(SAMPLES[name])
    assert test.p_value is None
    assert test.reason == reason
    assert not passes(test)


@pytest.mark.parametrize(("first", "second"), every_pair(), ids=str)
def test_every_pair_has_an_answer_or_a_reason(first: str, second: str) -> None:
    x, y = SAMPLES[first], SAMPLES[second]
    for test in (published_test(x, y), welch_t(x, y), mann_whitney_u(x, y)):
        assert (test.p_value is None) == (test.reason is not None)
        assert test.p_value is None or 0 <= test.p_value <= 1
    for effect in (hedges_g(x, y, 0.95), cliffs_delta(x, y, 0.95)):
        assert effect.interval is not None or effect.reason is not None
    for margin in (0.0, 0.5):
        for name in (WELCH, MANN_WHITNEY):
            equivalence = two_one_sided_tests(x, y, margin, 5, name)
            assert (equivalence.test.p_value is None) == (equivalence.test.reason is not None)
            power = power_for(x, y, margin, 0.05, 0.8, name)
            assert (power.power is None) == (power.margin is None)
            assert power.iterations_needed is not None or power.reason is not None
    replicates = [bootstrap.median_replicates(each, 100, np.random.default_rng(2)) for each in (x, y)]
    difference = median_difference(x, y, replicates[0], replicates[1], 0.95)
    assert (difference.value is None) == (not x.size or not y.size)


@pytest.mark.parametrize(("first", "second"), every_pair(), ids=str)
def test_every_pair_of_blocks_has_an_answer_or_a_reason(first: str, second: str) -> None:
    n = min(SAMPLES[first].size, SAMPLES[second].size)
    found = compare_blocks(SAMPLES[first][:n], SAMPLES[second][:n])
    assert found.n_blocks == n
    assert (found.test.p_value is None) == (found.test.reason is not None)


@pytest.mark.parametrize(
    "names",
    [
        ("one",),
        ("ties",),
        ("constant", "constant"),
        ("one", "two"),
        ("ties", "zeros"),
        ("two equal", "constant", "zeros"),
        ("two", "two", "two"),
        ("none", "ties"),
        ("ties", "negative", "many"),
    ],
    ids=str,
)
def test_all_treatments_have_an_answer_or_a_reason(names: tuple[str, ...]) -> None:
    groups = [SAMPLES[name] for name in names]
    n = min(group.size for group in groups)
    found = omnibus.compare_all("m", names, groups, [group[:n] for group in groups])
    for test in (found.test, found.spread, omnibus.welch_anova(groups), omnibus.kruskal_wallis(groups)):
        assert (test.p_value is None) == (test.reason is not None)


def test_constants_that_differ_are_found_to_differ() -> None:
    test = published_test(np.full(10, 0.98), np.full(10, 0.97))
    assert test.name == MANN_WHITNEY
    assert test.p_value is not None
    assert test.p_value < 0.001


def test_equal_constants_are_practically_the_same_though_untestable() -> None:
    constant = SAMPLES["constant"]
    assert published_test(constant, constant).reason == Reason(Why.ALL_EQUAL)
    equivalence = two_one_sided_tests(constant, constant, 0.05, 5, MANN_WHITNEY)
    assert equivalence.test.p_value is not None
    assert equivalence.test.p_value < 0.001


def test_full_separation_still_has_an_interval() -> None:
    effect = cliffs_delta(np.arange(10.0), np.arange(20.0, 30.0), 0.95)
    assert effect.value == 1
    assert effect.interval is not None
    # Solving 1 - delta = z sqrt((1 - delta²) / n) for n = 10.
    assert effect.interval.low == pytest.approx((10 - 1.96**2) / (10 + 1.96**2), abs=1e-4)
    assert effect.interval.high == 1
    assert probability_of_superiority(effect).value == 1


def test_swapping_the_treatments_turns_the_effects_around() -> None:
    x, y = RNG.normal(0, 1, 9), RNG.normal(1, 2, 13)
    for effect in (hedges_g, cliffs_delta):
        there, back = effect(x, y, 0.95), effect(y, x, 0.95)
        assert there.value is not None
        assert back.value is not None
        assert there.interval is not None
        assert back.interval is not None
        assert there.value == pytest.approx(-back.value)
        assert there.interval.low == pytest.approx(-back.interval.high)


def test_no_spread_and_hopeless_spread() -> None:
    assert welch_power(1.0, (0.0, 0.0), (2, 2), 0.05) == 1.0
    hopeless = power_for(np.array([0.0, 1e6]), np.array([0.0, 1e6]), 1.0, 0.05, 0.8, WELCH)
    assert hopeless.iterations_needed is None
    assert hopeless.reason == Reason(Why.TOO_MANY_NEEDED, 100_000)


def test_only_numbers_count_as_values() -> None:
    assert finite([1.0, np.nan, np.inf, 2.0]).tolist() == [1.0, 2.0]


def test_a_family_without_a_test_is_left_alone() -> None:
    tests = [shapiro_wilk(SAMPLES["one"])]
    assert holm(tests) == tests
    assert holm([]) == []


def test_of_many_treatments_only_pairs_with_the_first_are_compared_as_if_all_were(make_runs, monkeypatch):
    """What is left out counts in the correction: the best was chosen by the same runs."""
    means = {f"t{number:02d}": 100.0 + number for number in range(6)}
    runs = make_runs(means, iterations=6)
    whole = analyse(runs, AnalysisConfig(bootstrap_samples=200))
    monkeypatch.setattr("src.analysis.pairs.MOST_COMPARED", 5)
    found = analyse(runs, AnalysisConfig(bootstrap_samples=200))
    assert [(pair.first, pair.second) for pair in found.pairs_of("energy_j")] == [
        ("t00", f"t{number:02d}") for number in range(1, 6)
    ]
    for pair in found.pairs_of("energy_j"):
        (same,) = [p for p in whole.pairs_of("energy_j") if (p.first, p.second) == (pair.first, pair.second)]
        assert pair.decision == same.decision
        assert pair.test.p_holm >= same.test.p_holm
    smallest = min(found.pairs_of("energy_j"), key=lambda pair: pair.test.p_value)
    assert smallest.test.p_holm == pytest.approx(min(1.0, 15 * smallest.test.p_value))
