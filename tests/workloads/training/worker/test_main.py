"""The worker as the launcher starts it: a process of its own. A stand-in takes the framework's place."""

from __future__ import annotations

import dataclasses
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from src.contract.events import EVENTS_FILE, EVENTS_VARIABLE, STOPPED, read_events
from src.contract.job import JOB_FILE
from src.contract.metrics import OF_TRAINING
from src.contract.outcome import OUTCOME_FILE, OUTCOME_VARIABLE, Outcome
from src.workloads.training.weights import initial_weights, read_weights
from src.workloads.training.worker.finish import PARAMETER_COUNT, PEAK_MEMORY
from tests.workloads.training.job_files import write, write_job

ROOT = Path(__file__).resolve().parents[4]
PHASES = ("import", "data", "build", "train", "evaluate")
STAND_IN = """
import math, sys, time
from dataclasses import dataclass
train_loss, loss, accuracy = None, 0.5, 0.25
{results}
def configure(job): {configure}
def describe(job): return {{"standin": "1"}}, "paper"
def prepare(job, data): return data
def build(job, weights, tensors): return weights
def train(state, orders, epoch):
    losses = []
    for order in orders:
        with epoch():
            losses.append(train_loss or float(len(order)))
    return losses
def evaluate(state): return loss, accuracy
def weights(state): return state
def synchronize(job): time.sleep({synchronize_s})
"""
SYNCHRONIZE_S = 0.05
RUNNER = """
import importlib.util, sys, time
spec = importlib.util.spec_from_file_location("src.workloads.training.trainers.standin", sys.argv[1])
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
sys.modules["src.workloads.training.trainers.standin"] = module
from src.workloads.training.worker.start import start
sys.exit(start(sys.argv[2:], "src.workloads.training.worker.training_run", time.time()))
"""


def _command(folder: Path, configure: str = "pass", results: str = "") -> list[str]:
    (folder / "standin.py").write_text(
        STAND_IN.format(configure=configure, results=results, synchronize_s=SYNCHRONIZE_S)
    )
    return [sys.executable, "-c", RUNNER, str(folder / "standin.py"), str(folder / JOB_FILE)]


def _run(command: list[str], environment: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    env = os.environ | (environment or {})
    return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=60, check=False)


def test_a_run_leaves_all_phases_and_an_outcome(tmp_path: Path) -> None:
    cpu = [min(os.sched_getaffinity(0))] if hasattr(os, "sched_getaffinity") else []
    write_job(tmp_path, "standin", affinity=cpu)
    before = time.time()
    on_its_cpus = "import os; assert sys.platform != 'linux' or sorted(os.sched_getaffinity(0)) == job.affinity"
    done = _run(_command(tmp_path, on_its_cpus))
    assert done.returncode == 0, done.stderr
    events = read_events(tmp_path / EVENTS_FILE)
    assert [event.phase for event in events if event.edge == "end"] == [*PHASES[:3], "epoch", "epoch", *PHASES[3:]]
    assert before <= events[0].t <= events[-1].t <= time.time()
    outcome = Outcome.read(tmp_path)
    assert outcome.values["parameter_count"] == 7850
    assert outcome.series == {"train_loss": [12.0, 12.0]}
    assert (outcome.values["loss"], outcome.values["accuracy"]) == (0.5, 0.25)
    assert outcome.values["peak_memory_bytes"] > 10_000_000
    assert outcome.values["samples_per_s"] > 0
    assert outcome.facts == {
        "framework": "torch",
        "device": "paper",
        "threads": 1,
        "affinity": cpu,
        "versions": {"standin": "1"},
        "shapes": [[784, 10], [10]],
        "image_shape": [28, 28, 1],
    }


def test_every_phase_ends_when_the_device_has_done_its_work(tmp_path: Path) -> None:
    write_job(tmp_path, "standin")
    assert _run(_command(tmp_path)).returncode == 0
    events = read_events(tmp_path / EVENTS_FILE)
    begins = {event.phase: event.t for event in events if event.edge == "begin"}
    lasted_s = {event.phase: event.t - begins[event.phase] for event in events if event.edge == "end"}
    assert set(lasted_s) == {*PHASES, "epoch"}
    assert [phase for phase, seconds in lasted_s.items() if seconds < SYNCHRONIZE_S and phase != "import"] == []


def test_the_metrics_say_what_they_are(tmp_path: Path) -> None:
    write_job(tmp_path, "standin")
    assert _run(_command(tmp_path)).returncode == 0
    described = Outcome.read(tmp_path).metrics
    assert described == {metric.name: metric for metric in (*OF_TRAINING, PEAK_MEMORY, PARAMETER_COUNT)}


