"""The interpreters that `make setup` made: where they are, and whether they are what the configuration names."""

from __future__ import annotations

import os
from pathlib import Path

from src.contract.commands import joined
from src.errors import SetupError
from src.workloads.hardware import Device
from src.workloads.training.training_settings import FrameworkConfig

ENVIRONMENTS = ".venvs"
LOCK_COPY = "joulebench.lock"
INTERPRETER = "Scripts/python.exe" if os.name == "nt" else "bin/python"


def interpreter(framework: FrameworkConfig, device: Device, root: Path) -> Path:
    """The framework's own Python; raises SetupError where it is missing or made from other requirements."""
    folder = root / ENVIRONMENTS / framework.environment
    lock = root / framework.requirements
    if not lock.is_file():
        raise SetupError(f"framework.requirements={framework.requirements}: there is no such file below {root}")
    python = folder / INTERPRETER
    if not python.is_file() or not (folder / LOCK_COPY).is_file():
        raise SetupError(
            f"the environment {ENVIRONMENTS}/{framework.environment} is not set up; run `{_setup(framework, device)}`"
        )
    if (folder / LOCK_COPY).read_text(encoding="utf-8") != lock.read_text(encoding="utf-8"):
        raise SetupError(
            f"the environment {ENVIRONMENTS}/{framework.environment} was made from other requirements than "
            f"{framework.requirements}; run `{_setup(framework, device)}`"
        )
    return python


def _setup(framework: FrameworkConfig, device: Device) -> str:
    """The command that makes the environment; DEVICE is named, because set-up otherwise keeps what is installed."""
    name = framework.environment
    if framework.requirements == f"scripts/requirements/{name}-{device.value}.txt":
        return joined(["make", "setup", f"ENVS={name}", f"DEVICE={device.value}"])
    return joined(["python", "scripts/setup_envs.py", name, "--requirements", framework.requirements])
