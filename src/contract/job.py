"""job.json: all that one measured process needs to know, so that the file alone can repeat a run."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from src.contract.json_files import ContractError, read_object, take, texts, write_json

JOB_FILE = "job.json"
VERSION = 2


@dataclass(frozen=True, kw_only=True)
class Job:
    """`program` is started with the job's path as its last argument, `environment` added to what is inherited.

    `task_phases` are the phases whose energy is compared, the first one's begin to the last one's end; none stands for
    the whole process. `settings` are plain values that only the workload's own program understands.
    """

    workload: str
    program: list[str]
    task_phases: list[str] = field(default_factory=list)
    environment: dict[str, str] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)
    version: int = VERSION

    def command(self, path: Path) -> list[str]:
        """The command line that does the job written at `path`."""
        return [*self.program, str(path.resolve())]

    def write(self, path: Path) -> None:
        """Write the job atomically."""
        write_json(path, dataclasses.asdict(self))

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a job; raises ContractError where it is not whole or of another version."""
        values = read_object(path)
        if values.get("version") != VERSION:
            raise ContractError(f"{path} is not of version {VERSION}; make it again with this project's version")
        environment = take(values, "environment", dict, str(path))
        texts(list(environment.values()), f"{path}: `environment`")
        return cls(
            workload=take(values, "workload", str, str(path)),
            program=texts(values.get("program"), f"{path}: `program`"),
            task_phases=texts(values.get("task_phases"), f"{path}: `task_phases`"),
            environment=environment,
            settings=take(values, "settings", dict, str(path)),
        )


@dataclass(frozen=True)
class Prime:
    """A command to run once before anything is measured, so that the first run finds what it needs in memory.

    `remedy` is what to do where it fails: it fails before the warm-up instead of after it.
    """

    command: tuple[str, ...]
    environment: tuple[tuple[str, str], ...]
    remedy: str


@dataclass(frozen=True)
class Work:
    """What a workload gives back when it has prepared: the job, facts to file as parameters, and what to expect.

    `expected_s` is a first guess at the wall time of one run, None where nobody can know. `unheeded` are keys of the
    configuration that this work cannot keep to; they are not filed, so that no run seems to promise them.

    `burner` keeps the GPU that the work computes on busy until its standard input is closed, and says a line when it
    begins to; None where the work needs none, or nothing here can.
    """

    job: Job
    facts: dict[str, str]
    expected_s: float | None
    primes: tuple[Prime, ...] = ()
    unheeded: tuple[str, ...] = ()
    burner: Prime | None = None
