"""The workload `command`: any command line at all, prepared before anything is measured."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

from src.contract.job import Job, Work
from src.contract.json_files import ContractError
from src.contract.metrics import Metric
from src.errors import ConfigError, SetupError
from src.rules import UNIQUE, within
from src.workloads.command.claims import problem_of_metric, problem_of_phase

KIND = "command"
CHILD = "src.workloads.command.child"
QUOTED = re.compile(r"""\\.|'[^']*'|"(\\.|[^"\\])*\"""", re.DOTALL)
FOR_A_SHELL = re.compile(r"[|&;<>()`*]+|\$[A-Za-z_({?]+|(?<!\S)~")
"""What a shell would not take for part of a word."""
OURS = "JOULEBENCH_"
"""How the variables begin that joulebench sets for a run."""
METRIC_KEYS = ("unit", "title", "better", "headline")
UNHEEDED = ("hardware.threads",)
"""No program can be held to a number of threads from outside."""


@dataclass
class CommandConfig:
    """A command line, and what to make of it."""

    # What the runs are called; null takes the words in which the compared commands differ.
    name: str | None = None
    # Words as in a shell, or a list of them; no shell reads them.
    command: Any = None
    # Where it runs; null takes where joulebench was started.
    working_directory: str | None = None
    # Environment variables beside PATH, HOME and the like.
    environment: dict[str, Any] = field(default_factory=dict)
    # What it ends with when all is well.
    exit_code: Annotated[int, within(0, 255)] = 0
    # The phases whose energy is compared; empty takes the whole process.
    phases: Annotated[list[str], UNIQUE] = field(default_factory=list)
    # Metrics that its program must write to $JOULEBENCH_OUTCOME: NAME: {unit, title, better, headline}, none needed.
    metrics: dict[str, Any] = field(default_factory=dict)


def words_of(command: Any) -> list[str]:
    """The command line in words; raises ConfigError where it is none, or would need a shell."""
    if isinstance(command, str):
        words = _split(command)
    elif isinstance(command, Sequence):
        words = [_word(word) for word in command]
    elif command is None:
        words = []
    else:
        raise ConfigError(f"workload.command={command} is no text; put it in quotes within those of the shell")
    if not words:
        raise ConfigError("workload.command: say what to run, as in 'workload.command=gzip -9 -k -f big'")
    return words


def _split(command: str) -> list[str]:
    found = FOR_A_SHELL.search(QUOTED.sub("", command))
    if found:
        raise ConfigError(
            f"workload.command={command}: no shell reads it, so `{found.group()}` would mean nothing; put it in quotes "
            "if it is meant as it stands, or call a shell: 'workload.command=[sh,-c,\"...\"]'"
        )
    try:
        return shlex.split(command)
    except ValueError as error:
        raise ConfigError(f"workload.command={command}: {error}; see its quotes") from error


def _word(word: Any) -> str:
    """Hydra and YAML read `+5`, `05` and `5` alike, and `-0` as 0; only a number below 0 was surely written so."""
    if isinstance(word, str):
        return word
    if isinstance(word, int) and word < 0:
        return str(word)
    raise ConfigError(
        f"workload.command: {word} in the list is no text, so nobody knows how it was written (5 may have been +5, 0 "
        f"have been -0); put it in quotes, or write the whole command as one text"
    )


def check_command(config: CommandConfig) -> None:
    """Raise ConfigError for values that make no sense, before anything is looked up."""
    words_of(config.command)
    for variable, value in config.environment.items():
        _check_variable(str(variable), value)
    for phase in config.phases:
        if problem := problem_of_phase(phase):
            raise ConfigError(f"workload.phases={phase}: {problem}")
    for name, values in config.metrics.items():
        _check_metric(str(name), values)


def _check_variable(name: str, value: Any) -> None:
    if not name or "=" in name or name.startswith(OURS):
        raise ConfigError(f"workload.environment: `{name}` is no name for a variable of yours; choose another one")
    if not isinstance(value, str) and type(value) is not int:
        raise ConfigError(
            f"workload.environment.{name}={value} is no text, so nobody knows how it was written; put it in quotes"
        )


