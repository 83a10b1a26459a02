"""The sentences say what the numbers say, no more."""

import dataclasses

import numpy as np
import pytest

from src.report.answer import answer, headline, kind_notices, pair_sentence
from src.report.statistics.analysis import analyse


def around(mean, spread, n, seed):
    """Energies of n runs, exactly of this mean and spread."""
    values = np.random.default_rng(seed).standard_normal(n)
    return mean + spread * (values - values.mean()) / values.std(ddof=1)


CASES = {
    "significant and relevant": (
        {"torch": around(100, 1, 12, 1), "tf": around(150, 1, 12, 2)},
        ["torch spent the least energy: a median of", "tf spent more than torch in the median (+",
         "the difference is significant", "more than the 5 % that matter here", "Over 1"],
        ["no difference", "practically the same"],
    ),
    "significant, relevance open": (
        {"torch": around(100, 2, 15, 1), "tf": around(105.5, 2, 15, 2)},
        ["torch spent the least energy", "but whether it exceeds the 5 % that matter here is not settled"],
        ["practically the same"],
    ),
    "nothing shown": (
        {"torch": around(100, 25, 6, 1), "tf": around(104, 25, 6, 2)},
        ["No treatment was shown to spend less energy than another.", "no difference was shown",
         "none of 5 % was ruled out", "runs of each would show a difference of 5 % with a probability of 0.8"],
        ["spent the least", "spent more", "practically the same", "Over 1"],
    ),
    "equivalent": (
        {"torch": around(100, 0.5, 12, 1), "tf": around(100.05, 0.5, 12, 2)},
        ["spend practically the same energy: a difference of 5 % is ruled out for this pair.",
         "are practically the same: a difference of 5 % is ruled out"],
        ["spent the least", "spent more", "although"],
    ),
    "equivalent though significant": (
        {"torch": around(100, 0.2, 20, 1), "tf": around(101, 0.2, 20, 2)},
        ["spend practically the same energy", "are practically the same, although the difference is significant"],
        ["spent the least", "spent more"],
    ),
    "first place shared, third behind": (
        {"torch": around(100, 0.5, 12, 1), "tf": around(100.1, 0.5, 12, 2), "jax": around(200, 2, 12, 3)},
        ["has the lowest energy", "but it is practically the same as that of", "jax spent more than"],
        ["spent the least energy:"],
    ),
    "one treatment": (
        {"torch": around(100, 1, 5, 1)},
        ["Only torch was measured: a median of", "nothing can be compared"],
        ["least", "more than", "significant"],
    ),
    "one run each": (
        {"torch": [100.0], "tf": [150.0]},
        ["No treatment was shown to spend less", "cannot be tested against each other", "(1 run)"],
        ["spent the least", "significant ("],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("energies", "said", "unsaid"), CASES.values(), ids=CASES.keys())
def test_says_what_was_found_and_no_more(runs_of, analysis_config, energies, said, unsaid):
    text = " ".join(answer(analyse(runs_of(energies), analysis_config), {"measured": 1}))
    assert [phrase for phrase in said if phrase not in text] == []
    assert [phrase for phrase in unsaid if phrase in text] == []


@pytest.mark.parametrize(
    ("kinds", "expected"),
    [
        pytest.param({"measured": 9}, [], id="measured"),
        pytest.param({"estimated": 9}, ["The energy of all runs is ESTIMATED"], id="estimated"),
        pytest.param({"replayed": 9}, ["The energy of all runs is REPLAYED"], id="replayed"),
        pytest.param({"imported": 9}, ["The energy of all runs is IMPORTED"], id="imported"),
        pytest.param(
            {"measured": 4, "estimated": 5}, ["The energy of 5 of 9 runs is ESTIMATED"], id="partly estimated"
        ),
        pytest.param({"guessed": 2}, ["The energy of all runs is of unknown origin ('guessed')"], id="unknown kind"),
    ],
)
def test_energy_that_was_not_measured_is_said_first(runs_of, analysis_config, kinds, expected):
    notices = kind_notices(kinds)
    assert [notice[: len(text)] for notice, text in zip(notices, expected, strict=True)] == expected
    analysis = analyse(runs_of({"a": around(10, 1, 4, 1), "b": around(20, 1, 4, 2)}), analysis_config)
    assert answer(analysis, kinds)[: len(expected)] == notices


def test_numbers_of_the_sentence_are_those_of_the_data(runs_of, analysis_config):
    energies = {"torch": [99.0, 100.0, 101.0, 100.5, 99.5], "tf": [148.0, 150.0, 152.0, 151.0, 149.0]}
    analysis = analyse(runs_of(energies), analysis_config)
    assert "a median of 100.0\u202fJ per run" in headline(analysis)
    assert "+50.00 J, +50.0\u202f%" in pair_sentence(analysis.pairs_of("energy_j")[0], analysis)


def test_a_test_against_the_medians_is_said_as_such(runs_of, analysis_config):
    analysis = analyse(runs_of(CASES["significant and relevant"][0]), analysis_config)
    (pair,) = analysis.pairs_of("energy_j")
    odd = dataclasses.replace(pair, verdict=dataclasses.replace(pair.verdict, word="less"))
    assert "by the test" in pair_sentence(odd, analysis)
    assert "though the medians do not say so" in pair_sentence(odd, analysis)


@pytest.mark.parametrize(
    ("accuracy", "expected"),
    [
        pytest.param(np.nan, "How accurate the trained networks were is not recorded.", id="unknown"),
        pytest.param(0.98, "The median test accuracy was 98.00 % for all.", id="equal"),
        pytest.param([0.9] * 4 + [0.95] * 4, "between 90.00 % (a) and 95.00 % (b)", id="different"),
    ],
)
def test_accuracy_is_told(runs_of, analysis_config, accuracy, expected):
    runs = runs_of({"a": around(10, 1, 4, 1), "b": around(20, 1, 4, 2)}, accuracy=accuracy)
    assert expected in " ".join(answer(analyse(runs, analysis_config), {"measured": 8}))


def test_outliers_that_do_not_count_are_told(runs_of, analysis_config):
    analysis_config.outliers = "iqr"
    energies = {"a": [10.0, 10.1, 10.2, 10.3, 10.4, 30.0], "b": [20.0, 20.1, 20.2, 20.3, 20.4, 20.5]}
    said = " ".join(answer(analyse(runs_of(energies), analysis_config), {"measured": 20}))
    assert "1 run did not count for this energy, as outliers by the rule 'iqr'" in said


def test_of_many_treatments_only_the_nearest_and_the_farthest_are_put_into_words(runs_of, analysis_config):
    energies = {f"t{n}": around(100 + 20 * n, 1, 8, n) for n in range(8)}
    said = " ".join(answer(analyse(runs_of(energies), analysis_config), {"measured": 64}))
    assert "t1 spent more than t0" in said
    assert "t7 spent more than t0" in said
    assert "t4 spent" not in said
    assert "7 of the 7 other treatments were shown to spend more than t0" in said
