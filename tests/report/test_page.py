"""The page: one file that loads nothing, in which names are names and never markup."""

import base64
import re
from html.parser import HTMLParser

import pytest

from scripts.browser import Browser
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


def test_what_is_folded_stands_behind_the_rest_and_a_link_opens_it(figures):
    sections = (Section("f", "Folded", (Paragraph("deep"),), (Section("in", "Inner"),), folded=True), Section("o", "O"))
    html = to_html(Document("t", "a", "2025-01-31", "s", (), ("First.",), sections), figures)
    parsed = Elements()
    parsed.feed(html)
    assert html.index('<h2 id="o">') < html.index("<details>") < html.index("deep") < html.index("</details>")
    assert [a["href"] for a in parsed.of("a")] == ["#o", "#f"]
    within = html[html.index("</summary>") : html.index("</details>")]
    assert '<div id="f">' in within  # inside of what opens, not the details themselves
    assert "Inner" in html[html.index("<summary>") : html.index("</summary>")]


@pytest.fixture
def browse(chromium, figures, tmp_path):
    """Opens the page of made-up blocks at a width, and evaluates JavaScript in it."""
    wide = table("Wide.", [f"column {n}" for n in range(20)], [["a long name"] * 20] * 3)
    blocks = (Paragraph("text " * 200), *wide, Picture("energy_j", "Seen."), Code("python -m x " + "key=value " * 60))
    (figures / "energy_j.svg").write_text(
        "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 241 140'><rect width='241' height='140'/></svg>"
    )
    sections = (Section("o", "Open", blocks), Section("f", "Folded", blocks, folded=True))
    path = tmp_path / "page.html"
    path.write_text(to_html(Document("t", "a", "2025-01-31", "s", ("n",), ("First.", "Second."), sections), figures))

    def evaluate(width, *scripts, media=""):
        with Browser(width, 900) as browser:
            browser.call("Emulation.setEmulatedMedia", media=media)
            browser.open(path.as_uri(), 0.5)
            return [browser.evaluate(script) for script in scripts]

    return evaluate


@pytest.mark.parametrize("width", [400, 1400])
def test_nothing_is_wider_than_the_page_and_no_command_is_cut(browse, width):
    page_width, code, table_scrolls = browse(
        width,
        "document.documentElement.scrollWidth",
        "[...document.querySelectorAll('pre')].every(e => e.scrollWidth <= e.clientWidth)",
        "[...document.querySelectorAll('.scroll')].some(e => e.scrollWidth > e.clientWidth)",
    )
    assert page_width == width
    assert code is True
    assert table_scrolls is True


def test_a_wide_page_is_used(browse):
    (used,) = browse(1400, "document.querySelector('.texts p').parentElement.getBoundingClientRect().width")
    assert used > 1200


def test_what_is_folded_is_open_in_print_only(browse):
    height = "document.querySelector('details').getBoundingClientRect().height"
    assert browse(1000, height)[0] < 100
    assert browse(1000, height, media="print")[0] > 300


def test_figures_are_vectors_unless_they_are_huge(figures, monkeypatch):
    _, parsed = render(figures)
    assert parsed.of("img")[0]["src"].startswith("data:image/svg+xml;base64,")
    monkeypatch.setattr(page, "LARGEST_SVG", 10)
    _, parsed = render(figures)
    assert parsed.of("img")[0]["src"] == "data:image/png;base64," + base64.b64encode(b"PNG").decode()
