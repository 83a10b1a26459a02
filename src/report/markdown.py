"""The report as Markdown with front matter, to be edited into an article."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import replace
from string import ascii_uppercase

from src.report.document import Block, Bullets, Code, Document, Notice, Paragraph, Picture, Section, Table

SPECIAL = re.compile(r"([\\`*\[\]<>|#~$])|(?<![A-Za-z0-9])(_)|(_)(?![A-Za-z0-9])")


def to_markdown(document: Document) -> str:
    """YAML front matter (author, title, date, summary), the answer, the open sections, the others as appendices."""
    parts = [front_matter(document), f"# {escape(document.title)}"]
    parts += [f"> **{escape(text)}**" for text in document.notices]
    parts += ["## Summary", " ".join(escape(sentence) for sentence in document.answer)]
    for section in document.open_sections:
        parts += _section(section, level=2)
    for letter, section in zip(ascii_uppercase, document.folded_sections, strict=False):
        parts += _section(replace(section, title=f"Appendix {letter}. {section.title}"), level=2)
    return "\n\n".join(parts) + "\n"


def front_matter(document: Document) -> str:
    """A JSON string is also a YAML one, whatever is in it."""
    fields = {
        "author": document.author,
        "title": document.title,
        "date": document.date,
        "summary": document.summary,
    }
    lines = [f"{key}: {json.dumps(value, ensure_ascii=False)}" for key, value in fields.items()]
    return "\n".join(["---", *lines, "---"])


def escape(text: str) -> str:
    """Text in which Markdown sees no markup; underscores inside words are none."""
    return SPECIAL.sub(lambda found: f"\\{found.group(0)}", text.replace("\n", " "))


def _section(section: Section, level: int) -> Iterable[str]:
    yield f"{'#' * level} {escape(section.title)}"
    for block in section.blocks:
        yield _block(block)
    for inner in section.sections:
        yield from _section(inner, level + 1)


def _block(block: Block) -> str:
    match block:
        case Paragraph(text):
            return _start(escape(text))
        case Notice(text):
            return f"> **{escape(text)}**"
        case Bullets(items):
            return "\n".join(f"- {escape(item)}" for item in items)
        case Code(text):
            return f"```sh\n{text}\n```"
        case Picture(name, caption):
            alt = escape(caption)
            return f"![{alt}](figures/{name}.svg)\n\n*{alt}*"
        case Table():
            return _table(block)


def _table(block: Table) -> str:
    """A pipe table below its caption."""
    rule = ["---:" if numeric else "---" for numeric in block.numeric]
    lines = [_row(block.head), _row(rule, plain=True), *(_row(row) for row in block.rows)]
    note = f"\n\n{escape(block.note)}" if block.note else ""
    return f"**{escape(block.caption)}**\n\n" + "\n".join(lines) + note


def _row(cells: Iterable[str], plain: bool = False) -> str:
    return "| " + " | ".join(cell if plain else escape(cell) for cell in cells) + " |"


def _start(text: str) -> str:
    """A paragraph that begins like a list item or a number stays a paragraph."""
    return re.sub(r"^(\d+)([.)])", r"\1\\\2", re.sub(r"^([-+])", r"\\\1", text))
