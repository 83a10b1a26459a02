"""Colours on dark paper."""

import re

import pytest

from src.figures.dark import PAPER, contrast, dark, with_dark_colours
from src.figures.looks import FAMILY_RAMPS, OTHER_RAMPS, PHASE_COLOURS
from src.figures.style import GREY, INK, ON_PAINT

RAMPS = [colour for ramp in (*FAMILY_RAMPS.values(), *OTHER_RAMPS) for colour in ramp]


@pytest.mark.parametrize("colour", [*RAMPS, *PHASE_COLOURS, INK, GREY, "#440154", "#000000"])
def test_what_is_drawn_is_seen_on_dark_paper(colour):
    assert contrast(dark(colour), PAPER) >= 3


@pytest.mark.parametrize(("colour", "expected"), [("#ffffff", PAPER), ("#ddaa33", "#ddaa33")])
def test_paper_becomes_dark_and_what_is_light_enough_stays(colour, expected):
    assert dark(colour) == expected


def test_a_pale_band_becomes_a_dark_one():
    assert contrast(dark("#cfe8f7"), PAPER) < 2


def test_every_colour_has_its_rule_but_the_ink_on_painted_bars():
    svg = f'<svg><style>*{{}}</style><g style="fill: #222222; stroke: #ffffff"/><g style="fill: {ON_PAINT}"/></svg>'
    found = with_dark_colours(svg)
    rules = re.findall(r'\[style\*="(\w+: #\w+)"\] {(\w+): (#\w+) !important}', found)
    assert [(what, kind) for what, kind, _ in rules] == [("fill: #222222", "fill"), ("stroke: #ffffff", "stroke")]
    assert found.replace(re.search(r"\n@media.*}}", found).group(0), "") == svg


def test_contrast_is_that_of_the_guidelines():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)
