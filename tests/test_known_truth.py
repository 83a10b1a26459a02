"""Counters of known watts, read by a meter during a whole command line: what MLflow holds in the end is the truth."""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from src.contract.record import FiledRun
from src.paths import ROOT
from src.track import open_store
from tests.standins.counters import CORES_W, DRAM_W, PACKAGE_W

SLEEP_S = 3
STANDINS = ROOT / "tests" / "standins"
INTEL = {"STANDIN_CPU": "intel", "STANDIN_START_J": "262100", "STANDIN_POWER_W": "40"}
TRUTH_W = {
    "native": {
        "energy_j": PACKAGE_W + DRAM_W,
        "energy_package_j": PACKAGE_W,
        "energy_dram_j": DRAM_W,
        "energy_cores_j": CORES_W,
    },
    "energibridge": {"energy_j": 44.0, "energy_package_j": 40.0, "energy_dram_j": 4.0, "energy_cores_j": 20.0},
}


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory, empty_database: Path) -> dict[str, FiledRun]:
    """A command that sleeps, measured by each meter at the same time: its run as MLflow has it."""
    root = tmp_path_factory.mktemp("truth")
    counters = [sys.executable, str(STANDINS / "counters.py"), str(root / "powercap")]
    with subprocess.Popen(counters, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        started = [
            start(root / "native", empty_database, "meter=native", f"meter.powercap={root / 'powercap'}"),
            start(root / "energibridge", empty_database, "meter=energibridge", f"meter.binary={energibridge(root)}"),
        ]
        said = [each.communicate(timeout=200) for each in started]
        process.kill()
    assert [each.returncode for each in started] == [0, 0], said
    return {name: open_store(store_uri(root / name)).records("truth")[0] for name in TRUTH_W}


def start(folder: Path, empty_database: Path, *meter: str) -> subprocess.Popen[str]:
    folder.mkdir()
    shutil.copy(empty_database, folder / "mlflow.db")
    own = (f"tracking_uri='{store_uri(folder)}'", f"hydra.run.dir={folder}/out", "experiment=truth", "protocol=smoke")
    command = [sys.executable, "-m", "src.main", "workload=command", f"workload.command=sleep {SLEEP_S}", *own, *meter]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def store_uri(folder: Path) -> str:
    return f"sqlite:///{folder}/mlflow.db"


def energibridge(root: Path) -> Path:
    """The stand-in, on an Intel processor whose package counter wraps 44 J after it was started."""
    path, settings = root / "energibridge.sh", [f"{name}={value}" for name, value in INTEL.items()]
    path.write_text(
        f'#!/bin/sh\n{shlex.join(["exec", "env", *settings, sys.executable])} {STANDINS}/energibridge.py "$@"\n'
    )
    path.chmod(0o755)
    return path


@pytest.mark.parametrize("meter", TRUTH_W)
def test_every_joule_in_mlflow_is_right(runs: dict[str, FiledRun], meter: str) -> None:
    metrics = runs[meter].metrics
    assert SLEEP_S <= metrics["duration_s"] <= SLEEP_S + 0.5
    for name, watts in TRUTH_W[meter].items():
        assert metrics[name] == pytest.approx(watts * metrics["duration_s"], rel=0.005), name
    true_j = TRUTH_W[meter]["energy_j"] * metrics["duration_s"]
    assert abs(metrics["energy_j"] - true_j) <= metrics["energy_resolution_j"]


def test_what_was_decided_about_the_zones_is_told(runs: dict[str, FiledRun]) -> None:
    flags = runs["native"].flags
    assert sorted(flag.text.partition(" ")[0] for flag in flags if flag.code == "mirrored") == [
        "package-0-die-1",
        "package-1-die-1",
    ]
    (dead,) = [flag.text for flag in flags if flag.code == "zone_left_out"]
    assert dead == "uncore (intel-rapl:0:2) cannot be read (it holds no number): `PP1_ENERGY (J)` is left out"
    assert {flag.code for flag in flags if flag.grave} <= {"background_load"}


def test_a_wrap_was_mended(runs: dict[str, FiledRun]) -> None:
    assert "1 counter wrap was mended" in [flag.text for flag in runs["energibridge"].flags]
