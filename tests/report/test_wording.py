"""What the analysis found by codes, in words."""

import dataclasses
import re

import numpy as np
import pytest

from src.analysis.settings import AnalysisConfig
from src.analysis.values import Reason, Why
from src.report.wording import caution_text, many_runs, reason_text, verdict_reason
from tests.made_runs import analyse

THIN = "\u202f"
CONFIG = AnalysisConfig(bootstrap_samples=200, decision="published")


@pytest.fixture
def two(runs_of):
    rng = np.random.default_rng(3)
    return runs_of({"a": list(rng.normal(100, 1, 20)), "b": list(rng.normal(110, 1, 20))})


def texts(analysis, kind):
    return [caution_text(caution, analysis) for caution in analysis.cautions if caution.kind == kind]


@pytest.mark.parametrize("why", Why)
def test_every_reason_has_words(why):
    text = reason_text(Reason(why, 6000))
    assert text
    assert not re.search("[{}]", text)


@pytest.mark.parametrize(
    ("reason", "text"),
    [
        (Reason(Why.NOT_FOR_THIS_SIZE, 6000), f"defined for 3 to 5000 values, not 6{THIN}000"),
        (Reason(Why.TOO_MANY_NEEDED, 100_000), f"more than 100{THIN}000 iterations"),
        (Reason(Why.TOO_FEW_PLACES, 4), "needs at least 4 runs with a known place"),
        (None, "not defined for these values"),
    ],
)
def test_reasons_name_their_numbers(reason, text):
    assert reason_text(reason) == text


def test_flags_are_said_by_code_and_once(two):
    flags = ["gap: 3 s", "wrap: once; gap: 4 s", *[None] * 38]
    analysis = analyse(two.assign(**{"tags.flags": flags}), CONFIG)
    assert texts(analysis, "flags") == [
        "Recordings of 2 runs are flagged gap: 3 s (so it says of one of them)",
        "Recordings of 1 run are flagged wrap: once",
    ]


def test_a_drift_is_said_with_its_direction_and_size(two):
    factor = 1 + 0.1 * (two["started_s"] - two["started_s"].min()) / 3600
    (up,) = texts(analyse(two.assign(energy_j=two["energy_j"] * factor), CONFIG), "drift")
    (down,) = texts(analyse(two.assign(energy_j=two["energy_j"] / factor), CONFIG), "drift")
    assert re.search(rf"^Energy of the task drifts with time: \+\d\.\d\d{THIN}% over the sweep \(Spearman", up)
    assert re.search(rf"^Energy of the task drifts with time: \u2212\d\.\d\d{THIN}% over the sweep \(Spearman", down)


def test_a_position_is_said_with_its_size(two):
    analysis = analyse(two.assign(energy_j=two["energy_j"] * (1 + 0.02 * two["iteration"] % 2)), CONFIG)
    threats = tuple(dataclasses.replace(t, detected=True, effect_percent=4.0) for t in analysis.threats)
    told = dataclasses.replace(analysis, threats=threats)
    place, before = (dataclasses.replace(analysis.cautions[0], kind=kind) for kind in ("position", "carry_over"))
    assert f"the position in the block: +4.00{THIN}% from the first to the last" in caution_text(place, told)
    assert f"which treatment ran before: up to 4.00{THIN}% between predecessors" in caution_text(before, told)


def test_numbers_of_warnings_are_written_as_in_the_tables(two):
    config = AnalysisConfig(bootstrap_samples=200, decision="published", minimum_runs=1000, spread_warning_percent=0.01)
    level = two["energy_j"] * np.where(two["treatment"] == "b", 1 / 1.1, 1)
    wide = two.assign(energy_j=level * np.random.default_rng(4).permutation(np.linspace(1, 9, 40)))
    analysis = analyse(wide, config)
    few = texts(analysis, "few_runs")
    assert few[0] == f"{analysis.treatments[0]} has 20 usable runs, fewer than the 1{THIN}000 recommended"
    assert re.search(rf"^Energy of the task of . spreads by \d\d\.\d{THIN}% of its mean, more than 0.01 %$",
                     texts(analysis, "spread")[0])  # fmt: skip
    assert re.search(rf"shown with a probability of 0\.\d+ only; 0\.8 needs \d+{THIN}\d\d\d iterations$",
                     texts(analysis, "low_power")[0])  # fmt: skip
    config.relevant_percent = 1e-3
    assert texts(analyse(wide, config), "low_power")[0].endswith(f"needs more than 100{THIN}000 iterations")


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("estimated", "The energy of 40 runs is ESTIMATED from the processor's load"),
        ("imported", "The energy of 40 runs is IMPORTED from recordings made elsewhere"),
        ("odd", "The energy of 40 runs is of unknown origin ('odd')"),
    ],
)
def test_energy_that_was_not_measured_is_said(two, kind, said):
    (text,) = texts(analyse(two.assign(energy_kind=kind), CONFIG), "not_measured")
    assert text.startswith(said)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"word": "more"}, "Mann-Whitney U, Holm-corrected p"),
        ({"word": "no difference shown"}, "; equivalence is not shown either"),
        ({"word": "practically the same", "significant": True}, "is ruled out"),
        ({"word": "practically the same", "significant": True}, ", though the difference is significant"),
        ({"word": "not testable", "untested": Reason(Why.ALL_EQUAL)}, "all values are equal"),
    ],
)
def test_a_verdict_says_what_it_rests_on(two, changes, said):
    (pair,) = analyse(two, CONFIG).pairs_of("energy_j")
    pair = dataclasses.replace(pair, verdict=dataclasses.replace(pair.verdict, **changes))
    assert said in verdict_reason(pair, CONFIG)


@pytest.mark.parametrize(
    ("workload", "said"),
    [
        ("training", "2 trainings"),
        ("inference", "2 runs of the inference"),
        ("command", "2 runs"),
        ("several", "2 runs"),
    ],
)
def test_runs_are_called_what_they_are(two, workload, said):
    assert many_runs(dataclasses.replace(analyse(two, CONFIG), workload=workload), 2) == said
