"""What `conf/framework/*.yaml` says of each framework to those that compose no configuration.

Set-up reads it before any package is installed, so this takes the standard library only, and of YAML just the two keys
that are wanted, each on a line of its own (a test compares it with OmegaConf for every file).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from src.errors import SetupError
from src.paths import CONF

ENVIRONMENT = re.compile(r"^environment: ([\w.-]+)$", re.MULTILINE)
PACKAGES = re.compile(r"^packages: \[((?:\w+(?:, \w+)*)?)\]$", re.MULTILINE)

TOOLS = ("hydra", "omegaconf", "mlflow", "pandas", "scipy", "sklearn", "matplotlib")
"""The orchestrator's own packages, which no measured process may load."""


@dataclass(frozen=True)
class Framework:
    """An option of the group: the folder below .venvs/, and the packages that belong to the framework."""

    environment: str
    packages: tuple[str, ...]


def frameworks(folder: Path = CONF / "framework") -> dict[str, Framework]:
    """Every option by name, in the order of the names; raises SetupError where a file lacks a line."""
    return {path.stem: _read(path) for path in sorted(folder.glob("*.yaml"))}


def environments() -> list[str]:
    """The environments that all options need, each once."""
    return sorted({framework.environment for framework in frameworks().values()})


def all_packages() -> set[str]:
    """The packages of all frameworks."""
    return {package for framework in frameworks().values() for package in framework.packages}


def foreign_packages(own: Iterable[str]) -> list[str]:
    """What a process that measures a framework of these packages may not load: the others', and the orchestrator's."""
    return sorted((all_packages() | set(TOOLS)).difference(own))


def _read(path: Path) -> Framework:
    text = path.read_text(encoding="utf-8")
    environment, packages = ENVIRONMENT.search(text), PACKAGES.search(text)
    if environment is None or packages is None:
        raise SetupError(
            f"{path} must have the lines `environment: NAME` and `packages: [NAME, NAME]`, as those beside it have"
        )
    return Framework(environment[1], tuple(re.findall(r"\w+", packages[1])))