def _check_metric(name: str, values: Any) -> None:
    if problem := problem_of_metric(name):
        raise ConfigError(f"workload.metrics.{name}: {problem}")
    try:
        unknown = set(_description(values)) - {*METRIC_KEYS}
        if unknown:
            raise ContractError(f"{', '.join(unknown)}: use {', '.join(METRIC_KEYS)}")
        Metric.of(name, _description(values))
    except ContractError as error:
        raise ConfigError(f"workload.metrics.{name}: {error}") from error


def _description(values: Any) -> dict[str, Any]:
    """A metric's keys that are set; it stands in the summaries unless they say no."""
    if not isinstance(values or {}, Mapping):
        raise ContractError(f"{values} is no description; write it as in {{better: lower}}")
    return {"headline": True, **{key: value for key, value in (values or {}).items() if value is not None}}


def prepare_command(config: CommandConfig, environment: Mapping[str, str], affinity: Sequence[int], here: Path) -> Work:
    """The job of a command; `here` is where joulebench was started, `environment` what it passes on.

    Raises SetupError where the program, its interpreter or its folder is not there.
    """
    check_command(config)
    words = words_of(config.command)
    own = {str(name): str(value) for name, value in config.environment.items()}
    folder = (here / Path(config.working_directory or ".").expanduser()).resolve()
    if not folder.is_dir():
        raise SetupError(f"workload.working_directory={config.working_directory}: there is no folder {folder}")
    if affinity and not hasattr(os, "sched_setaffinity"):
        raise SetupError("hardware.affinity: this system can hold no command to some of its CPUs; leave it out")
    search = {**environment, **own}.get("PATH", os.defpath)
    program = _found(words[0], folder, search)
    _refuse_unreadable_script(program, folder, search)
    settings = {
        "words": [program, *words[1:]],
        "working_directory": str(folder),
        "environment": own,
        "exit_code": config.exit_code,
        "metrics": {str(name): _description(values) for name, values in config.metrics.items()},
        "affinity": list(affinity),
    }
    job = Job(workload=KIND, program=[sys.executable, "-m", CHILD], task_phases=list(config.phases), settings=settings)
    return Work(job, {"command.program": program}, None, unheeded=UNHEEDED)


def _found(program: str, folder: Path, search: str) -> str:
    """The program's full path: as a shell would find it from the folder that the command runs in."""
    if "/" not in program and "\\" not in program:
        found = shutil.which(program, path=search)
        if found is None:
            raise SetupError(
                f"workload.command: there is no program `{program}` on PATH; install it, or write its path"
            )
        return str(Path(folder, found))
    path = folder / program
    if not path.is_file():
        raise SetupError(f"workload.command: there is no program {path}; a path is looked up from the command's folder")
    if shutil.which(path) is None:
        raise SetupError(f"workload.command: {path} is not executable: chmod +x it")
    return str(path)


def _refuse_unreadable_script(program: str, folder: Path, search: str) -> None:
    """Raise SetupError for a script that the kernel would refuse to start, which it only says when it is told to."""
    if os.name != "posix" or not os.access(program, os.R_OK):
        return
    with open(program, "rb") as file:
        first = file.read(512)
    if not first.startswith(b"#!"):
        if b"\0" not in first:
            raise SetupError(f"workload.command: the first line of {program} must name its interpreter: #!/bin/sh")
        return
    interpreter, *arguments = first[2:].split(b"\n")[0].decode(errors="replace").strip(" \t").split(" ") or [""]
    if shutil.which(folder / interpreter) is None:
        raise SetupError(
            f"workload.command: {program} names the interpreter {interpreter!r} in its first line, which is not there"
        )
    named = arguments[0] if Path(interpreter).name == "env" and arguments else ""
    if named and not named.startswith("-") and "=" not in named:
        _found(named, folder, search)
