"""Names and numbers beside the axes."""

from __future__ import annotations

import numpy as np
import pytest

from src.contract.metrics import OLD_CATALOGUE
from src.figures.looks import short_labels, wrap, wrapped_labels
from src.figures.style import most_columns
from src.figures.units import as_words, fixed, number, scale, three_digits
from tests.made_runs import factors_of


def test_short_labels_leave_the_group_out() -> None:
    name = "torch training.batch_size=32 model.layers.0.units=5"
    assert short_labels(factors_of([name])) == {name: "torch batch_size=32 units=5"}


def test_short_labels_never_make_two_treatments_one() -> None:
    names = ["tf model.name=a", "tf hardware.name=a"]
    assert list(short_labels(factors_of(names)).values()) == names


def test_a_dot_in_a_value_stays() -> None:
    assert short_labels(factors_of(["tf training.learning_rate=0.001"]))["tf training.learning_rate=0.001"] == (
        "tf learning_rate=0.001"
    )


def test_where_one_label_breaks_all_do() -> None:
    labels = wrapped_labels(factors_of(["tf training.batch_size=8", "torch training.batch_size=128"]))
    assert list(labels.values()) == ["tf\nbatch_size=8", "torch\nbatch_size=128"]


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("torch", ["torch"]),
        ("torch batch", ["torch", "batch"]),
        ("learning_rate=0.001", ["learning_", "rate=0.001"]),
        ("abcdefghijklmno", ["abcdefghij", "klmno"]),
    ],
)
def test_wrap(text: str, lines: list[str]) -> None:
    assert wrap(text, 10) == lines


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (-0.0, "0"),
        (12500.0, "12\u2009500"),
        (-3.25, "\u22123.25"),
        (2.5e-7, "0.00000025"),
        (1234567.0, "1\u2009234\u2009567"),
    ],
)
def test_number(value: float, text: str) -> None:
    assert number(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "0"), (0.00093, "0.000930"), (1.047, "1.05"), (994.4, "994"), (11964.2, "11\u2009964")],
)
def test_three_digits(value: float, text: str) -> None:
    assert three_digits(value) == text


def test_fixed_has_no_negative_zero() -> None:
    assert fixed(-0.001, 1) == "0.0"


@pytest.mark.parametrize(
    ("metric", "largest", "title", "divisor"),
    [
        ("energy_j", 99_999.0, "Energy of the task (J)", 1.0),
        ("energy_j", 100_000.0, "Energy of the task (kJ)", 1e3),
        ("edp_js", 5e7, "Energy-delay product (MJ·s)", 1e6),
        ("duration_s", 5e7, "Duration of the task (s)", 1.0),
        ("accuracy", 0.98, "Test accuracy (%)", 0.01),
    ],
)
def test_scale(metric: str, largest: float, title: str, divisor: float) -> None:
    found = scale(OLD_CATALOGUE[metric], np.array([1.0, largest]))
    assert (found.title, found.divisor) == (title, divisor)


@pytest.mark.parametrize(
    ("widths", "expected"),
    [([10, 10, 10, 10], 4), ([40, 40, 20, 10], 3), ([90, 20], 1), ([10, 10, 85, 10], 2), ([200], 1)],
)
def test_a_legend_has_as_many_columns_as_fit(widths: list[float], expected: int) -> None:
    assert most_columns(widths, 100, 4) == expected


def test_a_label_loses_only_what_is_the_key_of_a_factor() -> None:
    assert short_labels({"run a.b=1": {"workload.command": "run a.b=1"}}) == {"run a.b=1": "run a.b=1"}


@pytest.mark.parametrize(
    ("title", "words"), [("Energy of the task", "energy of the task"), ("IO wait", "IO wait"), ("", "")]
)
def test_titles_in_sentences(title: str, words: str) -> None:
    assert as_words(title) == words
