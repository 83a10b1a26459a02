"""Data flow one way: who may import whom in `src`, and the measured processes from nothing but their own."""

from __future__ import annotations

import ast
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from src.paths import ROOT

SRC = ROOT / "src"
SHARED = {"errors", "paths", "public", "rules", "stops"}
"""Modules that every room but the ground floor may import."""
ALLOWED = {
    "contract": set(),
    "measure": {"contract"},
    "workloads": {"contract"},
    "track": {"contract"},
    "analysis": {"contract"},
    "figures": {"contract", "analysis"},
    "config": {"contract", "measure", "workloads", "analysis"},
    "plan": {"contract", "measure", "workloads", "analysis", "config"},
    "report": {"contract", "config", "plan", "track", "analysis", "figures", "cli"},
    "ingest": {"contract", "config", "measure", "track", "analysis", "figures", "report", "cli"},
    "doctor": {"contract", "config", "measure", "workloads", "track", "analysis", "cli"},
    "protocol": {
        "contract",
        "measure",
        "workloads",
        "config",
        "plan",
        "track",
        "analysis",
        "figures",
        "report",
        "doctor",
    },
    "cli": {"contract", "config"},
    "main": {"contract", "config", "plan", "protocol", "cli"},
    "completion": {"contract", "ingest"},
    "errors": set(),
    "paths": set(),
    "public": set(),
    "rules": set(),
    "stops": set(),
}
"""What each room of `src` may import beside itself and SHARED."""

MEASURED = {
    "workloads/training/worker": ("workloads.training",),
    "workloads/training/trainers": ("workloads.training",),
    "workloads/inference/worker": ("workloads.training", "workloads.inference"),
    "workloads/command/child.py": ("workloads.command",),
}
"""What runs in a measured process, and the folders of `src` that it may load beside the contract."""

TWICE = {"__init__.py", "__main__.py", "standard.py", "tuned.py", "common.py"}
"""File names that may stand in several folders: each framework's trainers are to be compared line by line."""


def imported(path: Path) -> Iterator[str]:
    """Full names of the modules that a file imports, wherever in it, but those that only a type checker reads."""
    tree = ast.parse(path.read_text("utf-8"))
    typing_only = {id(node) for branch in ast.walk(tree) if _is_for_types(branch) for node in ast.walk(branch)}
    for node in ast.walk(tree):
        if id(node) in typing_only:
            continue
        if isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def _is_for_types(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"


def rooms(path: Path) -> set[str]:
    """The rooms of `src` that a file imports from."""
    return {name.split(".")[1] for name in imported(path) if name.startswith("src.")}


def module_of(name: str) -> Path | None:
    """The file of a module of `src`; None where the name is none."""
    place = ROOT / Path(*name.split("."))
    found = [path for path in (place.with_suffix(".py"), place / "__init__.py") if path.is_file()]
    return found[0] if found else None


def loaded(files: list[Path]) -> set[Path]:
    """The files of `src` that importing these loads, the packages around them among them."""
    seen: set[Path] = set()
    waiting = list(files)
    while waiting:
        path = waiting.pop()
        if path in seen:
            continue
        seen.add(path)
        waiting += [p / "__init__.py" for p in path.parents if p.is_relative_to(SRC) and (p / "__init__.py").is_file()]
        waiting += [found for name in imported(path) if (found := module_of(name)) is not None]
    return seen


def files_of(place: str) -> list[Path]:
    """The files of a folder of `src`, or the one of this name; none where there is neither."""
    path = SRC / place
    return (
        sorted(path.rglob("*.py")) if path.is_dir() else [file for file in [path.with_suffix(".py")] if file.exists()]
    )


def test_every_room_has_its_place() -> None:
    names = {path.stem for path in SRC.iterdir() if path.name not in ("__pycache__", "__init__.py")}
    assert names == set(ALLOWED)


@pytest.mark.parametrize("room", ALLOWED)
def test_a_room_imports_only_from_those_before_it(room: str) -> None:
    allowed = ALLOWED[room] | {room} | (SHARED if room != "contract" else set())
    for path in files_of(room):
        assert rooms(path) <= allowed, path


def test_the_contract_needs_the_standard_library_only() -> None:
    for path in files_of("contract"):
        others = {name.split(".")[0] for name in imported(path)} - {"src", *sys.stdlib_module_names}
        assert not others, path


@pytest.mark.parametrize("place", [place for place in MEASURED if files_of(place)])
def test_a_measured_process_loads_the_contract_and_its_own_folders(place: str) -> None:
    allowed = ("contract", *MEASURED[place])
    for path in loaded(files_of(place)) - {SRC / "__init__.py", SRC / "workloads/__init__.py"}:
        name = ".".join(path.relative_to(SRC).with_suffix("").parts)
        assert name.startswith(allowed), f"{place} loads {name}"


def test_only_track_imports_mlflow() -> None:
    files = [path for path in SRC.rglob("*.py") if any(name.split(".")[0] == "mlflow" for name in imported(path))]
    assert {path.parent.name for path in files} == {"track"}


def test_nothing_private_of_hydra_is_used() -> None:
    for path in (*SRC.rglob("*.py"), *(ROOT / "hydra_plugins").rglob("*.py")):
        private = [name for name in imported(path) if name.split(".")[0] in ("hydra", "omegaconf") and "._" in name]
        assert not private, path
        assert "hydra._internal" not in path.read_text("utf-8"), path


def test_a_file_name_exists_once() -> None:
    counts = Counter(path.name for path in SRC.rglob("*.py"))
    assert {name for name, count in counts.items() if count > 1} <= TWICE
