"""The sentences say what the numbers say, no more."""

import dataclasses

import numpy as np
import pytest

from src.report.sections.answer import answer, headline, pair_sentence
from src.report.sections.conclusion import conclusion
from src.report.wording import kind_notices
from tests.made_runs import analyse


@pytest.fixture
def analysis_config(analysis_config):
    """By the published rule; what the blocks say is tested in test_by_blocks.py."""
    return dataclasses.replace(analysis_config, decision="published")


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
        ["has the lowest median energy", "but it is practically the same as that of", "jax spent more than"],
        ["spent the least energy:"],
    ),
    "one treatment": (
        {"torch": around(100, 1, 5, 1)},
        ["Only torch has an energy: a median of", "nothing can be compared"],
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


def reversed_by_the_test():
    """Welch's t finds b thriftier, though a has the lower median."""
    rng = np.random.default_rng(11879)
    return {"a": 100 + rng.gamma(3, 4, 20), "b": rng.normal(109, 3, 20)}


def test_less_by_the_test_is_said_of_the_lowest_median_too(runs_of, analysis_config):
    said = answer(analyse(runs_of(reversed_by_the_test()), analysis_config), {"measured": 40})
    assert said[0].startswith("a has the lowest median energy, ")
    assert said[0].endswith(", but b spent less by the test.")
    assert "b spent less than a by the test" in said[1]


def test_less_by_the_test_is_told_among_many_treatments_too(runs_of, analysis_config):
    analysis = analyse(runs_of({f"t{n}": around(100 + 20 * n, 1, 8, n) for n in range(8)}), analysis_config)
    (pair,) = [p for p in analysis.pairs_of("energy_j") if (p.first, p.second) == ("t0", "t3")]
    odd = dataclasses.replace(pair, verdict=dataclasses.replace(pair.verdict, word="less"))
    pairs = tuple(odd if p is pair else p for p in analysis.pairs)
    said = answer(dataclasses.replace(analysis, pairs=pairs), {"measured": 64})
    assert "but t3 spent less by the test" in said[0]
    assert any(sentence.startswith("t3 spent less than t0 by the test") for sentence in said)


def test_a_share_of_nothing_is_left_out(runs_of, analysis_config):
    analysis = analyse(runs_of({"a": [0.0] * 5, "b": [5.0, 5.1, 4.9, 5.2, 4.8]}), analysis_config)
    (pair,) = analysis.pairs_of("energy_j")
    assert "in the median (+5.000 J); the difference" in pair_sentence(pair, analysis)


def test_less_at_equal_medians_is_not_less_in_the_median(runs_of, analysis_config):
    analysis = analyse(runs_of(CASES["significant and relevant"][0]), analysis_config)
    (pair,) = analysis.pairs_of("energy_j")
    same = dataclasses.replace(pair.difference, value=0.0, percent=0.0)
    odd = dataclasses.replace(pair, verdict=dataclasses.replace(pair.verdict, word="less"), difference=same)
    assert "though the medians do not say so" in pair_sentence(odd, analysis)


def test_cost_goes_by_the_means_and_says_who_is_the_thriftiest(runs_of, analysis_config):
    energies = {"a": [10.0] * 10 + [100.0] * 2, "b": around(12, 0.5, 12, 1)}
    said = " ".join(answer(analyse(runs_of(energies), analysis_config), {"measured": 24}))
    assert "b spent more than a in the median" in said
    extra_kwh = 1000 * (25 - 12) / 3.6e6
    assert f"a takes {extra_kwh:.5f}\u202fkWh more than b, the thriftiest by mean energy though not by the" in said


@pytest.mark.parametrize(
    ("durations", "expected"),
    [
        pytest.param([5.0] * 12, "All ran equally long, with a median of 5.000\u202fs.", id="equal"),
        pytest.param([5.0] * 8 + [6.0] * 4, "The fastest were a and b, with a median of", id="two"),
        pytest.param([5.0] * 4 + [6.0] * 8, "The fastest was also a, with a median of", id="one"),
        pytest.param([5.0] * 4 + [np.nan] * 4 + [6.0] * 4, "5.000\u202fs (not recorded for b).", id="not recorded"),
    ],
)
def test_the_fastest_is_told(runs_of, analysis_config, durations, expected):
    runs = runs_of({name: around(mean, 1, 4, mean) for name, mean in (("a", 10), ("b", 20), ("c", 30))})
    assert expected in " ".join(answer(analyse(runs.assign(duration_s=durations), analysis_config), {"measured": 12}))


@pytest.fixture
def three(runs_of):
    return runs_of({"a": around(100, 1, 8, 1), "b": around(120, 1, 8, 2), "c": around(110, 1, 8, 3)})


def test_a_treatment_without_a_result_is_named(three, analysis_config):
    is_c = three["treatment"] == "c"
    failed = analyse(three.assign(status=np.where(is_c, "failed", "finished")), analysis_config)
    assert headline(failed).startswith("a spent the least energy")
    assert headline(failed).endswith(". No run of c finished.")
    unknown = analyse(three.assign(energy_j=three["energy_j"].mask(is_c)), analysis_config)
    assert headline(unknown).endswith(". No run of c has an energy.")
    assert "of each treatment that has a result" in str(conclusion(unknown, {"measured": 24}))
    assert "of each treatment and" in str(conclusion(analyse(three, analysis_config), {"measured": 24}))
    none = analyse(three.assign(energy_j=np.nan), analysis_config)
    assert headline(none) == "No run has an energy, so nothing can be said about it."
    assert "at least" not in str(conclusion(none, {}))


def test_an_accuracy_is_not_said_of_treatments_without_one(three, analysis_config):
    accuracy = three["accuracy"].mask(three["treatment"] == "c")
    said = " ".join(answer(analyse(three.assign(accuracy=accuracy), analysis_config), {"measured": 24}))
    assert "The median test accuracy was 98.00 % (not recorded for c)." in said


def test_a_single_treatment_is_read_with_care_too(runs_of, analysis_config):
    said = answer(analyse(runs_of({"torch": around(100, 1, 5, 1)}), analysis_config), {"measured": 5})
    assert said[-1] == "Read this with care: there are few runs (see Warnings from the data)."


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
    assert "1 run did not count for this energy, as an outlier by the rule 'iqr'." in said


def test_too_few_runs_are_told_as_what_they_are(runs_of, analysis_config):
    said = answer(analyse(runs_of({"a": around(100, 25, 6, 1), "b": around(104, 25, 6, 2)}), analysis_config), {})
    assert "this number of runs had little chance to show a difference that matters" in said[-1]


def test_of_many_treatments_only_the_nearest_and_the_farthest_are_put_into_words(runs_of, analysis_config):
    energies = {f"t{n}": around(100 + 20 * n, 1, 8, n) for n in range(8)}
    said = " ".join(answer(analyse(runs_of(energies), analysis_config), {"measured": 64}))
    assert "t1 spent more than t0" in said
    assert "t7 spent more than t0" in said
    assert "t4 spent" not in said
    assert "7 of the 7 other treatments were shown to spend more than t0" in said


def test_two_runs_of_each_are_said_to_show_nothing(runs_of, analysis_config):
    few = analyse(runs_of({"a": [100.0, 101.0], "b": [150.0, 152.0]}), analysis_config)
    (said,) = [sentence for sentence in answer(few, {"measured": 4}) if "never" in sentence]
    assert said.startswith(
        "2 runs of each can never show a difference by the published rule, whose smallest corrected p"
    )
    assert "few is 0.33; it takes 3 or more." in said
    assert not few.pairs_of("energy_j")[0].published.significant
    enough = analyse(runs_of({"a": [100.0, 101.0, 100.5], "b": [150.0, 152.0, 151.5]}), analysis_config)
    assert "never" not in " ".join(answer(enough, {"measured": 6}))
    assert enough.pairs_of("energy_j")[0].published.significant
    by_blocks = dataclasses.replace(analysis_config, decision="blocks")
    few = analyse(runs_of({"a": [100.0, 101.0], "b": [150.0, 152.0]}), by_blocks)
    assert "2 blocks show only one of at least 9.0 times what it varies by" in " ".join(answer(few, {"measured": 4}))
