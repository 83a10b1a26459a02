"""The worker as the launcher starts it: a process of its own. A stand-in takes the framework's place."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from src.contract.run_files import EVENTS_FILE, JOB_FILE, PHASES, RESULT_FILE, Result, read_events
from tests.workloads.training.job_files import write_job

ROOT = Path(__file__).resolve().parents[4]
STAND_IN = """
import math, sys, time
from dataclasses import dataclass
def configure(job): {configure}
def describe(job): return {{"standin": "1"}}, "paper"
def prepare(job, data): return data
def build(job, weights, tensors): return weights
def train(state, orders, epoch):
    losses = []
    for order in orders:
        with epoch():
            losses.append(float(len(order)))
    return losses
def evaluate(state): return 0.5, 0.25
def shapes(state): return [list(w.shape) for w in state]
"""
RUNNER = """
import importlib.util, sys
spec = importlib.util.spec_from_file_location("src.workloads.training.trainers.standin", sys.argv[1])
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
sys.modules["src.workloads.training.trainers.standin"] = module
from src.workloads.training.worker.__main__ import main
sys.exit(main(sys.argv[2:]))
"""


def _command(folder: Path, configure: str = "pass") -> list[str]:
    (folder / "standin.py").write_text(STAND_IN.format(configure=configure))
    return [sys.executable, "-c", RUNNER, str(folder / "standin.py"), str(folder / JOB_FILE)]


def _run(command: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)


def test_a_run_leaves_all_phases_and_a_result(tmp_path: Path) -> None:
    cpu = [min(os.sched_getaffinity(0))] if hasattr(os, "sched_getaffinity") else []
    write_job(tmp_path, "standin", affinity=cpu)
    before = time.time()
    done = _run(_command(tmp_path))
    assert done.returncode == 0, done.stderr
    events = read_events(tmp_path / EVENTS_FILE)
    assert [event.phase for event in events if event.edge == "end"] == [*PHASES[:3], "epoch", "epoch", *PHASES[3:]]
    assert before <= events[0].t <= events[-1].t <= time.time()
    result = Result.read(tmp_path / RESULT_FILE)
    assert result.parameter_count == 7850
    assert result.train_loss == [12.0, 12.0]
    assert (result.loss, result.accuracy, result.device, result.affinity) == (0.5, 0.25, "paper", cpu)
    assert result.peak_memory_bytes > 10_000_000


@pytest.mark.parametrize(
    ("configure", "words"),
    [
        pytest.param('sys.modules["pandas"] = sys', "pandas", id="loaded later than the check"),
        pytest.param(
            "from src.workloads.training.trainer import TrainerError; raise TrainerError('no GPU')", "no GPU", id="gpu"
        ),
    ],
)
def test_result_only_after_success(tmp_path: Path, configure: str, words: str) -> None:
    write_job(tmp_path, "standin")
    done = _run(_command(tmp_path, configure))
    assert done.returncode == 1
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / RESULT_FILE).exists()


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        pytest.param([], 2, "usage", id="no job"),
        pytest.param(["missing/job.json"], 1, "missing/job.json cannot be read", id="missing job"),
    ],
)
def test_wrong_arguments(arguments: list[str], code: int, words: str) -> None:
    done = _run([sys.executable, "-m", "src.workloads.training.worker", *arguments])
    assert done.returncode == code
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_unknown_trainer_is_named(tmp_path: Path) -> None:
    write_job(tmp_path, "mxnet_standard")
    done = _run([sys.executable, "-m", "src.workloads.training.worker", str(tmp_path / JOB_FILE)])
    assert done.returncode == 1
    assert "'mxnet_standard' cannot be imported" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's parent-death signal is Linux's")
def test_worker_dies_with_its_parent(tmp_path: Path) -> None:
    write_job(tmp_path, "standin")
    command = _command(tmp_path, "open(sys.argv[1] + '.pid', 'w').write('x'); time.sleep(60)")
    starter = f"import subprocess; p = subprocess.Popen({command!r}); print(p.pid, flush=True); p.wait()"
    parent = subprocess.Popen([sys.executable, "-c", starter], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    worker = int(parent.stdout.readline())
    _wait_until((tmp_path / "standin.py.pid").exists)
    parent.send_signal(signal.SIGKILL)
    parent.communicate()
    _wait_until(lambda: not _alive(worker))
    assert not _alive(worker)


def _alive(pid: int) -> bool:
    try:
        return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False


def _wait_until(condition: Callable[[], bool], limit_s: float = 20) -> None:
    end = time.monotonic() + limit_s
    while not condition() and time.monotonic() < end:
        time.sleep(0.05)
