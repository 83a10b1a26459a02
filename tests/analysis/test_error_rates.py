"""A small version of benchmarks/error_rates.py: what the decision promises over many made-up studies."""

import numpy as np
import pytest

from benchmarks.error_rates import between_machines, cell, energies, paired_test, stopped
from src.analysis.foresight import blocks_of_a_sweep, needed, shown_by_sweeps_percent, shown_percent
from src.analysis.memory import MOST, neighbours, spread_of
from src.analysis.ratios import of_levels
from src.analysis.stopping import alpha_of_a_look, looks

STUDIES = 400
ENOUGH = ("normal", "lognormal", "outliers", "ar 0.5", "drift", "blocks", "unequal", "bimodal", "ties", "c skewed")
# 0.05 and 3 standard errors of 400 studies.
MOST_ERRORS = 0.083


@pytest.mark.parametrize("kind", ENOUGH)
def test_equals_are_seldom_told_apart_and_the_margin_seldom_called_the_same(kind: str) -> None:
    for n in (5, 10, 30):
        equal, margin = cell(kind, n, 1.0, STUDIES), cell(kind, n, 1.05, STUDIES)
        assert equal.false <= MOST_ERRORS, n
        assert margin.same <= MOST_ERRORS, n
        assert margin.wrong <= 0.005, n
        assert min(equal.covers_bill, margin.covers_bill, equal.covers_usual, margin.covers_usual) >= 0.93, n


@pytest.mark.parametrize("kind", ["normal", "lognormal", "outliers", "blocks"])
@pytest.mark.parametrize("n", [10, 30])
def test_twice_the_margin_is_told_as_often_as_by_the_paired_test(kind: str, n: int) -> None:
    assert cell(kind, n, 1.1, STUDIES).power >= paired_test(kind, n, 1.1, 60)[1] - 0.05


@pytest.mark.parametrize("kind", ["normal", "ar 0.5"])
def test_looking_at_results_on_the_way_does_not_make_errors(kind: str) -> None:
    found = cell(kind, 30, 1.0, STUDIES, stopping=True)
    assert found.false <= MOST_ERRORS
    assert 10 <= found.runs < 30


def test_a_study_stops_at_looks_only() -> None:
    values = energies("normal", np.random.default_rng(1), 50, 30, 1.1)
    parts = list(stopped(values))
    assert sum(len(part) for part, _ in parts) == 50
    assert {part.shape[-1] for part, _ in parts} <= set(looks(10, 30))


@pytest.mark.parametrize("machines", [2, 3, 4, 8])
@pytest.mark.parametrize("tau", [0.0, 0.03])
def test_equals_are_seldom_told_apart_over_machines(machines: int, tau: float) -> None:
    for uneven in (False, True):
        false, _, missed, apart = between_machines(tau, machines, 5, STUDIES, uneven)
        assert false <= MOST_ERRORS
        assert missed <= MOST_ERRORS
        assert tau or apart <= MOST_ERRORS


def test_the_usual_weights_claim_differences_among_equals_where_machines_are_not_alike() -> None:
    assert between_machines(0.01, 3, 10, STUDIES, uneven=True)[1] > 0.15


@pytest.mark.parametrize(
    ("minimum", "iterations", "expected"),
    [(10, 30, (10, 17, 23, 30)), (5, 6, (5, 6)), (30, 30, (30,)), (40, 30, (30,)), (1, 3, (1, 2, 3))],
)
def test_looks_are_set_beforehand(minimum: int, iterations: int, expected: tuple[int, ...]) -> None:
    assert looks(minimum, iterations) == expected
    assert alpha_of_a_look(0.05, len(expected)) * len(expected) == pytest.approx(0.05)


def test_the_foreseen_difference_is_shown_as_often_as_wanted() -> None:
    sd, n, level = 0.02, 12, 0.05
    courses = np.random.default_rng(3).standard_normal((4000, n)) * sd
    courses += np.log1p(shown_percent(sd, n, level, 0.8) / 100)
    spread = spread_of(courses)
    assert np.mean(np.abs(courses.mean(-1)) > spread.half_width(level)) == pytest.approx(0.8, abs=0.05)


def test_more_blocks_show_less_and_enough_are_found() -> None:
    reach = [shown_percent(0.03, n, 0.05, 0.8) for n in (3, 5, 10, 30, 100, 300, 1000)]
    assert reach == sorted(reach, reverse=True)
    found = needed(0.03, np.log1p(0.05), 0.05, 0.8)
    assert found is not None
    assert shown_percent(0.03, found, 0.05, 0.8) <= 5
    assert needed(0.001, 0.05, 0.05, 0.8) == 5
    assert shown_percent(0.03, 5, 0.01, 0.8) > shown_percent(0.03, 5, 0.05, 0.8)
    assert needed(100.0, 0.05, 0.05, 0.8) is None


@pytest.mark.parametrize("n", [MOST + 1, 2 * MOST - 1, 5000])
def test_long_courses_keep_their_error(n: int) -> None:
    values = np.random.default_rng(n).standard_normal(n)
    assert float(neighbours(values).mean()) == pytest.approx(values.mean(), abs=0.02)
    assert float(spread_of(values).scales[0]) == pytest.approx(1 / np.sqrt(n), rel=0.2)


def test_blocks_of_a_sweep_follow_kalibera_and_jones() -> None:
    # sqrt(100 / 25) * 3 / 2 = 3 blocks; sweeps that do not move need not be repeated.
    assert blocks_of_a_sweep(0.02, 0.03, 100, 25) == 3
    assert blocks_of_a_sweep(0.0, 0.03, 100, 25) == MOST
    assert blocks_of_a_sweep(0.5, 0.01, 1, 25) == 1


def test_the_difference_that_sweeps_show_is_shown_as_often_as_wanted() -> None:
    rng = np.random.default_rng(4)
    gap = np.log1p(shown_by_sweeps_percent(0.02, 0.01, 5, 4, 0.05, 0.8) / 100)
    sweeps = gap + 0.02 * rng.standard_normal((4000, 5)) + 0.01 * rng.standard_normal((4000, 5, 4)).mean(-1)
    estimate, spread = of_levels(sweeps)
    assert np.mean(estimate > spread.half_width(0.05)) == pytest.approx(0.8, abs=0.06)
