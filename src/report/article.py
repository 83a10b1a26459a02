"""The whole report as a document: what decides first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from src.analysis.agreement import Agreement
from src.analysis.analyse import Analysis
from src.figures.accuracy import NAME as ACCURACY
from src.figures.architecture import NAME as ARCHITECTURE
from src.figures.bland_altman import NAME as BLAND_ALTMAN
from src.figures.interaction import NAME as INTERACTION
from src.figures.phases import NAME as BY_PHASE
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
from src.report.sections.factors import factors
from src.report.sections.introduction import introduction, title
from src.report.sections.limits import threats_to_validity, warnings
from src.report.sections.meters_compared import meters_compared
from src.report.sections.method import methodology
from src.report.sections.reproduction import reproduction
from src.report.sections.results import at_a_glance, results
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
    """What decides, what to mind and how to repeat it; folded behind it all else, in the order of a published study."""
    loaded, analysis = material.loaded, material.analysis
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
        sections=(*_deciding(material, kinds), *map(_folded, _explaining(material, kinds))),
    )


def _deciding(material: Material, kinds: Mapping[str, int]) -> Iterator[Section]:
    loaded, analysis, pictures = material.loaded, material.analysis, material.pictures
    yield at_a_glance(analysis, kinds, _named(pictures, *_first(analysis)))
    yield from factors(analysis, _named(pictures, INTERACTION))
    yield warnings(analysis)
    yield reproduction(material.commands, loaded.sweeps)


def _explaining(material: Material, kinds: Mapping[str, int]) -> Iterator[Section]:
    loaded, analysis, pictures = material.loaded, material.analysis, material.pictures
    elsewhere = (INTERACTION, ARCHITECTURE, ACCURACY, RUN_ORDER, *OF_METERS, *_first(analysis))
    yield introduction(loaded, analysis, _named(pictures, ARCHITECTURE))
    yield methodology(loaded, analysis)
    yield results(facts.counted(loaded).runs, analysis, kinds, _others(pictures, elsewhere))
    yield from meters_compared(material.agreements, _named(pictures, *OF_METERS))
    yield discussion(analysis, kinds, _named(pictures, ACCURACY))
    yield threats_to_validity(loaded, analysis, kinds, _named(pictures, RUN_ORDER))
    yield conclusion(analysis, kinds)
    yield appendix(analysis, material.notes)


def _folded(section: Section) -> Section:
    return replace(section, folded=True)


def _first(analysis: Analysis) -> tuple[str, ...]:
    """The figures that decide: how the runs lie, how far the treatments are apart, where the energy goes."""
    return (analysis.decisive_metric, f"differences_{analysis.decisive_metric}", BY_PHASE)


def _named(pictures: Sequence[Picture], *names: str) -> tuple[Picture, ...]:
    return tuple(picture for picture in pictures if picture.name in names)


def _others(pictures: Sequence[Picture], names: Sequence[str]) -> tuple[Picture, ...]:
    return tuple(picture for picture in pictures if picture.name not in names)
