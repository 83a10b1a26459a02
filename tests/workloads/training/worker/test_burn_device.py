"""What loads a device in the warm-up, on this machine's processor, by each framework's own environment."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

import psutil
import pytest

from src.workloads.training.frameworks import frameworks
from src.workloads.training.interpreter import INTERPRETER
from src.workloads.training.worker import burn_device

ROOT = Path(__file__).resolve().parents[4]
ENVIRONMENTS = {"torch": "torch", "tensorflow": "tf", "jax": "jax"}


def start(package: str, device: str, stdin: int) -> subprocess.Popen[str]:
    python = ROOT / ".venvs" / ENVIRONMENTS[package] / INTERPRETER
    if not python.exists():
        pytest.skip(f"the environment {ENVIRONMENTS[package]} is not set up")
    return subprocess.Popen(
        [str(python), "-m", burn_device.__name__, package, device],
        cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)}, text=True,
        stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


def test_every_framework_can_load_its_device() -> None:
    known = {name: set(option.packages) & set(burn_device.BURNERS) for name, option in frameworks().items()}
    assert [name for name, packages in known.items() if len(packages) != 1] == []


@pytest.mark.parametrize("package", burn_device.BURNERS)
def test_it_computes_from_its_line_on_until_its_input_is_closed(package: str) -> None:
    with start(package, "cpu", subprocess.PIPE) as burner:
        assert burner.stdout is not None
        assert burner.stdin is not None
        assert burner.stdout.readline() == f"{package} keeps cpu busy\n"
        seen = psutil.Process(burner.pid)
        before = seen.cpu_times()
        time.sleep(1)
        after = seen.cpu_times()
        assert burner.poll() is None
        assert after.user + after.system - before.user - before.system > 0.3
        burner.stdin.close()
        assert burner.wait(timeout=30) == 0


@pytest.mark.skipif(Path("/dev/nvidia0").exists(), reason="there is a GPU")
@pytest.mark.parametrize("package", burn_device.BURNERS)
def test_without_a_gpu_it_fails_before_its_line_and_computes_nowhere_else(package: str) -> None:
    with start(package, "cuda", subprocess.DEVNULL) as burner:
        said, _ = burner.communicate(timeout=60)
        assert said == ""
        assert burner.returncode == 1
