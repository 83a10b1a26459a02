"""Data flow one way: a folder of `src` imports only from those before it, and the worker from nothing but itself."""

import ast

import pytest

from src.paths import ROOT

SRC = ROOT / "src"
SHARED = {"errors", "paths", "cli"}
ALLOWED = {
    "worker": set(),
    "plan": {"worker"},
    "dataset": {"plan"},
    "measure": {"worker"},
    "track": {"worker", "plan", "measure"},
    "report": {"worker", "plan", "measure", "track"},
    "ingest": {"worker", "plan", "measure", "track"},
    "protocol": {"worker", "plan", "dataset", "measure", "track", "report"},
}


def imported(path):
    """Full names of the modules that a file imports."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def own_folders(names):
    return {name.split(".")[1] for name in names if name.startswith("src.")}


def test_every_folder_has_its_place():
    assert {path.name for path in SRC.iterdir() if path.is_dir() and path.name != "__pycache__"} == set(ALLOWED)


@pytest.mark.parametrize("folder", ALLOWED)
def test_a_folder_imports_only_from_those_before_it(folder):
    allowed = ALLOWED[folder] | {folder} | (SHARED if folder != "worker" else set())
    for path in (SRC / folder).rglob("*.py"):
        assert own_folders(imported(path)) <= allowed, path


def test_only_track_imports_mlflow():
    files = [path for path in SRC.rglob("*.py") if any(name.split(".")[0] == "mlflow" for name in imported(path))]
    assert {path.parent.name for path in files} == {"track"}
