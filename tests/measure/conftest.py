"""Stand-ins of EnergiBridge and of the worker, as programs that a test can start."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from src.contract.job import Job
from src.measure.environment import worker_environment
from src.measure.meters import processor
from src.paths import ROOT

STANDINS = ROOT / "tests" / "standins"


@dataclass
class Config:
    """The settings of the meter group."""

    name: str = "auto"
    binary: str | None = None
    interval_ms: int = 50
    columns: list[str] = field(default_factory=list)
    also: list[str] = field(default_factory=list)
    recording: str | None = None
    idle_w: float = 1.0
    busy_w: float = 3.0
    power_model_source: str = "a test"
    powercap: str | None = None
    strict: bool = False
    options: dict[str, Any] = field(default_factory=dict)


@pytest.fixture
def meter_config() -> type[Config]:
    return Config


@pytest.fixture(autouse=True)
def _one_processor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever machine the tests run on, they see one processor of no special kind; a test may write others there."""
    monkeypatch.setattr(processor, "CPUS", tmp_path / "cpus")
    monkeypatch.setattr(processor, "CPUINFO", tmp_path / "cpuinfo")
    monkeypatch.setattr(platform, "processor", lambda: "")


@pytest.fixture
def environment() -> dict[str, str]:
    return worker_environment(os.environ, {}, ROOT)


@pytest.fixture
def job() -> Callable[[str], Job]:
    """The job of a worker that writes beside it and ends as `mode` says; its task is all but the import."""

    def make(mode: str) -> Job:
        program = [sys.executable, str(STANDINS / "worker.py"), mode]
        settings = {"framework": "torch", "threads": 2}
        phases = ["data", "build", "train", "evaluate"]
        return Job(workload="standin", program=program, task_phases=phases, settings=settings)

    return make
