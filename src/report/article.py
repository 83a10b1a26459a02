"""The whole report as a document, in the order of a published study."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from src.analysis.analyse import Analysis
from src.report import facts
from src.report.answer import answer, headline, kind_notices
from src.report.document import Block, Code, Document, Paragraph, Picture, Section, bullets, table
from src.report.limits import threats_to_validity
from src.report.load import Loaded
from src.report.meaning import conclusion, discussion
from src.report.method import methodology
from src.report.results import MAIN, headline_table, results
from src.report.shown import distinct
from src.report.wording import count, enumerate_all, not_measured, number

RUN_ORDER, ACCURACY, ARCHITECTURE = "run_order", "accuracy_energy", "architecture"
MOST_LISTED = 100


@dataclass(frozen=True)
class Material:
    """What the article is written from; `notes` say what the figures leave out, `commands` reproduce it."""

    loaded: Loaded
    analysis: Analysis
    pictures: tuple[Picture, ...]
    notes: tuple[str, ...]
    commands: tuple[str, ...]
    author: str
    date: str


def write_article(material: Material) -> Document:
    """The answer, introduction, methodology, results, discussion, threats, conclusion, reproduction, appendix."""
    loaded, analysis = material.loaded, material.analysis
    kinds = facts.energy_kinds(loaded.runs)
    notices = kind_notices(kinds)
    said = answer(analysis, kinds)
    return Document(
        title=title(loaded, analysis, kinds),
        author=material.author,
        date=material.date,
        summary=" ".join([*notices, headline(analysis)]),
        notices=notices,
        answer=tuple(sentence for sentence in said if sentence not in notices),
        sections=(
            Section("medians", "At a glance", tuple(headline_table(analysis, kinds))),
            _introduction(loaded, analysis, _named(material.pictures, ARCHITECTURE)),
            methodology(loaded, analysis),
            results(analysis, kinds, _others(material.pictures)),
            discussion(analysis, kinds, _named(material.pictures, ACCURACY)),
            threats_to_validity(loaded, analysis, kinds, _named(material.pictures, RUN_ORDER)),
            conclusion(analysis, kinds),
            _reproduction(material),
            _appendix(analysis, material.notes),
        ),
    )


def title(loaded: Loaded, analysis: Analysis, kinds: Mapping[str, int]) -> str:
    """What was compared, on what, and whether it was measured."""
    names = list(analysis.treatments)
    who = enumerate_all(names) if len(names) <= 6 else f"{len(names)} treatments"
    runs = facts.counted(loaded).runs
    what = [str(facts.known(runs, key)) for key in facts.WORK if facts.recorded_in_all(runs, [key])]
    work = f" training {' on '.join(what)}" if what else ""
    other = not_measured(kinds)
    note = f" ({other} energy)" if other else ""
    return f"Energy of {who}{work}{note}"


def _introduction(loaded: Loaded, analysis: Analysis, pictures: Sequence[Picture]) -> Section:
    runs = facts.counted(loaded).runs
    names = list(analysis.treatments)
    who = enumerate_all(names) if len(names) <= 10 else f"{len(names)} treatments"
    all_tell = facts.recorded_in_all(runs, facts.WORK)
    same = " on the same work" if all_tell else ""
    question = (
        f"How much energy do {who} spend{same}, is the difference real, and does it matter?"
        if len(names) > 1
        else f"How much energy does {who} spend?"
    )
    parameters = runs["parameter_count"].dropna() if "parameter_count" in runs else runs["started_s"][:0]
    size = f" with {number(float(parameters.median()), 1)} parameters" if not parameters.empty else ""
    model, dataset = (facts.known(runs, key) for key in facts.WORK)
    on = f" on the dataset '{dataset}'" if dataset else ""
    whose = "Each run" if all_tell else "Each run whose work is recorded"
    work = f"{whose} trains and evaluates the network '{model}'{size}{on}. " if model else ""
    text = (
        f"{question} {work}This report is about experiment '{loaded.experiment}': {count(analysis.n_usable, 'run')} in "
        f"the results, of {analysis.n_runs} begun."
    )
    return Section("introduction", "Introduction", (Paragraph(text), *pictures))


def _reproduction(material: Material) -> Section:
    blocks: list[Block] = [
        Paragraph("From the root of the repository, with its environments set up (make setup):"),
        Code("\n".join(material.commands)),
        Paragraph(
            "runs.csv beside this report has one row for each run, statistics.json every number; each run's own "
            "configuration (config.yaml), raw samples (energy.csv) and picture are in MLflow."
        ),
    ]
    return Section("reproduction", "Reproduction", tuple(blocks))


def _appendix(analysis: Analysis, notes: Sequence[str]) -> Section:
    metrics = distinct(analysis, MAIN)
    far = [(o.run_name, o.treatment, o.metric, number(o.value), o.rule, f"{number(o.lower)} to {number(o.upper)}",
            "left out" if o.excluded else "kept") for o in analysis.outliers if o.metric in metrics]  # fmt: skip
    head = ("Run", "Treatment", "Metric", "Value", "Rule", "Expected", "What was done")
    note = f"The first {MOST_LISTED} of {len(far)}; statistics.json has all." if far[MOST_LISTED:] else ""
    blocks = table("Values far from their treatment's others.", head, far[:MOST_LISTED], labels=3, note=note)
    blocks = blocks or [Paragraph("No value lies far from its treatment's others.")]
    missing = [f"No run has the metrics {', '.join(analysis.missing_metrics)}."] if analysis.missing_metrics else []
    about = bullets([*notes, *missing])
    return Section(
        "appendix",
        "Appendix",
        (),
        (
            Section("outliers", "Outliers", tuple(blocks)),
            *((Section("notes", "Notes", tuple(about)),) if about else ()),
        ),
    )


def _named(pictures: Sequence[Picture], name: str) -> tuple[Picture, ...]:
    return tuple(picture for picture in pictures if picture.name == name)


def _others(pictures: Sequence[Picture]) -> tuple[Picture, ...]:
    return tuple(p for p in pictures if p.name not in (RUN_ORDER, ACCURACY, ARCHITECTURE))
