import io
from dataclasses import replace

import numpy as np
import pytest
from rich.console import Console

from src.contract.flags import Flag
from src.contract.metrics import OF_TRAINING, Metric
from src.contract.record import FiledRun
from src.protocol.outcomes import (
    heading_of,
    missing_table,
    significant,
    spread,
    summarise,
    summary_table,
    told,
    value_of,
)

ACCURACY = OF_TRAINING[0]


def run(treatment, energy_j, kind="measured", **own):
    metrics = {"energy_j": energy_j, "duration_s": 2.0, "power_w": 5.0, "edp_js": 20.0, "accuracy": 0.9}
    described = {"accuracy": ACCURACY} | {name: metric for name, (metric, _) in own.items()}
    return FiledRun(
        run_id="", name="", start_ms=0, end_ms=0, status="finished", described=described,
        tags={"treatment": treatment, "energy_kind": kind},
        metrics=metrics | {name: value for name, (_, value) in own.items()},
    )  # fmt: skip


def printed(table, width=80):
    console = Console(width=width, record=True, file=io.StringIO())
    console.print(table)
    return console.export_text()


def test_the_lowest_median_comes_first_and_the_others_say_how_much_more():
    summaries = summarise([run("a", 30.0), run("b", 10.0), run("b", 30.0), run("b", 20.0)])
    assert [s.treatment for s in summaries] == ["b", "a"]
    assert [s.n for s in summaries] == [3, 1]
    assert [s.extra_percent for s in summaries] == [0.0, pytest.approx(50.0)]


def test_doubtful_runs_are_counted_but_not_in_the_medians():
    grave = (Flag("foreign_cpu", "other programs took 60 %", grave=True),)
    runs = [run("a", 10.0), run("a", 12.0), replace(run("a", 93.0), flags=grave), run("b", 15.0)]
    text = printed(summary_table(runs))
    assert "11.00" in text
    assert "93.00" not in text
    assert "1 of 4 runs are doubtful and do not count" in " ".join(text.split())


def test_estimated_energies_are_ordered_by_time():
    slow = replace(run("a", 10.0, "estimated"), metrics={**run("a", 10.0).metrics, "duration_s": 3.0})
    fast = run("b", 20.0, "estimated")
    assert [(s.treatment, round(s.extra_percent)) for s in summarise([slow, fast])] == [("b", 0), ("a", 50)]
    assert "time vs best" in printed(summary_table([slow, fast]))


def test_quartiles_are_numpys():
    values = [3.0, 1.0, 4.0, 1.5, 9.0, 2.6]
    found = spread(values)
    assert (found.lower, found.median, found.upper) == pytest.approx(tuple(np.quantile(values, [0.25, 0.5, 0.75])))


def test_one_run_has_no_spread():
    assert spread([7.0]).lower == spread([7.0]).upper == 7.0


def test_nothing_measured_is_an_empty_summary():
    assert summarise([]) == []


def test_the_table_fits_a_terminal_and_says_that_energy_is_estimated():
    longer = replace(run("b", 12.0, "estimated"), metrics={**run("b", 12.0).metrics, "duration_s": 2.4})
    text = printed(summary_table([run("a", 10.0, "estimated"), longer]))
    assert "ESTIMATED" in text
    assert "+20.0 %" in text
    assert max(len(line) for line in text.splitlines()) <= 80


def test_every_column_stands_below_its_heading():
    made = replace(run("torch", 11.0), metrics={"energy_j": 11.0, "duration_s": 22.0, "power_w": 0.5, "edp_js": 242.0,
                                                "accuracy": 0.875})  # fmt: skip
    lines = printed(summary_table([made]), 120).splitlines()
    heads = next(line for line in lines if "treatment" in line)
    row = next(line for line in lines if "torch" in line)
    ends = {"n": "1", "energy J": "11.00", "time s": "22.00", "power W": "0.500", "EDP J·s": "242.0", "acc. %": "87.50",
            "vs best": "lowest"}  # fmt: skip
    for heading, cell in ends.items():
        end = heads.index(f" {heading}") + len(heading) + 1
        assert row[:end].endswith(f" {cell}"), heading


def test_below_the_median_stands_the_interquartile_range():
    lines = printed(summary_table([run("a", energy) for energy in (10.0, 20.0, 30.0, 40.0, 50.0)]), 120).splitlines()
    row = next(number for number, line in enumerate(lines) if " 5 " in line)
    assert "30.00" in lines[row]
    assert lines[row + 1].split() == ["20.00"]


def test_what_the_work_puts_into_its_headlines_is_shown_and_nothing_else():
    tokens = Metric("tokens", "1/s", "Tokens", "higher", headline=True)
    memory = Metric("memory", "B", "Memory", "lower")
    text = printed(summary_table([run("a", 10.0, tokens=(tokens, 123.0), memory=(memory, 77.0)), run("b", 1.0)]), 120)
    assert "tokens 1/s" in text
    assert "123.0" in text
    assert "–" in text
    assert "77.0" not in text


def test_a_run_is_told_in_one_line():
    tokens = Metric("tokens", "1/s", "Tokens", "higher", headline=True)
    assert told(run("a", 10.0, tokens=(tokens, 123.0))) == "2.000 s, 5.000 W, accuracy 90.00 %, tokens 123.0 1/s"


@pytest.mark.parametrize(
    ("metric", "heading", "value"),
    [
        (ACCURACY, "acc. %", "90.00"),
        (Metric("energy_j", "J", "Energy of the task"), "energy J", "10.00"),
        (Metric("lines", "1", "Lines"), "lines", "–"),
        (Metric("depth", "m", "How Deep"), "how deep m", "–"),
    ],
    ids=lambda value: getattr(value, "name", value),
)
def test_a_metric_has_a_heading_and_a_value(metric, heading, value):
    assert (heading_of(metric), value_of(metric, run("a", 10.0))) == (heading, value)


def test_what_is_missing_is_told_with_its_reasons_first_line():
    text = printed(missing_table([("torch", 3, "it broke\nlog")]))
    assert "torch" in text
    assert "3" in text
    assert "it broke" in text
    assert "log" not in text


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (1234.56, "1235"), (123.456, "123.5"), (12.3456, "12.35"), (0.98765, "0.988")],
)
def test_four_significant_digits(value, text):
    assert significant(value) == text


def test_a_label_is_shown_as_it_stands():
    label = "sort [a-z] [/b]"
    assert label in printed(summary_table([run(label, 10.0)]), 120)
    text = printed(missing_table([(label, 1, "no [such] file")]), 120)
    assert label in text
    assert "no [such] file" in text


@pytest.mark.parametrize("width", [60, 80])
def test_the_table_keeps_the_treatment_on_a_narrow_terminal(width):
    console = Console(width=width, record=True, file=io.StringIO())
    console.print(summary_table([run("torch", 1234.5), run("jax_tuned", 2345.6)], width))
    text = console.export_text()
    assert "jax_tuned" in text
    assert "…" not in text
    assert ("energy J" in text) is (width == 80)
