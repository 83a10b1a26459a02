import io

import numpy as np
import pytest
from rich.console import Console

from src.protocol.outcomes import Outcome, significant, spread, summarise, summary_table


def outcome(treatment, energy_j, kind="measured"):
    metrics = {"energy_j": energy_j, "duration_s": 2.0, "power_w": 5.0, "edp_js": 20.0, "accuracy": 0.9}
    return Outcome(treatment, kind, metrics)


def test_the_lowest_median_comes_first_and_the_others_say_how_much_more():
    summaries = summarise([outcome("a", 30.0), outcome("b", 10.0), outcome("b", 30.0), outcome("b", 20.0)])
    assert [s.treatment for s in summaries] == ["b", "a"]
    assert [s.n for s in summaries] == [3, 1]
    assert [s.extra_percent for s in summaries] == [0.0, pytest.approx(50.0)]


def test_quartiles_are_numpys():
    values = [3.0, 1.0, 4.0, 1.5, 9.0, 2.6]
    found = spread(values)
    assert (found.lower, found.median, found.upper) == pytest.approx(tuple(np.quantile(values, [0.25, 0.5, 0.75])))


def test_one_run_has_no_spread():
    assert spread([7.0]).lower == spread([7.0]).upper == 7.0


def test_nothing_measured_is_an_empty_summary():
    assert summarise([]) == []


def test_the_table_fits_a_terminal_and_says_that_energy_is_estimated():
    console = Console(width=80, record=True, file=io.StringIO())
    console.print(summary_table(summarise([outcome("a", 10.0, "estimated"), outcome("b", 12.0, "estimated")])))
    text = console.export_text()
    assert "ESTIMATED" in text
    assert "+20.0 %" in text
    assert max(len(line) for line in text.splitlines()) <= 80


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (1234.56, "1235"), (123.456, "123.5"), (12.3456, "12.35"), (0.98765, "0.988")],
)
def test_four_significant_digits(value, text):
    assert significant(value) == text
