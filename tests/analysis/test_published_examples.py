"""Worked examples that others have published with their results."""

import numpy as np
import pytest

from src.analysis.effect_sizes import cliffs_delta, probability_of_superiority
from src.analysis.hypothesis_tests import WELCH, HypothesisTest, holm, mann_whitney_u, paired_t, signed_rank, welch_t
from src.analysis.omnibus import friedman, kruskal_wallis
from src.analysis.sample_size import power_for, welch_power

# Cushny and Peebles (1905), the data of Student (1908); results as in R's manual page of t.test.
SLEEP_1 = np.array([0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0])
SLEEP_2 = np.array([1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4])
# Hollander and Wolfe (1973), p. 27 (depression), p. 69 (permeability), p. 116 (mucociliary), p. 140 (bases).
DEPRESSION_BEFORE = np.array([1.83, 0.50, 1.62, 2.48, 1.68, 1.88, 1.55, 3.06, 1.30])
DEPRESSION_AFTER = np.array([0.878, 0.647, 0.598, 2.05, 1.06, 1.29, 1.06, 3.14, 1.29])
TERM = np.array([0.80, 0.83, 1.89, 1.04, 1.45, 1.38, 1.91, 1.64, 0.73, 1.46])
WEEKS = np.array([1.15, 0.88, 0.90, 0.74, 1.21])
MUCOCILIARY = [
    np.array([2.9, 3.0, 2.5, 2.6, 3.2]),
    np.array([3.8, 2.7, 4.0, 2.4]),
    np.array([2.8, 3.4, 3.7, 2.2, 2.0]),
]
ROUNDING_FIRST_BASE = [
    (5.40, 5.50, 5.55), (5.85, 5.70, 5.75), (5.20, 5.60, 5.50), (5.55, 5.50, 5.40), (5.90, 5.85, 5.70),
    (5.45, 5.55, 5.60), (5.40, 5.40, 5.35), (5.45, 5.50, 5.35), (5.25, 5.15, 5.00), (5.85, 5.80, 5.70),
    (5.25, 5.20, 5.10), (5.65, 5.55, 5.45), (5.60, 5.35, 5.45), (5.05, 5.00, 4.95), (5.50, 5.50, 5.40),
    (5.45, 5.55, 5.50), (5.55, 5.55, 5.35), (5.45, 5.50, 5.55), (5.50, 5.45, 5.25), (5.65, 5.60, 5.40),
    (5.70, 5.65, 5.55), (6.30, 6.30, 6.25),
]  # fmt: skip


def test_welch_on_students_sleep() -> None:
    test = welch_t(SLEEP_2, SLEEP_1)
    assert test.statistic == pytest.approx(-1.8608, abs=5e-5)
    assert test.degrees_of_freedom[0] == pytest.approx(17.776, abs=5e-4)
    assert test.p_value == pytest.approx(0.07939, abs=5e-6)


def test_paired_t_on_students_sleep() -> None:
    test = paired_t(SLEEP_1 - SLEEP_2)
    assert test.statistic == pytest.approx(-4.0621, abs=5e-5)
    assert test.p_value == pytest.approx(0.002833, abs=5e-7)


def test_signed_rank_on_depression() -> None:
    test = signed_rank(DEPRESSION_BEFORE - DEPRESSION_AFTER)
    assert test.statistic == 40
    assert test.p_value == pytest.approx(2 * 0.01953, abs=1e-5)


def test_mann_whitney_on_permeability() -> None:
    test = mann_whitney_u(WEEKS, TERM, alternative="greater")
    assert test.statistic == 35
    assert test.p_value == pytest.approx(0.1272, abs=5e-5)


def test_kruskal_wallis_on_mucociliary_efficiency() -> None:
    test = kruskal_wallis(MUCOCILIARY)
    assert test.statistic == pytest.approx(0.77143, abs=5e-6)
    assert test.p_value == pytest.approx(0.68, abs=5e-4)


def test_friedman_on_rounding_first_base() -> None:
    test = friedman([np.array(column) for column in zip(*ROUNDING_FIRST_BASE, strict=True)])
    assert test.statistic == pytest.approx(11.143, abs=5e-4)
    assert test.p_value == pytest.approx(0.003805, abs=5e-7)


def test_cliffs_delta_of_hess_and_kromrey() -> None:
    # Their 2004 data; the interval is what R's package effsize 0.7 prints for them (consistent, normal).
    treatment = np.array([10, 10, 20, 20, 20, 30, 30, 30, 40, 50], dtype=float)
    control = np.array([10, 20, 30, 40, 40, 50], dtype=float)
    effect = cliffs_delta(control, treatment, 0.95)
    assert effect.value == -0.25
    assert effect.magnitude == "small"
    assert effect.interval is not None
    assert effect.interval.low == pytest.approx(-0.7125351, abs=5e-8)
    assert effect.interval.high == pytest.approx(0.3639999, abs=5e-8)
    assert probability_of_superiority(effect).value == 0.375


def test_cohens_64_runs_for_a_medium_effect() -> None:
    # Cohen (1992), table 2: d = 0.5, alpha = 0.05, power = 0.80 needs 64 in each group.
    assert welch_power(0.5, (1.0, 1.0), (64, 64), 0.05) == pytest.approx(0.80, abs=0.005)
    sample = np.array([-1.0, 1.0]) / np.sqrt(2)
    assert power_for(sample, sample, 0.5, 0.05, 0.8, WELCH).iterations_needed == 64


def test_holm_on_a_family_with_an_undefined_member() -> None:
    # Holm (1979) by hand: 4 x 0.01, then 3 x 0.02, and no later one may be smaller.
    p_values = [0.03, None, 0.01, 0.04, 0.02]
    corrected = holm([HypothesisTest("t", 0.0, p) for p in p_values])
    assert [test.p_holm for test in corrected] == pytest.approx([0.06, None, 0.04, 0.06, 0.06])
