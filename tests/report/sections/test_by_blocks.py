"""What the blocks say, in at most seven sentences, none of which the interval beside it contradicts."""

import dataclasses

import numpy as np
import pytest

from src.analysis.analyse import analyse as analyse_runs
from src.analysis.comparable import comparable
from src.analysis.decision import Decision, Ratio, judge_by_blocks
from src.analysis.table import table_of
from src.analysis.values import Interval
from src.report.sections.answer import answer, headline, pair_sentence
from src.report.wording import caution_text
from tests.made_runs import analyse, inference_runs
from tests.report.made_documents import CONFIG
from tests.report.sections.test_answer import around

NO_BREAK = "\u202f"


def costly(seed):
    """The usual run of 100 J, and 3 of 30 runs of twice as much."""
    return np.where(np.arange(30) % 10 == 4, 2.0, 1.0) * around(100, 0.5, 30, seed)


CASES = {
    "more, and it matters": (
        {"torch": around(100, 1, 12, 1), "tf": around(150, 1, 12, 2)},
        ["torch spent the least energy: a mean of", "tf takes 50.0 % more energy than torch (95 % interval",
         "which is beyond the 5 % that matter here", "tf ran 1.50 times as long as torch", "Over 1"],
        ["no difference", "practically the same", "usual run", "few chance"],
    ),
    "more, relevance open": (
        {"torch": around(100, 1, 15, 1), "tf": around(105.5, 1, 15, 2)},
        ["torch spent the least energy", "but whether that is beyond the 5 % that matter here is not settled"],
        ["practically the same"],
    ),
    "nothing shown": (
        {"torch": around(100, 25, 6, 1), "tf": around(104, 25, 6, 2)},
        ["No treatment was shown to spend less energy than another. The lowest mean",
         "no difference in energy was shown, and one of 5 % was not ruled out",
         "blocks would show 5 % with a probability of 0.8",
         "this number of runs had little chance to show a difference that matters"],
        ["spent the least", "takes", "practically the same", "Over 1"],
    ),
    "the same": (
        {"torch": around(100, 0.5, 12, 1), "tf": around(100.05, 0.5, 12, 2)},
        ["torch and tf spend practically the same energy: a difference of 5 % is ruled out for this pair.",
         "take practically the same energy: on average tf lies"],
        ["spent the least", "more energy", "although"],
    ),
    "the same though a difference is shown": (
        {"torch": around(100, 0.2, 20, 1), "tf": around(101, 0.2, 20, 2)},
        ["take practically the same energy, although a difference is shown: on average tf lies +1.0"],
        ["spent the least", "more energy"],
    ),
    "rare costly runs": (
        {"a": around(100, 0.5, 30, 1), "b": costly(2)},
        ["in the usual run they take practically the same",
         "as 3 of 30 runs of b took 100", "some runs cost far more than the usual one"],
        ["spend practically the same energy", "spent the least"],
    ),
    "one run each": (
        {"torch": [100.0], "tf": [150.0]},
        ["Nothing can be said of tf (its mean differs by +50.0 %) beside torch: each treatment needs at least 2"],
        ["spent the least", "It holds for"],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("energies", "said", "unsaid"), CASES.values(), ids=CASES.keys())
def test_says_what_was_found_and_no_more(runs_of, analysis_config, energies, said, unsaid):
    text = " ".join(answer(analyse(runs_of(energies), analysis_config), {"measured": 1})).replace(NO_BREAK, " ")
    assert [phrase for phrase in said if phrase not in text] == [], text
    assert [phrase for phrase in unsaid if phrase in text] == [], text


def test_three_treatments_need_seven_sentences_and_say_nothing_twice(runs_of, analysis_config):
    energies = {"a": around(100, 1, 10, 1), "b": around(100.3, 1, 10, 2), "c": costly(3)[:10]}
    said = answer(analyse(runs_of(energies), analysis_config), {"measured": 30})
    assert len(said) <= 7
    assert len(set(said)) == len(said)


def test_three_uses_of_a_network_need_seven_sentences_too():
    runs = [run for run in inference_runs() if run.tags["treatment"] != "jax inference.batch_size=1"]
    analysis = analyse_runs(comparable(table_of(runs), []), CONFIG)
    assert len(analysis.treatments) == 3
    said = answer(analysis, {"measured": len(runs)})
    assert len(said) <= 7
    (own,) = [sentence for sentence in said if "test accuracy" in sentence]
    assert "The mean energy of an image lay between" in own
    assert "; the mean of the median latency of a batch lay between" in own


def test_the_interval_of_the_sentence_is_that_of_the_decision(runs_of, analysis_config):
    analysis = analyse(runs_of({"a": around(100, 1, 10, 1), "b": around(112, 1, 10, 2)}), analysis_config)
    (pair,) = analysis.pairs_of("energy_j")
    low, high = pair.decision.bill.interval.low, pair.decision.bill.interval.high
    assert f"interval {low:.1f} to {high:.1f}" in pair_sentence(pair, analysis)
    assert low < pair.decision.bill.percent < high


def test_a_fixed_order_gets_no_verdict_but_that_sentence(runs_of, analysis_config):
    energies = {"a": around(100, 1, 10, 1), "b": around(150, 1, 10, 2)}
    analysis = analyse(runs_of(energies, **{"params.protocol.order": "fixed"}), analysis_config)
    said = " ".join(answer(analysis, {"measured": 20}))
    assert headline(analysis).startswith("No treatment was shown to spend less energy")
    assert "they always ran in the same order, so the treatment cannot be told from its place" in said
    assert "takes" not in said
    assert "ran 1.5" not in said


@pytest.mark.parametrize(
    ("sweeps", "expected"),
    [(1, "It holds for this sweep of 8 blocks: this machine, boot and set-up"), (3, "for sweeps like these 3")],
    ids=["one sweep", "three sweeps"],
)
def test_what_it_holds_for_is_said(runs_of, analysis_config, sweeps, expected):
    runs = runs_of({"a": around(100, 1, 24, 1), "b": around(150, 1, 24, 2)})
    runs = runs[runs["iteration"] <= 8 * sweeps]
    analysis = analyse(runs.assign(sweep="s" + (runs["iteration"] % sweeps).astype(str)), analysis_config)
    assert expected in answer(analysis, {"measured": 48})[-1]


def test_memory_is_warned_of(runs_of, analysis_config):
    course = 1 + 0.05 * np.sin(np.arange(30) / 4)
    analysis = analyse(runs_of({"a": around(100, 1, 30, 1), "b": 100 * course}), analysis_config)
    texts = [caution_text(caution, analysis) for caution in analysis.cautions]
    assert any("runs resemble the ones before, so 30 blocks tell as much as" in text for text in texts)


def ratio(low, high):
    """As the interval decides it, against 5 %."""
    same, relevant = low > -4.76 and high < 5, low > 5 or high < -4.76
    return Ratio((low + high) / 2, Interval(low, high, 0.95, ""), low > 0 or high < 0, same, relevant, 0, 0, 0)


@pytest.mark.parametrize(
    ("bill", "usual", "said", "unsaid"),
    [
        (
            (1, 3),
            (-1, 7),
            ["takes 2.00 % more", "less than the 5 % that matter", "usual run the difference is not"],
            "beyond",
        ),
        ((-1, 3), (-1, 7), ["On average a and b take practically the same energy", "that is not settled"], "ruled out"),
        ((6, 9), (-9, -6), ["takes 7.50 % more", "in the usual run it is the other way round (−7.50 %"], "not settled"),
        ((2.7, 4.8), (2.2, 5.3), ["less than the 5 % that matter", "in the usual run too (+3.75 %"], "other way"),
        ((-3, 30), (8, 12), ["In the usual run b takes 10.0 % more", "the difference is not settled (+13.5 %"], "same"),
        (
            (-3, 3),
            (8, 12),
            ["In the usual run b takes", "the difference is practically the same (0 %, 95"],
            "not settled",
        ),
        (
            (-9, 9),
            (-1, 1),
            ["one of 5 % was not ruled out", "in the usual run they take practically the same"],
            "takes",
        ),
    ],
    ids=[
        "small but open",
        "mean the same",
        "opposite",
        "both, one of them small",
        "usual run alone",
        "usual run, mean the same",
        "mean open",
    ],
)
def test_no_sentence_contradicts_the_interval_beside_it(runs_of, analysis_config, bill, usual, said, unsaid):
    analysis = analyse(runs_of({"a": around(100, 1, 10, 1), "b": around(100, 1, 10, 2)}), analysis_config)
    (pair,) = analysis.pairs_of("energy_j")
    decision = Decision("blocks", 10, n_sweeps=1, bill=ratio(*bill), usual=ratio(*usual))
    first, second = sorted((pair.first, pair.second))
    pair = dataclasses.replace(pair, first=first, second=second, decision=decision, verdict=judge_by_blocks(decision))
    text = pair_sentence(pair, analysis).replace(NO_BREAK, " ")
    assert [phrase for phrase in said if phrase not in text] == [], text
    assert unsaid not in text
