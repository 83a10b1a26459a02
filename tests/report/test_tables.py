"""The tables of a report as files."""

import csv
import re

from src.report.document import Document, Paragraph, Section, table
from src.report.tables import tables_of, to_latex, write_tables

ROWS = [("torch_tuned & more", "1\u202f234", "\u22122 %"), ("jax", "5", "+3 %")]
CELLS = table("Energy, 95 % intervals.", ("Treatment", "J", "Difference"), ROWS)


def document():
    inner = Section("inner", "Inner", (*CELLS, Paragraph("text"), *CELLS))
    return Document("t", "a", "2026-01-01", "s", (), (), (Section("medians", "Medians", tuple(CELLS), (inner,)),))


def test_every_table_has_a_name_of_its_own():
    assert [name for name, _ in tables_of(document())] == ["medians", "inner-1", "inner-2"]


def test_a_csv_has_the_cells_as_they_are(tmp_path):
    write_tables(tmp_path, document())
    with (tmp_path / "tables" / "medians.csv").open(encoding="utf-8", newline="") as file:
        assert [tuple(row) for row in csv.reader(file)] == [("Treatment", "J", "Difference"), *ROWS]
    assert len(list((tmp_path / "tables").iterdir())) == 6


def test_latex_sees_no_markup_in_a_cell():
    text = to_latex("medians", CELLS[0])
    lines = [re.sub(r"\s+", " ", line).strip() for line in text.splitlines()]
    assert r"torch\_tuned \& more & 1\,234 & $-$2 \% \\" in lines
    assert r"\begin{tabular}{lrr}" in lines
    assert r"\caption{Energy, 95 \% intervals.}" in text
    assert r"\label{tab:medians}" in text
    assert [rule for rule in (r"\toprule", r"\midrule", r"\bottomrule") if rule in text] == [
        r"\toprule", r"\midrule", r"\bottomrule",
    ]  # fmt: skip
