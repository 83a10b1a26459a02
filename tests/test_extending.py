"""docs/extending.md does what it says: its examples, put into a copy of the repository, are measured with."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from src.contract.record import RunRecord
from src.paths import ROOT

PAGE = (ROOT / "docs" / "extending.md").read_text(encoding="utf-8")
SECTION = re.compile(r"^## ([^\n:]+): (\d) files\n(.*?)(?=^## |\Z)", re.MULTILINE | re.DOTALL)
EXAMPLE = re.compile(r"^`([\w./-]+)`[^\n]*\n\n```\w+\n(.*?)^```$", re.MULTILINE | re.DOTALL)
COPIED = ("src", "conf", "scripts", "hydra_plugins")
POWER_W = 12.0


def examples() -> dict[str, tuple[int, dict[str, str]]]:
    """How many files each section promises, and those that it shows."""
    return {name: (int(count), dict(EXAMPLE.findall(text))) for name, count, text in SECTION.findall(PAGE)}


@pytest.mark.parametrize("section", ["A meter", "A dataset", "A framework"])
def test_a_section_shows_as_many_files_as_it_promises_and_changes_none(section: str) -> None:
    count, files = examples()[section]
    assert len(files) == count
    assert [path for path in files if (ROOT / path).exists()] == []


@pytest.fixture(scope="module")
def extended(tmp_path_factory: pytest.TempPathFactory, torch_python: Path) -> Path:
    """A copy of the repository with the page's files, and an environment for its framework."""
    root = tmp_path_factory.mktemp("extended")
    for name in COPIED:
        shutil.copytree(ROOT / name, root / name)
    for _, files in examples().values():
        for path, text in files.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(text, encoding="utf-8")
    for environment in (ROOT / ".venvs").iterdir():
        (root / ".venvs").mkdir(exist_ok=True)
        (root / ".venvs" / environment.name).symlink_to(environment.resolve())
    lend_environment(torch_python.parents[1], root / ".venvs" / "numpy", root / "scripts/requirements/numpy-cpu.txt")
    return root


def lend_environment(lender: Path, folder: Path, lock: Path) -> None:
    """An environment as set-up would make it, with another one's packages: NumPy is all that the example needs."""
    folder.mkdir()
    for part in lender.iterdir():
        (folder / part.name).symlink_to(part.resolve())
    (folder / "joulebench.lock").unlink()
    shutil.copy(lock, folder / "joulebench.lock")


@pytest.fixture(scope="module")
def records(extended: Path) -> dict[str, RunRecord]:
    """A sweep with everything that was added: one run of the new framework and one of PyTorch."""
    (extended / "power1_average").write_text(f"{POWER_W * 1e6:.0f}\n")
    generator = np.random.default_rng(0)
    patterns = generator.integers(0, 200, (10, 28, 28, 1))
    arrays: dict[str, np.ndarray] = {}
    for part, size in (("train", 640), ("test", 100)):
        arrays[f"{part}_labels"] = generator.integers(0, 10, size)
        noise = generator.integers(0, 56, (size, 28, 28, 1))
        arrays[f"{part}_images"] = (patterns[arrays[f"{part}_labels"]] + noise).astype(np.uint8)
    np.savez(extended / "mine.npz", **arrays)
    done = measure(
        extended,
        *("-m", "framework=numpy,torch", "model=mlp", "training.epochs=2", "protocol=smoke"),
        *("dataset=own", "dataset.path=mine.npz", "meter=hwmon", "meter.options.sensor=power1_average"),
    )
    assert done.returncode == 0, done.stderr
    found = [RunRecord.read(path.parent) for path in (extended / "sweep").glob("*/record.json")]
    return {record.tags["treatment"]: record for record in found}


def measure(root: Path, *overrides: str) -> subprocess.CompletedProcess[str]:
    own = ("hydra.sweep.dir=sweep", "hydra.run.dir=alone", "tracking_uri=sqlite:///mlflow.db")
    command = [sys.executable, "-m", "src.main", *overrides, "meter.interval_ms=20", *own]
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    return subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, timeout=280, check=False)


def test_the_meter_measured(records: dict[str, RunRecord]) -> None:
    for record in records.values():
        assert (record.tags["meter"], record.tags["energy_kind"]) == ("hwmon", "measured")
        assert record.metrics["power_w"] == pytest.approx(POWER_W, rel=1e-6)
        assert record.metrics["energy_j"] == pytest.approx(POWER_W * record.metrics["duration_s"], rel=1e-6)
        assert record.params["meter.options.sensor"] == "power1_average"


def test_the_dataset_was_learnt(records: dict[str, RunRecord]) -> None:
    for record in records.values():
        assert (record.params["dataset.source"], record.params["dataset.train_size"]) == ("npz", "640")
        assert record.metrics["accuracy"] > 0.5


def test_the_framework_did_the_same_work(records: dict[str, RunRecord]) -> None:
    assert set(records) == {"numpy", "torch"}
    losses = {name: [point.value for point in record.series["train_loss"]] for name, record in records.items()}
    assert len(losses["numpy"]) == 2
    np.testing.assert_allclose(losses["numpy"], losses["torch"], rtol=1e-3)


def test_the_framework_is_used_as_well(extended: Path, records: dict[str, RunRecord]) -> None:
    work = ("workload=inference", "inference.passes=1000", "framework=numpy", "model=mlp", "training.epochs=2")
    data = ("dataset=own", "dataset.path=mine.npz", "meter=hwmon", "meter.options.sensor=power1_average")
    done = measure(extended, *work, *data, "protocol=smoke")
    assert done.returncode == 0, done.stderr
    record = RunRecord.read(next((extended / "alone").rglob("record.json")).parent)
    assert record.metrics["accuracy"] == records["torch"].metrics["accuracy"]


@pytest.mark.parametrize(
    ("overrides", "says"),
    [
        (("meter=hwmon",), "meter.options.sensor=None: no such file; look for one with: ls /sys/class/hwmon"),
        (("meter=hwmon", "meter.options.sensr=1"), "meter.options.sensr: no such entry yet; add it with a plus: +"),
        (("meter=hwmon", "+meter.options.sensr=1"), "meter.options.sensr: no such key; meter=hwmon has sensor"),
        (("dataset=own",), "dataset.path=data/own.npz cannot be read"),
        (("dataset=own", "dataset.path=null"), "dataset.path=null: name the .npz file"),
        (("dataset=own", "dataset.path=absent.npz"), "dataset.path=absent.npz cannot be read"),
    ],
    ids=["no sensor", "no such option", "an added one", "the usual file", "no file", "an absent file"],
)
def test_mistakes_with_them_are_told_in_one_line(extended: Path, overrides: tuple[str, ...], says: str) -> None:
    done = measure(extended, "framework=numpy", "protocol=smoke", "dataset=digits", "meter=estimate", *overrides)
    assert done.returncode == 2
    assert says in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr


def test_the_files_are_as_the_house_has_them(extended: Path) -> None:
    paths = [path for _, files in examples().values() for path in files if path.endswith(".py")]
    for check in (["check"], ["format", "--check"]):
        command = [sys.executable, "-m", "ruff", *check, "--config", str(ROOT / "pyproject.toml"), *paths]
        done = subprocess.run(command, cwd=extended, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout
