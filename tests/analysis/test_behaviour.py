"""What the statistics promise over many samples: error rates, coverage, power; seeds make it repeatable."""

from collections.abc import Callable

import numpy as np
import pytest
from scipy import stats

from src.analysis import bootstrap
from src.analysis.describe import describe
from src.analysis.effect_sizes import EffectSize, cliffs_delta, hedges_g
from src.analysis.hypothesis_tests import (
    MANN_WHITNEY,
    WELCH,
    compare_blocks,
    mann_whitney_u,
    published_test,
    welch_t,
)
from src.analysis.sample_size import power_for, welch_power
from src.analysis.values import Sample
from src.analysis.verdict import two_one_sided_tests

ALPHA, CONFIDENCE = 0.05, 0.95
Draw = Callable[[np.random.Generator, int], Sample]

DRAWS: dict[str, Draw] = {
    "normal": lambda rng, n: rng.normal(100, 3, n),
    "lognormal": lambda rng, n: rng.lognormal(4, 0.3, n),
    "tied": lambda rng, n: np.round(rng.normal(100, 3, n)),
}


def share(outcomes: list[bool]) -> float:
    return sum(outcomes) / len(outcomes)


@pytest.mark.parametrize("draw", DRAWS.values(), ids=DRAWS)
def test_no_difference_is_called_one_about_as_often_as_alpha_says(draw: Draw) -> None:
    rng = np.random.default_rng(1)
    p_values = [published_test(draw(rng, 15), draw(rng, 15)).p_value for _ in range(600)]
    # 0.05 +- 3.4 standard errors of 600 trials.
    assert 0.02 <= share([p is not None and p < ALPHA for p in p_values]) <= 0.08


def test_blocks_in_common_are_not_called_a_difference() -> None:
    rng = np.random.default_rng(2)
    outcomes = []
    for _ in range(600):
        block = rng.normal(100, 10, 12)
        p_value = compare_blocks(block + rng.normal(size=12), block + rng.normal(size=12)).test.p_value
        outcomes.append(p_value is not None and p_value < ALPHA)
    assert 0.02 <= share(outcomes) <= 0.08


def test_blocks_find_what_loose_samples_do_not() -> None:
    rng = np.random.default_rng(3)
    block = rng.normal(100, 10, 20)
    first, second = block + rng.normal(size=20), block + 2 + rng.normal(size=20)
    paired, loose = compare_blocks(first, second).test.p_value, published_test(first, second).p_value
    assert paired is not None
    assert loose is not None
    assert paired < 0.001 < 0.2 < loose


@pytest.mark.parametrize("statistic", ["mean", "median"])
@pytest.mark.parametrize(("name", "truth"), [("normal", (100, 100)), ("lognormal", (np.exp(4.045), np.exp(4)))])
def test_intervals_hold_the_truth(name: str, truth: tuple[float, float], statistic: str) -> None:
    rng = np.random.default_rng(4)
    held = []
    for _ in range(250):
        values = DRAWS[name](rng, 30)
        found = describe("t", "m", "J", values, CONFIDENCE)
        interval = getattr(found, f"{statistic}_interval")
        if interval is not None:
            held.append(interval.low <= truth[statistic == "median"] <= interval.high)
    assert len(held) > 240
    # Order statistics allow for memory in whole steps, and so in more than they must.
    assert 0.93 <= share(held) <= (1 if statistic == "median" else 0.995)


@pytest.mark.parametrize(
    ("effect", "truth"),
    # d = 1, hence P(second > first) = Phi(1 / sqrt 2).
    [(hedges_g, 1.0), (cliffs_delta, 2 * stats.norm.cdf(1 / np.sqrt(2)) - 1)],
    ids=["hedges_g", "cliffs_delta"],
)
def test_intervals_of_effect_sizes_hold_the_truth(
    effect: Callable[[Sample, Sample, float], EffectSize], truth: float
) -> None:
    rng = np.random.default_rng(5)
    found = [effect(rng.normal(0, 1, 15), rng.normal(1, 1, 20), CONFIDENCE) for _ in range(400)]
    held = [each.interval is not None and each.interval.low <= truth <= each.interval.high for each in found]
    assert 0.91 <= share(held) <= 0.98
    assert np.mean([each.value for each in found if each.value is not None]) == pytest.approx(truth, abs=0.05)


@pytest.mark.parametrize("test_name", [WELCH, MANN_WHITNEY])
def test_a_difference_as_large_as_the_margin_is_seldom_called_the_same(test_name: str) -> None:
    rng = np.random.default_rng(6)
    first = [rng.normal(100, 3, 20) for _ in range(600)]
    second = [rng.normal(105, 3, 20) for _ in range(600)]
    tests = [two_one_sided_tests(a, b, 5.0, 5, test_name).test for a, b in zip(first, second, strict=True)]
    assert share([test.p_value is not None and test.p_value < ALPHA for test in tests]) <= 0.08


@pytest.mark.parametrize("test_name", [WELCH, MANN_WHITNEY])
def test_equal_treatments_are_called_the_same_with_runs_enough(test_name: str) -> None:
    rng = np.random.default_rng(7)
    tests = [
        two_one_sided_tests(rng.normal(100, 2, 30), rng.normal(100, 2, 30), 5.0, 5, test_name).test for _ in range(100)
    ]
    assert share([test.p_value is not None and test.p_value < ALPHA for test in tests]) > 0.99


def test_predicted_power_is_what_happens() -> None:
    rng = np.random.default_rng(8)
    predicted = welch_power(3.0, (3.0, 5.0), (20, 15), ALPHA)
    p_values = [welch_t(rng.normal(0, 3, 20), rng.normal(3, 5, 15)).p_value for _ in range(1500)]
    assert share([p is not None and p < ALPHA for p in p_values]) == pytest.approx(predicted, abs=0.04)


def test_power_grows_with_runs_and_with_the_difference() -> None:
    by_size = [welch_power(1.0, (1.0, 2.0), (n, n), ALPHA) for n in (3, 5, 10, 30, 100, 1000, 100_000)]
    by_margin = [welch_power(margin, (1.0, 2.0), (10, 10), ALPHA) for margin in (0.1, 0.5, 1, 2, 4, 50)]
    assert by_size == sorted(by_size)
    assert by_margin == sorted(by_margin)
    assert by_size[-1] == by_margin[-1] == 1.0


def test_ranks_need_more_runs_than_means_for_the_same_power() -> None:
    sample = np.random.default_rng(10).normal(100, 10, 200)
    by_means, by_ranks = (power_for(sample, sample, 2.0, ALPHA, 0.8, name) for name in (WELCH, MANN_WHITNEY))
    assert by_means.iterations_needed is not None
    assert by_ranks.iterations_needed is not None
    assert by_means.power is not None
    assert by_ranks.power is not None
    # 0.864 is the least efficiency of ranks (Hodges and Lehmann, 1956).
    assert by_ranks.iterations_needed == pytest.approx(by_means.iterations_needed / 0.864, abs=2)
    assert by_ranks.power < by_means.power


def test_the_rank_test_finds_a_shift() -> None:
    rng = np.random.default_rng(9)
    found = [mann_whitney_u(rng.normal(0, 1, n), rng.normal(0.8, 1, n)).p_value for n in [10] * 100 + [40] * 100]
    small, large = (share([p is not None and p < ALPHA for p in part]) for part in (found[:100], found[100:]))
    assert small < 0.7 < 0.85 < large


@pytest.mark.parametrize("n", [2, 3, 8, 9, 30])
def test_medians_drawn_as_order_statistics_are_medians_of_resamples(n: int) -> None:
    rng = np.random.default_rng(n)
    values = rng.normal(size=n)
    drawn = bootstrap.median_replicates(values, 20_000, rng)
    resampled = np.median(values[rng.integers(n, size=(20_000, n))], axis=1)
    points = np.unique(resampled)
    gap = np.abs(
        np.searchsorted(np.sort(drawn), points, "right") - np.searchsorted(np.sort(resampled), points, "right")
    )
    # The Kolmogorov-Smirnov distance that two samples of this size exceed once in 10 000 times.
    assert gap.max() / 20_000 < 2.2 * np.sqrt(2 / 20_000)
