"""Environments, data and store as they are found: whole, broken, drifted, missing."""

from __future__ import annotations

import os
import sqlite3
import sys
from pathlib import Path

import pytest

from src.doctor import try_software
from src.doctor.try_software import drifted, try_environment
from src.workloads.training.frameworks import Framework

REQUIREMENTS = "scripts/requirements/mine-cpu.txt"
LOCK = "# mine-cpu: written by hand\npytest=={}\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A project with one environment, whose interpreter is the one that runs the tests."""
    folder = tmp_path / ".venvs" / "mine"
    (folder / "bin").mkdir(parents=True)
    (folder / "bin" / "python").write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    (folder / "bin" / "python").chmod(0o755)
    (tmp_path / REQUIREMENTS).parent.mkdir(parents=True)
    for lock in (folder / "joulebench.lock", tmp_path / REQUIREMENTS):
        lock.write_text(LOCK.format(pytest.__version__))
    return tmp_path


pytestmark = pytest.mark.skipif(os.name != "posix", reason="makes an interpreter of a shell script")


def tried(root: Path, *packages: str):
    return try_environment("mine", Framework("mine", packages), root, REQUIREMENTS)


def test_an_environment_that_is_as_it_should_be(root: Path) -> None:
    found = tried(root, "pytest")
    assert (found.failure, found.drifted, found.late) == ("", (), False)
    assert (found.versions, found.devices) == ((f"pytest {pytest.__version__}",), ("cpu",))


def test_an_environment_that_does_not_import(root: Path) -> None:
    found = tried(root, "pytest", "no_such_framework")
    assert found.failure == "does not import: ModuleNotFoundError: No module named 'no_such_framework'"
    assert "make setup ENVS=mine" in found.remedy


def test_an_environment_of_other_versions_than_its_lock(root: Path) -> None:
    for lock in (root / ".venvs/mine/joulebench.lock", root / REQUIREMENTS):
        lock.write_text(LOCK.format("1.0"))
    assert tried(root, "pytest").drifted == (f"pytest {pytest.__version__} for 1.0",)


def test_an_environment_whose_requirements_changed(root: Path) -> None:
    (root / REQUIREMENTS).write_text(LOCK.format("99"))
    found = tried(root, "pytest")
    assert found.failure == f"made from other requirements than {REQUIREMENTS}"
    assert found.remedy.strip() == "make setup ENVS=mine DEVICE=cpu"


def test_an_environment_that_is_not_there(root: Path) -> None:
    (root / ".venvs/mine/joulebench.lock").unlink()
    assert tried(root, "pytest").failure == "not set up"


def test_an_import_that_takes_too_long_still_tells_versions(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(try_software, "IMPORT_S", 4.0)
    slow = try_software.TRIAL.replace("for name in", "import time; time.sleep(60)\nfor name in")
    monkeypatch.setattr(try_software, "TRIAL", slow)
    found = tried(root, "pytest")
    assert (found.late, found.failure, found.versions) == (True, "", (f"pytest {pytest.__version__}",))


@pytest.mark.parametrize(
    ("lock", "installed", "told"),
    [
        pytest.param("torch==2.13.0", {"torch": "2.13.0+cpu"}, [], id="a build of it"),
        pytest.param("Typing_Extensions==4.16.0", {"typing.extensions": "4.16.0"}, [], id="spelt otherwise"),
        pytest.param("keras==3.15", {"keras": "3.14"}, ["keras 3.14 for 3.15"], id="older"),
        pytest.param("keras==3.15", {}, ["keras is missing for 3.15"], id="missing"),
        pytest.param('tensorflow==2.21; sys_platform == "darwin"', {}, [], id="not of this system"),
        pytest.param('tf==2.21; sys_platform == "darwin"', {"tf": "2.0"}, ["tf 2.0 for 2.21"], id="there, but older"),
        pytest.param("jax[cuda12]==0.10.2", {"jax": "0.10.1"}, ["jax 0.10.1 for 0.10.2"], id="with extras"),
        pytest.param("# numpy==1.0\n    # via torch\n", {}, [], id="comments"),
    ],
)
def test_versions_beside_the_lock(lock, installed, told) -> None:
    assert drifted(lock, installed) == told


@pytest.mark.parametrize(
    ("overrides", "here", "words"),
    [
        pytest.param(["dataset=mnist"], None, "mnist is not here yet", id="to be fetched"),
        pytest.param(["dataset=digits"], True, "made on this machine", id="made here"),
        pytest.param(["dataset=mnist", "dataset.path=/nowhere"], False, "has no", id="a folder without it"),
    ],
)
def test_where_the_data_are(composed, tmp_path, overrides, here, words) -> None:
    said, found = try_software._dataset(composed(*overrides).dataset, tmp_path)
    assert found is here
    assert words in said


def test_data_that_were_fetched_or_prepared(composed, tmp_path) -> None:
    config = composed("dataset=mnist").dataset
    folder = tmp_path / config.cache / "mnist"
    folder.mkdir(parents=True)
    for file in config.files.values():
        (folder / f"{file.name}.gz").touch()
    assert try_software._dataset(config, tmp_path) == ("mnist, in data/mnist", True)
    next(iter(folder.iterdir())).unlink()
    assert try_software._dataset(config, tmp_path)[1] is None


def test_a_command_needs_no_data() -> None:
    assert try_software._dataset(None, Path()) == ("", True)


def test_a_store_that_is_not_there_yet_is_left_so(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    assert try_software._store(None) == ("mlflow.db", "")
    assert list(tmp_path.iterdir()) == []


def test_a_store_that_takes_runs(store_uri) -> None:
    assert try_software._store(store_uri)[1] == ""


def test_a_store_that_somebody_holds(tmp_path) -> None:
    path = tmp_path / "held.db"
    with sqlite3.connect(path) as database:
        database.execute("BEGIN EXCLUSIVE")
        assert "database is locked" in try_software._store(f"sqlite:///{path}")[1]
        database.rollback()


def test_a_store_that_is_none(tmp_path) -> None:
    path = tmp_path / "text.db"
    path.write_text("this is no database, and longer than its head" * 10)
    assert "cannot be written" in try_software._store(f"sqlite:///{path}")[1]
