"""Fixtures that all tests share."""

import copy
import functools
import os
import shlex
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hydra import compose, initialize_config_dir

from src.config.command_words import for_hydra
from src.config.schema import Config, register, typed
from src.contract.record import Point, RunRecord
from src.paths import CONF
from src.track import open_store
from tests.nursery import Nursery, nursery

ROOT = Path(__file__).resolve().parent.parent
STANDINS = ROOT / "tests" / "standins"
MakeRecord = Callable[..., RunRecord]
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")


@functools.cache
def _composed(overrides: tuple[str, ...]) -> Config:
    register()
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return typed(compose("config", overrides=for_hydra(overrides)))


@pytest.fixture
def composed() -> Callable[..., Config]:
    """Composes the real configuration with overrides, each time a new one."""
    return lambda *overrides: copy.deepcopy(_composed(overrides))


@pytest.fixture
def make_record(tmp_path: Path) -> MakeRecord:
    def make(uid: str = "s/0001-torch", **changes: Any) -> RunRecord:
        folder = tmp_path / "runs" / uid
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "energy.csv").write_text("Time,PACKAGE_ENERGY (J)\n1,2\n")
        (folder / "result.json").write_text("{}")
        (folder / ".hidden").write_text("no artifact")
        tags = {
            "framework": "torch",
            "treatment": "torch",
            "iteration": "3",
            "position": "1",
            "sequence": "7",
            "sweep": "s",
            "meter": "native",
            "energy_kind": "estimated",
            "status": "finished",
            "run_uid": uid,
        }
        values: dict[str, Any] = {
            "name": "torch #03",
            "experiment": "study",
            "start_ms": 1_000_000,
            "end_ms": 1_010_000,
            "status": "finished",
            "folder": folder,
            "tags": tags | changes.pop("tags", {}),
            "metrics": {"energy_j": 412.5, "accuracy": 0.981},
            "series": {"train_loss": [Point(1, 1_004_000, 0.4), Point(2, 1_008_000, 0.2)]},
            "params": {"training.epochs": "2", "model.name": "cnn"},
        }
        return RunRecord(**(values | changes))

    return make


@pytest.fixture(scope="session")
def mnist_dir() -> Path:
    """The folder with MNIST's four files, named by JOULEBENCH_MNIST; skips the test where there is none."""
    named = os.environ.get("JOULEBENCH_MNIST")
    if not named:
        pytest.skip("needs MNIST: set JOULEBENCH_MNIST to the folder that holds its four files")
    folder = Path(named)
    assert folder.is_dir(), f"JOULEBENCH_MNIST={named} is no folder"
    return folder


@pytest.fixture(scope="session")
def chromium() -> str:
    """A Chromium browser's program; skips the test where there is none."""
    found = next((path for path in map(shutil.which, BROWSERS) if path), None)
    if found is None:
        pytest.skip("needs a browser: install chromium")
    return found


@pytest.fixture(scope="session")
def repository() -> Path:
    """The repository's root."""
    return ROOT


@pytest.fixture
def energibridge(tmp_path: Path) -> Callable[..., str]:
    """Installs the stand-in with `STANDIN_*` settings as a program of its own; returns its path."""

    def install(**settings: str) -> str:
        lines = [f"export STANDIN_{name}={shlex.quote(value)}" for name, value in settings.items()]
        script = shlex.join([sys.executable, str(STANDINS / "energibridge.py")])
        path = tmp_path / "energibridge"
        path.write_text("\n".join(["#!/bin/sh", *lines, f'exec {script} "$@"', ""]))
        path.chmod(0o755)
        return str(path)

    return install


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An MLflow store without runs, made once, because MLflow takes seconds to lay one out."""
    path = tmp_path_factory.mktemp("database") / "mlflow.db"
    open_store(f"sqlite:///{path}")
    return path


@pytest.fixture
def store_uri(empty_database: Path, tmp_path: Path) -> str:
    """An empty store of the test's own."""
    (tmp_path / "store").mkdir()
    return f"sqlite:///{shutil.copy(empty_database, tmp_path / 'store' / 'mlflow.db')}"


@pytest.fixture
def store(store_uri: str):
    """The same, opened."""
    return open_store(store_uri)


def environment_python(name: str) -> Path:
    """The interpreter of .venvs/NAME."""
    return ROOT / ".venvs" / name / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


@pytest.fixture(scope="session")
def torch_python() -> Path:
    """PyTorch's interpreter; skips the test where its environment was not made."""
    return _require_environment("torch")


@pytest.fixture(scope="session")
def tf_python() -> Path:
    """TensorFlow's interpreter; skips the test where its environment was not made."""
    return _require_environment("tf")


@pytest.fixture(scope="session")
def jax_python() -> Path:
    """JAX's interpreter; skips the test where its environment was not made."""
    return _require_environment("jax")


def _require_environment(name: str) -> Path:
    python = environment_python(name)
    if not python.exists():
        pytest.skip(f"needs the environment {name}: `make setup ENVS={name}`")
    return python


@pytest.fixture(scope="session", autouse=True)
def own_lock(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Commands wait neither for a sweep that is measured on this machine nor for those of tests beside them."""
    tempfile.gettempdir()  # this process keeps the usual folder, which other accounts may enter
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TMPDIR", str(tmp_path_factory.mktemp("temporary")))
        yield


@pytest.fixture(scope="session")
def born() -> Iterator[Nursery]:
    """Runs commands of joulebench in processes of their own that are spared the seconds of imports."""
    with nursery() as made:
        yield made
