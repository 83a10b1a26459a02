"""The files both sides of a run share: job.json, events.jsonl and result.json.

Standard library only, because the measured process imports this module too. Every file carries `version`; a
reader refuses a version it does not know. Writing is atomic: a file is either whole or absent.
"""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Self

from src.contract.json_files import ContractError, write_json

VERSION = 1

JOB_FILE = "job.json"
EVENTS_FILE = "events.jsonl"
RESULT_FILE = "result.json"
ENERGY_FILE = "energy.csv"

PHASES = ("import", "data", "build", "train", "evaluate")
EPOCH = "epoch"
TASK_PHASES = PHASES[1:]
"""The task whose energy is compared: everything but importing the framework."""

Edge = Literal["begin", "end"]


@dataclass(frozen=True, kw_only=True)
class Job:
    """All that the worker needs to know; plain values only, so that job.json alone can repeat a run.

    `layers` is the framework-neutral network (see `src.workloads.training.network`); `images` etc. are paths of `.npy`
    files: images float32 (n, height, width, channels) in [0, 1], labels int64 (n,). `train_size` and
    `test_size` take the first rows. `trainer` is the name of a module in `src.workloads.training.trainers`.
    `affinity` lists the CPUs to run on; empty means all. `packages` are the framework's own, `foreign` those that may
    not be loaded beside them.
    """

    framework: str
    packages: list[str]
    foreign: list[str]
    trainer: str
    layers: list[dict[str, Any]]
    train_images: str
    train_labels: str
    test_images: str
    test_labels: str
    train_size: int
    test_size: int
    classes: int
    epochs: int
    batch_size: int
    eval_batch_size: int
    learning_rate: float
    beta_1: float
    beta_2: float
    epsilon: float
    seed: int
    device: str
    threads: int
    affinity: list[int] = field(default_factory=list)
    version: int = VERSION

    def write(self, path: Path) -> None:
        """Write the job atomically."""
        write_json(path, dataclasses.asdict(self))

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a job; raises ContractError where a field is missing, unknown or of another version."""
        return cls(**_values(cls, path))


@dataclass(frozen=True, kw_only=True)
class Result:
    """What a worker that finished reports. Losses are means over samples; accuracy is a fraction of 1.

    `samples_per_s` is training images per second of the train phase. `peak_memory_bytes` is the process's
    maximum resident set. `shapes` are the trainable parameters' shapes in the framework-neutral layout, in
    network order.
    """

    framework: str
    accuracy: float
    loss: float
    train_loss: list[float]
    samples_per_s: float
    parameter_count: int
    shapes: list[list[int]]
    peak_memory_bytes: int
    device: str
    threads: int
    affinity: list[int]
    versions: dict[str, str]
    version: int = VERSION

    def write(self, path: Path) -> None:
        """Write the result atomically."""
        write_json(path, dataclasses.asdict(self))

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a result; raises ContractError where a field is missing, unknown or of another version."""
        return cls(**_values(cls, path))


@dataclass(frozen=True)
class Event:
    """One edge of a phase; `t` is seconds since the epoch, the clock of EnergiBridge's `Time` column."""

    t: float
    phase: str
    edge: Edge


class EventLog:
    """Appends events to a file, closed after each, so that a killed worker leaves what it reached."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def emit(self, phase: str, edge: Edge, t: float | None = None) -> None:
        """Write one event, now unless `t` (epoch seconds) is given."""
        event = Event(time.time() if t is None else t, phase, edge)
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(dataclasses.asdict(event)) + "\n")

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Emit the begin of a phase and, if its body did not raise, its end."""
        self.emit(name, "begin")
        yield
        self.emit(name, "end")


def read_events(path: Path) -> list[Event]:
    """All events of a run in the order written; raises ContractError on a line that is none."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
        return [Event(float(e["t"]), str(e["phase"]), e["edge"]) for e in map(json.loads, lines)]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ContractError(f"{path} is no complete event file ({error})") from error


def _values(cls: type[Any], path: Path) -> dict[str, Any]:
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ContractError(f"{path} cannot be read ({error})") from error
    if not isinstance(values, dict) or values.get("version") != VERSION:
        raise ContractError(f"{path} is not of version {VERSION}; make it again with this project's version")
    known = {f.name for f in dataclasses.fields(cls)}
    if set(values) != known:
        raise ContractError(f"{path}: these fields are missing or unknown: {sorted(set(values) ^ known)}")
    return values
