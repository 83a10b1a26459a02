"""The report as one self-contained HTML file: styles inside, figures as data, nothing loaded from anywhere."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from src.report.document import Block, Document, Picture, Section, Table

TEMPLATES = Path(__file__).parent / "templates"
LARGEST_SVG = 1_500_000
"""A larger drawing is embedded as pixels; the SVG itself lies beside the page."""


def to_html(document: Document, figures: Path) -> str:
    """The page; `figures` is the folder that holds NAME.svg and NAME.png. Every text is escaped."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    environment.filters["groups"] = grouped
    return environment.get_template("report.html.j2").render(
        document=document,
        style=Markup((TEMPLATES / "report.css").read_text(encoding="utf-8")),
        source={picture.name: data_uri(figures, picture.name) for picture in all_pictures(document.sections)},
    )


def data_uri(figures: Path, name: str) -> str:
    """A figure as a `data:` address; as an image of its own, its ids cannot clash with another's."""
    svg = figures / f"{name}.svg"
    if svg.stat().st_size <= LARGEST_SVG:
        return f"data:image/svg+xml;base64,{_base64(svg)}"
    return f"data:image/png;base64,{_base64(figures / f'{name}.png')}"


def grouped(blocks: Sequence[Block]) -> list[list[Block]]:
    """Neighbours of one kind together, so that pictures, or tables, or texts can stand side by side."""
    return [list(group) for _, group in groupby(blocks, key=_kind)]


def _kind(block: Block) -> str:
    return block.block if isinstance(block, Picture | Table) else "text"


def all_pictures(sections: tuple[Section, ...]) -> list[Picture]:
    """Every picture of the sections and those within them."""
    return [
        picture
        for section in sections
        for picture in (
            *(block for block in section.blocks if isinstance(block, Picture)),
            *all_pictures(section.sections),
        )
    ]


def _base64(path: Path) -> str:
    return base64.b64encode(path.read_bytes()).decode("ascii")
