"""The page: one file that loads nothing, in which names are names and never markup."""

import base64
import re
from html.parser import HTMLParser

import pytest

from src.report import page
from src.report.document import Bullets, Code, Document, Notice, Paragraph, Picture, Section, table
from src.report.page import to_html

EVIL = '<script>alert("1")</script>{{ 7 * 7 }}\' onload="x"'


class Elements(HTMLParser):
    """Every start tag with its attributes, and the text between the tags."""

    def __init__(self):
        super().__init__()
        self.tags = []
        self.text = ""

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text += data

    def of(self, name):
        return [attributes for tag, attributes in self.tags if tag == name]


@pytest.fixture
def figures(tmp_path):
    (tmp_path / "energy_j.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    (tmp_path / "energy_j.png").write_bytes(b"PNG")
    return tmp_path


def render(figures, text="plain"):
    blocks = (
        Paragraph(text), Notice(text), Bullets((text,)), Code(text), Picture("energy_j", text),
        *table(text, ("Name", "J"), [(text, "1.5")]),
    )  # fmt: skip
    section = Section("s", text, blocks, (Section("t", text),))
    html = to_html(Document(text, text, "2025-01-31", text, (text,), (text, text), (section,)), figures)
    parsed = Elements()
    parsed.feed(html)
    return html, parsed


def test_nothing_is_loaded_from_anywhere(figures):
    html, parsed = render(figures)
    assert not {"script", "link", "iframe", "object", "base"} & {tag for tag, _ in parsed.tags}
    addresses = [attributes[key] for _, attributes in parsed.tags for key in ("src", "href") if key in attributes]
    assert len(addresses) >= 2
    assert [address for address in addresses if not address.startswith(("data:image/", "#"))] == []
    assert "url(" not in html
    assert "@import" not in html
    policy = next(a["content"] for a in parsed.of("meta") if a.get("http-equiv") == "Content-Security-Policy")
    assert policy.startswith("default-src 'none'")


def test_names_from_users_are_text(figures):
    html, parsed = render(figures, EVIL)
    assert "script" not in [tag for tag, _ in parsed.tags]
    assert not any("onload" in attributes for _, attributes in parsed.tags)
    assert "{{ 7 * 7 }}" in parsed.text
    assert parsed.of("img")[0]["alt"] == EVIL
    assert "<script" not in html


def test_figures_and_tables_are_described(figures):
    _, parsed = render(figures, "What is seen.")
    assert parsed.of("img")[0]["alt"] == "What is seen."
    assert parsed.of("table")[0]["aria-label"] == "What is seen."
    assert [a["scope"] for a in parsed.of("th")] == ["col", "col", "row"]
    assert parsed.of("html") == [{"lang": "en"}]
    headings = [int(tag[1]) for tag, _ in parsed.tags if re.fullmatch(r"h\d", tag)]
    assert headings == [1, 2, 2, 3]


def test_a_wide_table_scrolls_in_a_box_that_the_keyboard_reaches(figures):
    _, parsed = render(figures)
    (box,) = [a for a in parsed.of("div") if a.get("class") == "scroll"]
    assert box["tabindex"] == "0"
    assert box["role"] == "region"


def test_figures_are_vectors_unless_they_are_huge(figures, monkeypatch):
    _, parsed = render(figures)
    assert parsed.of("img")[0]["src"].startswith("data:image/svg+xml;base64,")
    monkeypatch.setattr(page, "LARGEST_SVG", 10)
    _, parsed = render(figures)
    assert parsed.of("img")[0]["src"] == "data:image/png;base64," + base64.b64encode(b"PNG").decode()
