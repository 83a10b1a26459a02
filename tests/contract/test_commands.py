"""Printed commands can be copied, whatever the experiment is called."""

import ast
import re
import shlex
import shutil
import subprocess

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import OmegaConf

from src.contract.commands import joined, override
from src.paths import ROOT


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


AWKWARD = [
    "a b",
    "what?",
    "model.layers=[{kind:flatten}]",
    "*",
    "=ls",
    "k==x",
    "~/x",
    "ä ö",
    "it's",
    "$HOME",
    "!x",
    "a#b",
    "",
]


@pytest.mark.parametrize("shell", ["bash", "zsh", "sh"])
def test_a_printed_command_can_be_pasted_into_every_shell(shell):
    if shutil.which(shell) is None:
        pytest.skip(f"needs {shell}")
    words = [*AWKWARD, "experiment=" + AWKWARD[0]]
    line = joined(["printf", "%s\\n", *words]) + " " + override("experiment", "it's [mine]?")
    options = ["-f", "-o", "nomatch"] if shell == "zsh" else []
    said = subprocess.check_output([shell, *options, "-c", line], text=True)
    assert said.split("\n")[:-1] == [*words, "experiment='it\\'s [mine]?'"]


BRACKETS = re.compile(r"(?:^|[\s(:,`])[+~]{0,2}[\w.{}]+=\[")
"""`key=[...]`, which zsh takes for a pattern, without quotes before it."""


def said_by(path):
    """Every text of a source file but its docstrings, what is filled in as `{}`."""
    tree = ast.parse(path.read_text("utf-8"))
    parts = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
    alone = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            yield "".join(part.value if isinstance(part, ast.Constant) else "{}" for part in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in parts | alone:
            yield node.value


QUOTED_AS_A_WHOLE = {("reproduction.py", "{}=[{}]")}


def test_no_message_shows_a_list_that_zsh_would_not_take():
    found = {
        (path.name, text)
        for folder in ("src", "hydra_plugins", "scripts")
        for path in (ROOT / folder).rglob("*.py")
        for text in said_by(path)
        if BRACKETS.search(text)
    }
    assert found - QUOTED_AS_A_WHOLE == set()
