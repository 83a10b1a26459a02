"""Every table of a report as files: CSV for programs, LaTeX (booktabs) for articles."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from src.contract.json_files import whole
from src.report.document import Document, Section, Table

FOLDER = "tables"
NO_LATEX = {
    "\u202f": r"\,",
    "\u2212": "$-$",
    "±": r"$\pm$",
    "·": r"$\cdot$",
    "≤": r"$\leq$",
    "≥": r"$\geq$",
    "τ": r"$\tau$",
}
"""Signs that pdfLaTeX does not set as they are."""


def write_tables(folder: Path, document: Document) -> None:
    """Write `tables/NAME.csv` and `.tex`, named by their section and place in it."""
    for name, found in tables_of(document):
        path = folder / FOLDER / name
        path.parent.mkdir(exist_ok=True)
        with whole(path.with_suffix(".csv")) as part, part.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([found.head, *found.rows])
        with whole(path.with_suffix(".tex")) as part:
            part.write_text(to_latex(name, found), encoding="utf-8")


def tables_of(document: Document) -> Iterator[tuple[str, Table]]:
    """All tables of a document in their order, with a name each."""
    for section in document.sections:
        yield from _tables(section)


def to_latex(name: str, found: Table) -> str:
    """A `table` environment; it wants \\usepackage{booktabs}."""
    frame = pd.DataFrame(list(found.rows), columns=list(found.head))
    columns = "".join("r" if numeric else "l" for numeric in found.numeric)
    escaped = frame.rename(columns=_latex).map(_latex)
    return str(
        escaped.to_latex(
            index=False, escape=False, caption=_latex(found.caption), label=f"tab:{name}", column_format=columns
        )
    )


def _tables(section: Section) -> Iterator[tuple[str, Table]]:
    found = [block for block in section.blocks if isinstance(block, Table)]
    for number, each in enumerate(found, 1):
        yield (section.anchor if len(found) == 1 else f"{section.anchor}-{number}"), each
    for inner in section.sections:
        yield from _tables(inner)


def _latex(text: str) -> str:
    """Text in which LaTeX sees no markup."""
    special = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}
    special |= {sign: f"\\{sign}" for sign in "&%$#_{}"} | NO_LATEX
    return "".join(special.get(sign, sign) for sign in text)
