"""Threats to validity: what the data say against themselves, and what no such data can say."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import pandas as pd

from src.analysis.analyse import Analysis
from src.analysis.table import TRAINING, ingested
from src.analysis.threats import Threat
from src.figures.numbers import DASH, count, enumerate_all, number, p_value, percent
from src.report import facts
from src.report.document import Block, Paragraph, Picture, Section, bullets, table
from src.report.load import Loaded
from src.report.shown import described
from src.report.wording import INFERENCE, caution_text, test_name

NAMES = {
    "position": "Position in the block",
    "drift": "Time since the sweep's start",
    "carry_over": "Which treatment ran before",
}
MOST_OF_A_KIND = 6
"""More warnings of one kind are counted, not listed."""


def threats_to_validity(
    loaded: Loaded, analysis: Analysis, kinds: Mapping[str, int], pictures: Sequence[Picture]
) -> Section:
    """The three threats that can be tested, and general limits."""
    return Section(
        "threats",
        "Threats to validity",
        (),
        (
            Section("order", "Order, time and predecessor", (*_threat_tables(analysis), *pictures)),
            Section("limits", "Limits", tuple(bullets(list(_limits(loaded, analysis, kinds))))),
        ),
    )


def warnings(analysis: Analysis) -> Section:
    """What the data say against themselves."""
    cautions = _listed(analysis)
    if not described(analysis, analysis.decisive_metric):
        cautions.append("No run has an energy, so its spread, order, drift and size could not be looked at.")
    warned = bullets(cautions) or [Paragraph("No warning: spread, order, drift and size gave no cause for one.")]
    return Section("warnings", "Warnings from the data", tuple(warned))


def _listed(analysis: Analysis) -> list[str]:
    """Each warning as a sentence; many of one kind are cut short.

    How energy is known stands at the top of the report, and what was mended in a recording under Runs.
    """
    texts: list[str] = []
    told = [caution for caution in analysis.cautions if caution.is_grave and caution.kind != "not_measured"]
    for kind in dict.fromkeys(caution.kind for caution in told):
        own = [caution_text(caution, analysis) for caution in told if caution.kind == kind]
        texts += [f"{text}." for text in own[:MOST_OF_A_KIND]]
        if own[MOST_OF_A_KIND:]:
            texts.append(f"{count(len(own) - MOST_OF_A_KIND, 'more warning')} of this kind; statistics.json has all.")
    return texts


def _threat_tables(analysis: Analysis) -> list[Block]:
    head = ("Threat", "Runs", "Test", "Statistic", "p, Holm", "Size", "Detected")
    rows = [_threat(threat, analysis.config.alpha) for threat in analysis.threats]
    caption = "Does a run's place in the sweep decide its energy? Each run in percent of its treatment's median."
    blocks = table(caption, head, rows)
    for threat in analysis.threats:
        medians = [(before, percent(value)) for before, value in threat.group_medians]
        blocks += table("Median distance from the treatment's median, by predecessor.", ("After", "Median"), medians)
    return blocks


def _threat(threat: Threat, alpha: float) -> tuple[str, ...]:
    test = threat.test
    detected = {True: "yes", False: "no", None: "not testable"}[threat.detected]
    return (NAMES[threat.kind], str(threat.n), test_name(test), number(test.statistic, 3), p_value(test.p_holm, alpha),
            percent(threat.effect_percent) if threat.effect_percent is not None else DASH, detected)  # fmt: skip


def _limits(loaded: Loaded, analysis: Analysis, kinds: Mapping[str, int]) -> Iterable[str]:
    runs = facts.counted(loaded).runs
    machines = facts.values(runs, "params.hardware.name")
    if not facts.recorded_in_all(runs, ["hardware.name"]):
        machines.append("a machine that is not recorded")
    if len(machines) > MOST_OF_A_KIND:
        machines = [f"{len(machines)} kinds of hardware"]
    yield from _limits_of_the_machines(enumerate_all(machines), analysis)
    yield from _limits_of_the_work(runs, analysis)
    yield from _unseen(analysis)
    if "estimated" in kinds:
        yield (
            "The estimate knows only the processor's load: it cannot tell two programs apart that load it alike but "
            "draw different power, nor does it see memory or graphics processors."
        )
    if ingested(runs).any():
        yield "Imported recordings hold the whole process, its start and the loading of libraries included."
    if set(kinds) - {"estimated"}:
        yield (
            "The meter's columns hold what the processor (and memory or graphics, where it has them) drew, not the "
            "losses of the power supply, disks or display."
        )
    if analysis.outliers:
        runs_far = len({outlier.run_id for outlier in analysis.outliers})
        lie = "lies far from its" if runs_far == 1 else "lie far from their"
        yield f"{count(runs_far, 'run')} {lie} treatment's others in some metric; Outliers and notes lists the values."


def _limits_of_the_machines(where: str, analysis: Analysis) -> Iterable[str]:
    """What the machines that measured stand for, and of one, what a second would add."""
    if len(analysis.machines) > 1:
        kinds = f"{len(analysis.machines)} machines ({where})"
        yield f"The results hold for {kinds} and others like them; another kind may order the treatments otherwise."
        return
    yield f"The results hold for {where}; another machine may order the treatments differently."
    if len(analysis.treatments) > 1:
        yield (
            "A second machine would tell whether the ratios are this machine's own; from three on, the report says "
            "where those of a next one lie."
        )


def _unseen(analysis: Analysis) -> Iterable[str]:
    """What is so rare that none of the runs need have shown it (the rule of three, exactly; Louis, 1981)."""
    fewest = min((energy.n for energy in described(analysis, analysis.decisive_metric)), default=0)
    if fewest:
        share = 100 * (1 - analysis.config.alpha ** (1 / fewest))
        yield (
            f"What happens in less than {number(share, 2)} % of the runs of a treatment, costly ones among them, may "
            f"well not have been seen in {count(fewest, 'run')}; the bill does not hold it."
        )


def _limits_of_the_work(runs: pd.DataFrame, analysis: Analysis) -> Iterable[str]:
    if analysis.workload not in (TRAINING, INFERENCE):
        yield "The work was what these commands do with these inputs; with others they may differ in another way."
    elif work := [text for key in facts.WORK if (text := facts.known(runs, key))]:
        the_work = "The work" if facts.recorded_in_all(runs, facts.WORK) else "The work, where it is recorded,"
        kind = f"one kind of {analysis.workload} ({', '.join(work)})"
        yield f"{the_work} was {kind}; other models, batches and data may differ."