def test_events_and_outcome_go_where_the_environment_says(tmp_path: Path) -> None:
    write_job(tmp_path, "standin")
    (tmp_path / "elsewhere").mkdir()
    events, outcome = tmp_path / "elsewhere" / EVENTS_FILE, tmp_path / "elsewhere" / OUTCOME_FILE
    done = _run(_command(tmp_path), {EVENTS_VARIABLE: str(events), OUTCOME_VARIABLE: str(outcome)})
    assert done.returncode == 0, done.stderr
    assert read_events(events)[-1].phase == "evaluate"
    assert Outcome.read(outcome.parent).values["accuracy"] == 0.25
    assert not (tmp_path / EVENTS_FILE).exists()
    assert not (tmp_path / OUTCOME_FILE).exists()


@pytest.mark.parametrize(
    ("train_loss", "evaluated"),
    [
        pytest.param("nan", (0.5, 0.25), id="train loss"),
        pytest.param("1", ("inf", 0.25), id="loss"),
        pytest.param("1", (0.5, "nan"), id="accuracy"),
    ],
)
def test_a_training_that_diverged_has_no_outcome(
    tmp_path: Path, train_loss: str, evaluated: tuple[object, object]
) -> None:
    write_job(tmp_path, "standin")
    loss, accuracy = evaluated
    code = f"train_loss, loss, accuracy = float('{train_loss}'), float('{loss}'), float('{accuracy}')"
    done = _run(_command(tmp_path, results=code))
    assert done.returncode == 1
    assert "diverged" in done.stderr
    assert "training.learning_rate" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / OUTCOME_FILE).exists()


def test_trained_weights_are_kept_where_the_job_says(tmp_path: Path) -> None:
    kept = tmp_path / "kept.npz"
    job = dataclasses.replace(write_job(tmp_path, "standin"), trained_weights=str(kept))
    write(tmp_path, job)
    assert _run(_command(tmp_path)).returncode == 0
    expected = initial_weights(job.layers, (28, 28, 1), job.seed)
    found = read_weights(kept, [weight.shape for weight in expected])
    assert all(np.array_equal(*pair) for pair in zip(found, expected, strict=True))


def test_weights_with_a_bare_name_are_kept_beside_the_outcome_after_all_that_is_measured(tmp_path: Path) -> None:
    elsewhere = tmp_path / "run"
    elsewhere.mkdir()
    write(tmp_path, dataclasses.replace(write_job(tmp_path, "standin"), trained_weights="weights.npz"))
    told = {OUTCOME_VARIABLE: str(elsewhere / OUTCOME_FILE), EVENTS_VARIABLE: str(elsewhere / EVENTS_FILE)}
    done = _run(_command(tmp_path), told)
    assert done.returncode == 0, done.stderr
    last = read_events(elsewhere / EVENTS_FILE)[-1]
    assert (last.phase, last.edge) == ("evaluate", "end")
    assert last.t <= (elsewhere / "weights.npz").stat().st_mtime


def test_weights_that_cannot_be_written_cost_no_run(tmp_path: Path) -> None:
    write(tmp_path, dataclasses.replace(write_job(tmp_path, "standin"), trained_weights=str(tmp_path / "no" / "w.npz")))
    done = _run(_command(tmp_path))
    assert (done.returncode, Outcome.read(tmp_path).values["accuracy"]) == (0, 0.25)
    assert "the weights are not kept: " in done.stderr


@pytest.mark.parametrize(
    ("configure", "words"),
    [
        pytest.param('sys.modules["pandas"] = sys', "pandas", id="loaded later than the check"),
        pytest.param(
            "from src.workloads.training.trainer import TrainerError; raise TrainerError('no GPU')", "no GPU", id="gpu"
        ),
    ],
)
def test_outcome_only_after_success(tmp_path: Path, configure: str, words: str) -> None:
    write_job(tmp_path, "standin")
    done = _run(_command(tmp_path, configure))
    assert done.returncode == 1
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / OUTCOME_FILE).exists()


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


@pytest.mark.skipif(os.name != "posix", reason="needs SIGSTOP")
def test_a_worker_that_was_stopped_for_a_while_says_so(tmp_path: Path) -> None:
    write_job(tmp_path, "standin")
    ready = tmp_path / "ready"
    with subprocess.Popen(
        _command(tmp_path, f"open({str(ready)!r}, 'w').close(); time.sleep(0.5)"), cwd=ROOT
    ) as worker:
        while not ready.exists() and worker.poll() is None:
            time.sleep(0.01)
        worker.send_signal(signal.SIGSTOP)
        time.sleep(0.2)
        went_on_s = time.time()
        worker.send_signal(signal.SIGCONT)
        assert worker.wait(30) == 0
    (stop,) = [event for event in read_events(tmp_path / EVENTS_FILE) if event.phase == STOPPED]
    assert stop.edge == "end"
    assert stop.t >= went_on_s
