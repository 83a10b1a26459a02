"""What each factor of a full crossing does, and whether one asks for the other: sentences and tables."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from src.analysis.analyse import Analysis
from src.analysis.decision import Ratio
from src.analysis.factorial import Cell, Factorial, Interaction
from src.figures.looks import factor_name, level_label
from src.figures.numbers import THIN, confidence, enumerate_all, interval, number, signed
from src.report.document import Block, Paragraph, Picture, Section, table
from src.report.wording import reason_text

MOST_CELLS = 40


def factors(analysis: Analysis, pictures: Sequence[Picture]) -> list[Section]:
    """The section, in a list; nothing where the treatments are no full crossing."""
    found = analysis.factorial
    if found is None:
        return []
    blocks: list[Block] = [Paragraph(sentence) for sentence in _sentences(found, analysis)]
    told = (*_tables(found, analysis), *pictures) if found.untested is None else ()
    return [Section("factors", "Main effects and interactions", (*blocks, *told))]


def interaction_sentences(analysis: Analysis) -> Iterator[str]:
    """Of the interactions that were shown, which the answer must not pass over."""
    found = analysis.factorial
    yield from (_shown(each, analysis) for each in (found.interactions if found else ()) if each.shown)


def _sentences(found: Factorial, analysis: Analysis) -> Iterator[str]:
    names = enumerate_all([factor_name(factor) for factor in found.factors])
    if found.untested:
        yield f"What {names} do each and together cannot be told: {reason_text(found.untested)}."
        return
    yield (
        f"Every level of {names} was measured with every level of the others, so each effect is told over all of them, "
        f"from {found.n} complete {found.unit}."
    )
    for each in found.interactions:
        yield _shown(each, analysis) if each.shown else _not_shown(each, analysis)


def _shown(found: Interaction, analysis: Analysis) -> str:
    """The combination that is farthest from what both effects tell."""
    first, second = map(factor_name, found.factors)
    cell = max((cell for cell in found.cells if cell.ratio.differs), key=lambda cell: abs(cell.ratio.percent))
    side = "more" if cell.ratio.percent > 0 else "less"
    size = f"{number(abs(cell.ratio.percent), 3)}{THIN}%"
    level = confidence(analysis.config.alpha)
    return (
        f"What {first} does depends on {second}: {_cell(found, cell)} takes {size} {side} than both effects tell "
        f"({level} interval {interval(cell.ratio.interval, 3)}{THIN}%), so the pairs count, not the effects over all "
        "levels."
    )


def _not_shown(found: Interaction, analysis: Analysis) -> str:
    first, second = map(factor_name, found.factors)
    limit = f"{analysis.config.relevant_percent:g}{THIN}%"
    if found.negligible:
        return f"{first} and {second} act on their own: no combination is {limit} away from what both effects tell."
    return f"No interaction of {first} and {second} was shown, and one of {limit} was not ruled out."


def _tables(found: Factorial, analysis: Analysis) -> list[Block]:
    title, level = analysis.catalogue[found.metric].title, f"{confidence(analysis.config.alpha)} interval"
    effects = [
        (factor_name(each.factor), each.level, each.against, *_numbers(each.ratio), _verdict(each.ratio))
        for each in found.effects
    ]
    cells = [
        (_cell(each, cell), *_numbers(cell.ratio), _verdict(cell.ratio))
        for each in found.interactions
        for cell in each.cells
    ]
    note = f"The first {MOST_CELLS} of {len(cells)}; statistics.json has all." if cells[MOST_CELLS:] else ""
    return [
        *table(
            f"{title}: main effects on the mean, over all levels of the others; intervals hold for a factor at once.",
            ("Factor", "Level", "Against", "More (%)", level, "Verdict"), effects, 3,
        ),
        *table(
            f"{title}: by how much the mean of a combination lies off what both main effects tell.",
            ("Combination", "Off (%)", level, "Verdict"), cells[:MOST_CELLS], 1, note,
        ),
    ]  # fmt: skip


def _numbers(ratio: Ratio) -> tuple[str, str]:
    return signed(ratio.percent), interval(ratio.interval, 3)


def _verdict(ratio: Ratio) -> str:
    if ratio.same:
        return "practically none"
    if not ratio.differs:
        return "not shown"
    return ("higher" if ratio.percent > 0 else "lower") + (", matters" if ratio.relevant else ", may not matter")


def _cell(found: Interaction, cell: Cell) -> str:
    return " ".join(level_label(factor, level) for factor, level in zip(found.factors, cell.levels, strict=True))
