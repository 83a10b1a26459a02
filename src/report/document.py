"""A report as plain data: sections of paragraphs, tables and figures, which Markdown and HTML render alike."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from src.figures.numbers import DASH

NUMBER = re.compile(r"[+\u2212<>]?\s?\d|–$")


@dataclass(frozen=True)
class Paragraph:
    """Plain text; nothing in it is markup."""

    text: str
    block: Literal["paragraph"] = "paragraph"


@dataclass(frozen=True)
class Notice:
    """A text that no reader may miss."""

    text: str
    block: Literal["notice"] = "notice"


@dataclass(frozen=True)
class Bullets:
    """A list of plain texts."""

    items: tuple[str, ...]
    block: Literal["bullets"] = "bullets"


@dataclass(frozen=True)
class Table:
    """Rows of texts as long as `head`; the first `labels` columns hold names."""

    caption: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    labels: int = 1
    note: str = ""
    block: Literal["table"] = "table"

    @property
    def numeric(self) -> tuple[bool, ...]:
        """Which columns hold numbers only, so that they are set flush right."""
        columns = zip(*self.rows, strict=True)
        return tuple(
            place >= self.labels and all(NUMBER.match(cell) for cell in cells) for place, cells in enumerate(columns)
        )


@dataclass(frozen=True)
class Picture:
    """A figure's file names below `figures/`, without their endings, and what is to be seen."""

    name: str
    caption: str
    block: Literal["picture"] = "picture"


@dataclass(frozen=True)
class Code:
    """Commands, as they are typed."""

    text: str
    block: Literal["code"] = "code"


Block = Paragraph | Notice | Bullets | Table | Picture | Code


@dataclass(frozen=True)
class Section:
    """A heading and what stands under it; `anchor` is its address on the page.

    A `folded` one of the document's own holds what explains the answer and does not decide it.
    """

    anchor: str
    title: str
    blocks: tuple[Block, ...] = ()
    sections: tuple[Section, ...] = ()
    folded: bool = False


@dataclass(frozen=True)
class Document:
    """The whole report; `date` is of ISO 8601, `answer` the sentences that come first."""

    title: str
    author: str
    date: str
    summary: str
    notices: tuple[str, ...]
    answer: tuple[str, ...]
    sections: tuple[Section, ...]

    @property
    def open_sections(self) -> tuple[Section, ...]:
        """Those that every reader should see, in their order."""
        return tuple(section for section in self.sections if not section.folded)

    @property
    def folded_sections(self) -> tuple[Section, ...]:
        """Those that stand behind them, in their order."""
        return tuple(section for section in self.sections if section.folded)


def table(
    caption: str, head: Sequence[str], rows: Sequence[Sequence[str]], labels: int = 1, note: str = ""
) -> list[Block]:
    """A table in a list, without the columns that say nothing; or no table where there is no row."""
    if not rows:
        return []
    kept = [place for place in range(len(head)) if place == 0 or any(row[place] != DASH for row in rows)]
    labels = sum(place < labels for place in kept)
    cells = tuple(tuple(row[place] for place in kept) for row in rows)
    return [Table(caption, tuple(head[place] for place in kept), cells, labels, note)]


def bullets(items: Sequence[str]) -> list[Block]:
    """A list in a list, or nothing where there is no item."""
    return [Bullets(tuple(items))] if items else []
