"""What can be known of a command before anything is measured."""

import dataclasses
import os
import sys

import pytest

from src.errors import ConfigError, SetupError
from src.workloads.command.command_line import CommandConfig, check_command, prepare_command, words_of


@pytest.mark.parametrize(
    ("command", "words"),
    [
        pytest.param("gzip -9 'a b' \"c d\"", ["gzip", "-9", "a b", "c d"], id="text"),
        pytest.param(["gzip", -9, "a b", ""], ["gzip", "-9", "a b", ""], id="list"),
        pytest.param("find . -exec echo {} ';'", ["find", ".", "-exec", "echo", "{}", ";"], id="quoted for no shell"),
        pytest.param(r"echo a\|b '$HOME' \~", ["echo", "a|b", "$HOME", "~"], id="escaped"),
        pytest.param("echo a~b 5$ x?y=z", ["echo", "a~b", "5$", "x?y=z"], id="within a word"),
    ],
)
def test_a_command_is_read_in_words(command, words):
    assert words_of(command) == words


@pytest.mark.parametrize(
    "command", ["a | b", "a>b", "a 2>&1", "a; b", "a && b", "a $(b)", "a `b`", "a $HOME", "a *.txt", "~/a", "a ~"]
)
def test_what_only_a_shell_understands_is_refused(command):
    with pytest.raises(ConfigError, match=r"no shell reads it.*\[sh,-c"):
        words_of(command)


@pytest.mark.parametrize("word", [0, 5, 1.5, True, None], ids=str)
def test_a_word_that_was_read_as_something_else_is_refused(word):
    with pytest.raises(ConfigError, match=f"{word} in the list is no text.*put it in quotes"):
        words_of(["sleep", word])


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        pytest.param({"command": ""}, "say what to run", id="nothing"),
        pytest.param({"command": None}, "say what to run", id="null"),
        pytest.param({"command": []}, "say what to run", id="empty list"),
        pytest.param({"command": True}, "no text", id="a truth value"),
        pytest.param({"command": "echo 'a"}, "No closing quotation", id="open quote"),
        pytest.param({"environment": {"JOULEBENCH_EVENTS": "x"}}, "no name for a variable of yours", id="our variable"),
        pytest.param({"environment": {"A=B": "x"}}, "no name for a variable", id="no variable"),
        pytest.param({"environment": {"FLAG": True}}, "FLAG=True is no text", id="a variable that is no text"),
        pytest.param({"phases": ["total"]}, "means something else already", id="phase total"),
        pytest.param({"phases": ["task"]}, "means something else already", id="phase task"),
        pytest.param({"phases": ["gpu"]}, "means something else already", id="phase of a domain"),
        pytest.param({"phases": ["a b"]}, "use letters", id="phase with a space"),
        pytest.param({"metrics": {"energy_j": {}}}, "joulebench files what it measured", id="our metric"),
        pytest.param({"metrics": {"duration_wait_s": {}}}, "joulebench files what it measured", id="like our metrics"),
        pytest.param({"metrics": {"a b": {}}}, "use letters", id="metric with a space"),
        pytest.param({"metrics": {"x": {"better": "most"}}}, "use lower, higher", id="better"),
        pytest.param({"metrics": {"x": {"bettr": "lower"}}}, "bettr: use unit, title", id="unknown key"),
        pytest.param({"metrics": {"x": "lower"}}, "write it as in", id="no description"),
    ],
)
def test_what_makes_no_sense_is_refused(changes, says):
    with pytest.raises(ConfigError, match=says):
        check_command(CommandConfig(**{"command": "true", **changes}))


@pytest.fixture
def prepare(tmp_path):
    def start(command, affinity=(), **changes):
        return prepare_command(CommandConfig(command=command, **changes), os.environ, affinity, tmp_path)

    return start


def script(path, text, mode=0o755):
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(text)
    path.chmod(mode)


@pytest.mark.parametrize(
    ("text", "mode", "says"),
    [
        pytest.param(b"#!/bin/sh\n", 0o644, "is not executable: chmod", id="not executable"),
        pytest.param(b"#!/nowhere/sh -e\n", 0o755, "interpreter '/nowhere/sh'", id="no interpreter"),
        pytest.param(b"#!/bin/sh\r\n", 0o755, r"interpreter '/bin/sh\\r'", id="line ends of Windows"),
        pytest.param(b"#!/usr/bin/env nowhere3\n", 0o755, "no program `nowhere3`", id="env finds none"),
        pytest.param(b"sleep 1\n", 0o755, "must name its interpreter", id="no first line"),
        pytest.param(b"", 0o755, "must name its interpreter", id="empty"),
    ],
)
def test_a_script_that_cannot_start_is_refused(prepare, tmp_path, text, mode, says):
    script(tmp_path / "bin/tool", text, mode)
    for command in ("bin/tool", str(tmp_path / "bin/tool")):
        with pytest.raises(SetupError, match=says):
            prepare(command)


def test_what_is_not_there_is_refused(prepare, tmp_path):
    for command in ("nowhere3", "./nowhere3", str(tmp_path)):
        with pytest.raises(SetupError, match="there is no program"):
            prepare(command)
    with pytest.raises(SetupError, match=r"there is no folder .*/absent"):
        prepare("true", working_directory="absent")


def test_a_system_without_affinity_is_told_apart(prepare, monkeypatch):
    monkeypatch.delattr(os, "sched_setaffinity")
    with pytest.raises(SetupError, match=r"hardware\.affinity"):
        prepare("true", affinity=[0])


def test_a_program_is_found_as_from_its_own_folder_and_path(prepare, tmp_path):
    script(tmp_path / "bin/tool", b"#!/usr/bin/env -S sh -e\n")
    works = [
        prepare("bin/tool"),
        prepare("./tool", working_directory="bin"),
        prepare("tool", environment={"PATH": str(tmp_path / "bin")}),
    ]
    assert {work.facts["command.program"] for work in works} == {str(tmp_path / "bin/tool")}
    assert all(work.job.settings["words"][0] == str(tmp_path / "bin/tool") for work in works)


DISTINCT = {
    "command": ["true", "-9"],
    "working_directory": "inner",
    "environment": {"ONE": 1},
    "exit_code": 7,
    "phases": ["load", "work"],
    "metrics": {"ratio": {"better": "higher"}},
}


def test_every_setting_reaches_the_job(prepare, tmp_path):
    (tmp_path / "inner").mkdir()
    assert set(DISTINCT) | {"name"} == {field.name for field in dataclasses.fields(CommandConfig)}
    work = prepare(affinity=[0], **DISTINCT)
    settings = work.job.settings
    assert settings.pop("words")[1:] == ["-9"]
    assert settings == {
        "working_directory": str(tmp_path / "inner"),
        "environment": {"ONE": "1"},
        "exit_code": 7,
        "metrics": {"ratio": {"better": "higher", "headline": True}},
        "affinity": [0],
    }
    assert work.job.task_phases == ["load", "work"]
    assert work.job.program[0] == sys.executable
    assert work.unheeded == ("hardware.threads",)
