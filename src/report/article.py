"""The whole report as a document, in the order of a published study."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from src.analysis.agreement import Agreement
from src.analysis.analyse import Analysis
from src.figures.accuracy import NAME as ACCURACY
from src.figures.architecture import NAME as ARCHITECTURE
from src.figures.bland_altman import NAME as BLAND_ALTMAN
from src.figures.run_order import NAME as RUN_ORDER
from src.figures.wall_overlay import NAME as WALL_OVERLAY
from src.report import facts
from src.report.courses import look_notices
from src.report.document import Document, Picture, Section
from src.report.load import Loaded
from src.report.sections.answer import answer, headline
from src.report.sections.appendix import appendix
from src.report.sections.conclusion import conclusion
from src.report.sections.discussion import discussion
from src.report.sections.introduction import introduction, title
from src.report.sections.limits import threats_to_validity
from src.report.sections.meters_compared import meters_compared
from src.report.sections.method import methodology
from src.report.sections.reproduction import reproduction
from src.report.sections.results import headline_table, results
from src.report.wording import kind_notices, unfinished_notices

OF_METERS = (BLAND_ALTMAN, WALL_OVERLAY)


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
    agreements: tuple[Agreement, ...] = ()


def write_article(material: Material) -> Document:
    """The answer, introduction, methodology, results, discussion, threats, conclusion, reproduction, appendix."""
    loaded, analysis, pictures = material.loaded, material.analysis, material.pictures
    kinds = facts.energy_kinds(loaded.runs)
    looks = look_notices({sweep.name: sweep.course for sweep in loaded.sweeps})
    notices = (*kind_notices(kinds), *unfinished_notices(loaded.unfinished), *looks)
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
            introduction(loaded, analysis, _named(pictures, ARCHITECTURE)),
            methodology(loaded, analysis),
            results(
                facts.counted(loaded).runs,
                analysis,
                kinds,
                _others(pictures, (ARCHITECTURE, ACCURACY, RUN_ORDER, *OF_METERS)),
            ),
            *meters_compared(material.agreements, _named(pictures, *OF_METERS)),
            discussion(analysis, kinds, _named(pictures, ACCURACY)),
            threats_to_validity(loaded, analysis, kinds, _named(pictures, RUN_ORDER)),
            conclusion(analysis, kinds),
            reproduction(material.commands, loaded.sweeps),
            appendix(analysis, material.notes),
        ),
    )


def _named(pictures: Sequence[Picture], *names: str) -> tuple[Picture, ...]:
    return tuple(picture for picture in pictures if picture.name in names)


def _others(pictures: Sequence[Picture], names: Sequence[str]) -> tuple[Picture, ...]:
    return tuple(picture for picture in pictures if picture.name not in names)
