"""Printed commands can be copied, whatever the experiment is called."""

import shlex

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import OmegaConf

from src.contract.commands import override


@pytest.mark.parametrize(
    "text",
    [
        "demo",
        "a b",
        "a,b",
        "a=b",
        "it's",
        "a(b)",
        "[x]",
        "{x}",
        "$HOME",
        "a;b",
        "é",
        '"',
        "1",
        "null",
        "#1",
        "a\\",
        "${x}",
        "a\\${x} \\b",
        "\\\\${x}",
        "a\\b",
    ],
)
def test_a_printed_word_gives_back_its_text(text):
    (word,) = shlex.split(override("experiment", text))
    assert OmegaConf.create({"experiment": OverridesParser.create().parse_override(word).value()}).experiment == text


def test_what_needs_no_quotes_has_none():
    assert override("experiment", "torch_2.12") == "experiment=torch_2.12"
