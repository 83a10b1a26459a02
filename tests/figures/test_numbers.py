"""Numbers as a reader sees them."""

import math

import pytest

from src.analysis.values import Interval
from src.figures.numbers import duration, enumerate_all, interval, number, p_phrase, p_value, percent

THIN = "\u202f"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (2470.913, f"2{THIN}471"),
        (10298.235, f"10{THIN}298"),
        (53.4, "53.40"),
        (0.0068, "0.006800"),
        (0.0, "0"),
        (-2.148, "\u22122.148"),
        (1e-9, "1.000 × 10^\u22129"),
        (None, "–"),
        (math.nan, "–"),
        (math.inf, "–"),
    ],
)
def test_four_significant_digits_and_no_digit_of_an_integer_lost(value, expected):
    assert number(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (253.4, "+253"),
        (64.13, "+64.1"),
        (0.0096, "+0.01"),
        (0.001, "0"),
        (-0.597, "\u22120.60"),
        (1685.2, f"+1{THIN}685"),
        (28.046, "+28.0"),
        (-28.046, "\u221228.0"),
        (9.996, "+10.0"),
        (-0.001, "0"),
    ],
)
def test_percentages_are_never_finer_than_a_hundredth(value, expected):
    assert percent(value) == f"{expected}{THIN}%"


def test_p_values_have_a_bound():
    assert [p_value(p, 0.05) for p in (0.0004, 0.0123, None)] == [f"<{THIN}0.001", "0.012", "–"]
    assert [p_phrase(p, 0.05) for p in (0.0004, 0.0123)] == [f"p{THIN}<{THIN}0.001", f"p{THIN}={THIN}0.012"]


@pytest.mark.parametrize(
    ("value", "alpha", "expected"),
    [
        pytest.param(0.0498, 0.05, "0.0498", id="just below"),
        pytest.param(0.04999996, 0.05, "0.04999996", id="a hair below"),
        pytest.param(0.05, 0.05, "0.050", id="at"),
        pytest.param(0.0502, 0.05, "0.050", id="just above"),
        pytest.param(0.0498, 0.1, "0.050", id="far from its alpha"),
        pytest.param(0.0007, 0.0005, "0.001", id="above an alpha below the bound"),
        pytest.param(0.0004, 0.0005, f"<{THIN}0.0005", id="below an alpha below the bound"),
        pytest.param(0.0000001, 0.00001, f"<{THIN}0.00001", id="below a tiny alpha"),
        pytest.param(0.01234, 0.0123, "0.0123", id="rounded down across"),
    ],
)
def test_a_printed_p_value_lies_on_its_own_side_of_alpha(value, alpha, expected):
    assert p_value(value, alpha) == expected


def test_intervals_enumerations_and_lengths():
    assert interval(Interval(1.0, 2.5, 0.95, "BCa"), 2) == "1.0 to 2.5"
    assert interval(None) == "–"
    assert [enumerate_all(x) for x in (["a"], ["a", "b"], ["a", "b", "c"])] == ["a", "a and b", "a, b and c"]
    assert [duration(x) for x in (90, 600, 9000)] == [f"90.0{THIN}s", f"10.0{THIN}min", f"2.50{THIN}h"]
