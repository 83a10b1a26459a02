"""The Markdown of a report: front matter that parses, text that stays text."""

import pytest
import yaml

from src.report.document import Bullets, Code, Document, Paragraph, Picture, Section, table
from src.report.markdown import escape, to_markdown

NASTY = 'a | b: "c" *d* <script>alert(1)</script>\n---\n# e'


def document(*blocks, title="Title", author="Ada"):
    section = Section("s", "Section", tuple(blocks), (Section("t", "Inner"),))
    return Document(title, author, "2025-01-31", "The summary.", ("A notice.",), ("First.", "Second."), (section,))


@pytest.mark.parametrize("text", ["plain", NASTY, "it's: a [list]", "'quoted'", "tab\there", "日本"])
def test_front_matter_parses_whatever_is_in_it(text):
    _, front, _ = to_markdown(document(title=text, author=text)).split("---\n", 2)
    assert yaml.safe_load(front) == {"author": text, "title": text, "date": "2025-01-31", "summary": "The summary."}


def test_notices_and_answer_stand_before_everything_else():
    text = to_markdown(document())
    assert (
        text.index("**A notice.**") < text.index("First. Second.") < text.index("## Section") < text.index("### Inner")
    )


def test_a_table_keeps_its_columns_whatever_its_cells_hold():
    blocks = table("Caption.", ("Name", "Word", "J"), [("a | b", "x", "1.5"), ("c", "y", "–")])
    lines = [line for line in to_markdown(document(*blocks)).splitlines() if line.startswith("|")]
    assert lines == ["| Name | Word | J |", "| --- | --- | ---: |", "| a \\| b | x | 1.5 |", "| c | y | – |"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("torch_tuned", "torch_tuned"),
        ("_x_", "\\_x\\_"),
        ("a*b", "a\\*b"),
        ("<b>", "\\<b\\>"),
        ("[x](y)", "\\[x\\](y)"),
        ("`x`", "\\`x\\`"),
    ],
)
def test_markup_in_a_text_is_escaped(text, expected):
    assert escape(text) == expected


def test_every_block_is_written():
    text = to_markdown(
        document(Paragraph("1. no list"), Bullets(("x",)), Code("ls -l"), Picture("energy_j", "What is seen."))
    )
    for part in ("1\\. no list", "- x", "```sh\nls -l\n```", "![What is seen.](figures/energy_j.svg)"):
        assert part in text


def test_columns_that_say_nothing_are_left_out():
    (shown,) = table("c", ("a", "b", "c"), [("x", "–", "1"), ("y", "–", "2")])
    assert shown.head == ("a", "c")
    assert table("c", ("a",), []) == []
