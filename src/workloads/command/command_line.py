"""The workload `command`: any command line at all, prepared before anything is measured."""

from __future__ import annotations

import shlex
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from src.contract.events import EVENTS_VARIABLE
from src.contract.job import Job, Work
from src.contract.outcome import NAME, OUTCOME_VARIABLE
from src.errors import ConfigError, SetupError

KIND = "command"
CHILD = "src.workloads.command.child"
NEEDS_A_SHELL = ("|", "||", "&", "&&", ";", "<", ">", ">>", "2>", "2>&1")
RESERVED = (EVENTS_VARIABLE, OUTCOME_VARIABLE)


@dataclass
class MetricConfig:
    """What a metric of the command's own is."""

    unit: str = "1"
    title: str | None = None
    # lower | higher; null where neither is.
    better: str | None = None
    # Whether it stands in the summaries.
    headline: bool = True


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
    environment: dict[str, str] = field(default_factory=dict)
    # What it ends with when all is well.
    exit_code: int = 0
    # The phases whose energy is compared; empty takes the whole process.
    phases: list[str] = field(default_factory=list)
    # Metrics that its program must write to $JOULEBENCH_OUTCOME, and what they are.
    metrics: dict[str, MetricConfig] = field(default_factory=dict)


def words_of(command: Any) -> list[str]:
    """The command line in words; raises ConfigError where it is none, or would need a shell."""
    if isinstance(command, str):
        try:
            words = shlex.split(command)
        except ValueError as error:
            raise ConfigError(f"workload.command={command}: {error}; see its quotes") from error
        shell = next((word for word in words if word in NEEDS_A_SHELL), None)
        if shell:
            raise ConfigError(
                f"workload.command={command}: no shell reads it, so `{shell}` would be a word like any other; for "
                f"pipes and the like, 'workload.command=[sh,-c,\"...\"]'"
            )
    elif isinstance(command, Sequence):
        words = [str(word) for word in command]
    else:
        words = []
    if not words:
        raise ConfigError("workload.command: say what to run, as in 'workload.command=gzip -9 -k -f big'")
    return words


def check_command(config: CommandConfig) -> None:
    """Raise ConfigError for values that make no sense, before anything is looked up."""
    words_of(config.command)
    if not 0 <= config.exit_code <= 255:
        raise ConfigError(f"workload.exit_code={config.exit_code}: must be 0 to 255")
    for variable in RESERVED:
        if variable in config.environment:
            raise ConfigError(f"workload.environment: {variable} is set by joulebench; choose another variable")
    for name, metric in config.metrics.items():
        if not NAME.fullmatch(name):
            raise ConfigError(f"workload.metrics.{name}: use letters, digits, `_`, `.` and `-` in a metric's name")
        if metric.better not in (None, "lower", "higher"):
            raise ConfigError(f"workload.metrics.{name}.better={metric.better}: must be lower, higher or null")


def prepare_command(config: CommandConfig, environment: Mapping[str, str], threads: Sequence[int], here: Path) -> Work:
    """The job of a command; `here` is where joulebench was started, `environment` what it passes on, `threads` CPUs.

    Raises SetupError where the program or its folder is not there.
    """
    check_command(config)
    words = words_of(config.command)
    folder = (here / Path(config.working_directory or ".").expanduser()).resolve()
    if not folder.is_dir():
        raise SetupError(f"workload.working_directory={config.working_directory}: there is no folder {folder}")
    program = _found(words[0], folder, {**environment, **config.environment})
    settings = {
        "words": [program, *words[1:]],
        "working_directory": str(folder),
        "environment": dict(config.environment),
        "exit_code": config.exit_code,
        "metrics": {name: asdict(metric) for name, metric in config.metrics.items()},
        "affinity": list(threads),
    }
    job = Job(
        workload=KIND,
        program=[sys.executable, "-m", CHILD],
        task_phases=list(config.phases),
        settings=settings,
    )
    return Work(job, {"workload.program": program}, None, ())


def _found(program: str, folder: Path, environment: Mapping[str, str]) -> str:
    """The program's full path: as a shell would find it from the folder that the command runs in."""
    if "/" in program or "\\" in program:
        path = folder / Path(program).expanduser()
        found = shutil.which(path) if path.is_file() else None
        problem = "is not executable: chmod +x it" if path.is_file() else "is not there"
        if found is None:
            raise SetupError(f"workload.command: {path} {problem}")
        return str(path)
    found = shutil.which(program, path=environment.get("PATH"))
    if found is None:
        raise SetupError(f"workload.command: there is no program `{program}` on PATH; install it, or write its path")
    return found


def short_names(commands: Sequence[Any]) -> list[str]:
    """What sets commands apart, in their own words: their programs where these differ, else the words that do.

    Where neither tells all of them apart, the whole command lines.
    """
    every = [words_of(command) for command in commands]
    programs = [Path(words[0]).name for words in every]
    if len(set(programs)) == len(set(map(tuple, every))):
        return programs
    common = set.intersection(*(set(words) for words in every))
    differing = [" ".join(word for word in words if word not in common) for words in every]
    if all(differing) and len(set(differing)) == len(set(map(tuple, every))):
        return differing
    return [shlex.join(words) for words in every]
