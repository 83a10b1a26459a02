"""What several machines say: of all, of some, or that they disagree; and nothing that belongs to one machine alone."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from src.figures.numbers import THIN
from src.report.sections.answer import answer, headline, pair_sentence
from src.report.sections.by_machines import machine_tables, on_machines
from tests.made_runs import analyse, training_runs
from tests.report.made_documents import document_of


def around(mean, n, seed):
    """Energies of n runs that spread by 1 %."""
    return mean * (1 + 0.01 * np.random.default_rng(seed).standard_normal(n))


@pytest.fixture
def on(runs_of):
    """Ten blocks on each machine; a row says what a, b and perhaps c take there, in units of the machine's own."""

    def made(rows, n=10):
        parts = []
        for place, row in enumerate(rows):
            unit = 100 * 3 ** (place % 5)
            part = runs_of(
                {t: around(unit * f, n, 7 * place + k) for k, (t, f) in enumerate(zip("abc", row, strict=False))}
            )
            part["run_id"] = f"m{place}-" + part["run_id"]
            part["iteration"] += n * place
            parts.append(part.assign(machine=f"node{place + 1}"))
        return pd.concat(parts, ignore_index=True)

    return made


CASES = {
    "on all": (
        [(1, 1.5), (1, 1.52), (1, 1.49), (1, 1.5)],
        ["a spent the least energy on all 4 machines.", "On all 4 machines b takes 50.", "more energy than a (95 % int",
         "which is beyond the 5 % that matter here", "It holds for machines like these 4 (one boot and set-up each)"],
        ["disagree", "a mean of", "on 3 of", "It holds for this sweep"],
    ),
    "on three of four": (
        [(1, 1.5), (1, 1.52), (1, 1.49), (1, 1.0)],
        ["No treatment was shown to spend less energy than another over the 4 machines",
         "on 3 of 4 machines b takes more", "on 1 practically the same", "machines differ (", "on node4 to +",
         "and a next one may show"],
        ["on all 4", "disagree", "spent the least"],
    ),
    "they disagree": (
        [(1, 1.2), (1, 0.8), (1, 1.25), (1, 0.85)],
        ["but the machines disagree about", "the machines disagree: on 2 of 4 machines b takes more, on 2 less"],
        ["spent the least", "on all 4"],
    ),
    "two": (
        [(1, 1.5), (1, 2.6)],
        ["a spent the least energy on both machines.", "On both machines b takes more energy than a (+",
         "2 machines cannot tell what a next one would show (95 % interval", "It holds for these 2 machines"],
        ["no difference", "was not ruled out", "next one may show"],
    ),
    "the same": (
        [(1, 1.001)] * 8,
        ["a and b spend practically the same energy"],
        ["spent the least", "disagree", "machines differ"],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("rows", "said", "unsaid"), CASES.values(), ids=CASES.keys())
def test_says_what_machines_show_and_no_more(on, analysis_config, rows, said, unsaid):
    text = " ".join(answer(analyse(on(rows), analysis_config), {"measured": 1})).replace(THIN, " ")
    assert [phrase for phrase in said if phrase not in text] == [], text
    assert [phrase for phrase in unsaid if phrase in text] == [], text


def test_three_treatments_on_machines_need_seven_sentences(on, analysis_config):
    rows = [(1, 1.2, 2), (1, 0.8, 2.1), (1, 1.25, 1.9)]
    said = answer(analyse(on(rows), analysis_config), {"measured": 1})
    assert len(said) <= 7
    assert len(set(said)) == len(said)


def test_a_third_that_is_not_told_apart_is_named(on, analysis_config):
    rows = [(1, 1.001, 1.5), (1, 1.0, 1.52), (1, 0.999, 1.49), (1, 1.002, 1.5)]
    said = headline(analyse(on(rows), analysis_config))
    least, other = ("a", "b") if said.startswith("a ") else ("b", "a")
    assert said == f"{least} has the lowest mean energy over the 4 machines, but {other} spends practically the same."


@pytest.mark.parametrize(
    ("n", "of", "text"),
    [(2, 2, "on both machines"), (4, 4, "on all 4 machines"), (3, 4, "on 3 of 4 machines")],
    ids=["both", "all", "some"],
)
def test_on_how_many_machines(n, of, text):
    assert on_machines(n, of) == text


def test_the_tables_hold_what_each_machine_says(on, analysis_config):
    analysis = analyse(on([(1, 1.5, 2)] * 12), analysis_config)
    together, each = machine_tables(analysis)
    assert [row[0] for row in together.rows] == ["a → b", "a → c", "b → c"]
    assert [row[0] for row in each.rows] == [f"node{n}" for n in range(1, 13)]
    assert each.head == ("Machine", "b", "c")
    (pair,) = [p for p in analysis.pairs_of("energy_j") if (p.first, p.second) == ("a", "b")]
    assert each.rows[0][1].startswith(f"+{pair.decision.machines[0].percent:.1f} (")
    assert machine_tables(dataclasses.replace(analysis, machines=())) == []


def test_the_published_rule_says_that_it_knows_one_machine_only(on, analysis_config):
    published = dataclasses.replace(analysis_config, decision="published")
    analysis = analyse(on([(1, 1.5)] * 3), published)
    (pair,) = analysis.pairs_of("energy_j")
    assert "the published rule knows one machine only" in pair_sentence(pair, analysis)


def shared(runs, machines):
    """The runs of one sweep as if so many machines had measured some of its blocks each."""
    for run in runs:
        place = int(run.tags["iteration"]) % machines
        facts = {"hardware.name": f"CPU {place}", "host.physical_cores": "6"}
        yield dataclasses.replace(run, tags=run.tags | {"machine": f"node{place}"}, params=run.params | facts)


def test_the_document_tells_machines_and_how_they_were_put_together():
    text = str(document_of(list(shared(training_runs(12), 3))))
    for phrase in ("The machines that measured.", "Each of 3 machines is compared within itself",
                   "what differs is hardware.name", "Hartung and Knapp", "know one machine only, so they are left out",
                   "machines_1",                   "The results hold for 3 machines (CPU "):  # fmt: skip
        assert phrase in text, phrase
    assert "A second machine would tell" not in text


def test_one_machine_is_told_what_a_second_would_add_and_nothing_of_machines():
    text = str(document_of(training_runs()))
    assert "A second machine would tell whether the ratios are this machine's own" in text
    for phrase in ("The machines that measured", "Hartung", "machines_1", "compared within itself"):
        assert phrase not in text, phrase
