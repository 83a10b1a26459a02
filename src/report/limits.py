"""Threats to validity: what the data say against themselves, and what no such data can say."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from src.analysis.analyse import Analysis
from src.analysis.cautions import Caution
from src.analysis.ingested import ingested
from src.analysis.metrics import title_of
from src.analysis.threats import Threat
from src.report import facts
from src.report.document import Block, Paragraph, Picture, Section, bullets, table
from src.report.load import Loaded
from src.report.shown import described
from src.report.wording import DASH, count, enumerate_all, number, p_value, percent

NAMES = {
    "position": "Position in the block",
    "drift": "Time since the sweep's start",
    "carry_over": "Which treatment ran before",
}
OWN_WORDS = ("the ", "recordings ")
MOST_OF_A_KIND = 6
"""More warnings of one kind are counted, not listed."""


def threats_to_validity(
    loaded: Loaded, analysis: Analysis, kinds: Mapping[str, int], pictures: Sequence[Picture]
) -> Section:
    """Warnings, the three threats that can be tested, and general limits."""
    cautions = _listed(analysis)
    if not described(analysis, analysis.energy_metric):
        cautions.append("No run has an energy, so its spread, order, drift and size could not be looked at.")
    warned = bullets(cautions) or [Paragraph("No warning: spread, order, drift and size gave no cause for one.")]
    return Section(
        "threats",
        "Threats to validity",
        (),
        (
            Section("warnings", "Warnings from the data", tuple(warned)),
            Section("order", "Order, time and predecessor", (*_threat_tables(analysis), *pictures)),
            Section("limits", "Limits", tuple(bullets(list(_limits(loaded, analysis, kinds))))),
        ),
    )


def _listed(analysis: Analysis) -> list[str]:
    """Each warning as a sentence; many of one kind are cut short."""
    texts: list[str] = []
    for kind in dict.fromkeys(caution.kind for caution in analysis.cautions):
        own = [_words(caution, analysis) for caution in analysis.cautions if caution.kind == kind]
        texts += [f"{text}." for text in own[:MOST_OF_A_KIND]]
        if own[MOST_OF_A_KIND:]:
            texts.append(f"{count(len(own) - MOST_OF_A_KIND, 'more warning')} of this kind; statistics.json has all.")
    return texts


def _words(caution: Caution, analysis: Analysis) -> str:
    """The message with the metric's title instead of its name."""
    text = caution.message
    if caution.metric is not None:
        text = text.replace(caution.metric, title_of(caution.metric, analysis.whole_recordings))
    # Names of treatments keep their first letter as it is.
    return text[0].upper() + text[1:] if text.startswith(OWN_WORDS) else text


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
    name = f"{test.name}: {test.reason}" if test.reason else test.name
    detected = {True: "yes", False: "no", None: "not testable"}[threat.detected]
    return (NAMES[threat.kind], str(threat.n), name, number(test.statistic, 3), p_value(test.p_holm, alpha),
            percent(threat.effect_percent) if threat.effect_percent is not None else DASH, detected)  # fmt: skip


def _limits(loaded: Loaded, analysis: Analysis, kinds: Mapping[str, int]) -> Iterable[str]:
    runs = facts.counted(loaded).runs
    machines = facts.values(runs, "params.hardware.name")
    if not facts.recorded_in_all(runs, ["hardware.name"]):
        machines.append("a machine that is not recorded")
    where = enumerate_all(machines)
    yield f"The results hold for {where}; another machine may order the treatments differently."
    work = [text for key in facts.WORK if (text := facts.known(runs, key))]
    if work:
        the_work = "The work" if facts.recorded_in_all(runs, facts.WORK) else "The work, where it is recorded,"
        yield f"{the_work} was one kind of training ({', '.join(work)}); other models, batches and data may differ."
    if "estimated" in kinds:
        yield (
            "The estimate knows only the processor's load: it cannot tell two programs apart that load it alike but "
            "draw different power, nor does it see memory or graphics processors."
        )
    if ingested(runs).any():
        yield "Imported recordings hold the whole process, its start and the loading of the framework included."
    if set(kinds) - {"estimated"}:
        yield (
            "The meter's columns hold what the processor (and memory or graphics, where it has them) drew, not the "
            "losses of the power supply, disks or display."
        )
    missing = sorted(facts.flag_counts(loaded.runs).keys() & {"cores_unreliable", "wrap", "gap"})
    if missing:
        yield f"Some recordings needed mending or parts of them were left out: {', '.join(missing)} (see Runs)."
    if analysis.outliers:
        runs_far = len({outlier.run_id for outlier in analysis.outliers})
        lie = "lies far from its" if runs_far == 1 else "lie far from their"
        yield f"{count(runs_far, 'run')} {lie} treatment's others in some metric; the appendix lists the values."
