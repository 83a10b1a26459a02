"""The worker of inference as the launcher starts it. A stand-in takes the framework's place."""

import dataclasses
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from src.contract.events import EVENTS_FILE, read_events
from src.contract.job import JOB_FILE, Job
from src.contract.metrics import OF_TRAINING, Metric
from src.contract.outcome import OUTCOME_FILE, Outcome
from src.workloads.inference.inference_job import TASK_PHASES, InferenceJob
from src.workloads.inference.worker import inference_run
from src.workloads.inference.worker.inference_run import WARM_UP_BATCHES, split, whole_batches
from src.workloads.training.weights import initial_weights, write_weights
from src.workloads.training.worker import finish
from tests.workloads.training.job_files import write_job

ROOT = Path(__file__).resolve().parents[4]
# Answers with the class that stands in an image's first pixel, and notes the size of every batch.
STAND_IN = """
import sys, time
import numpy as np
PACKAGES = ("standin",)
sizes = open(sys.argv[1] + ".sizes", "w")
def configure(job): pass
def describe(job): return {"standin": "1"}, "paper"
def serve(job, weights, input_shape):
    assert [w.shape for w in weights] == [(784, 10), (10,)] and input_shape == (28, 28, 1)
    return "server"
def predict(server, images):
    assert server == "server" and type(images) is np.ndarray
    print(len(images), file=sizes, flush=True)
    time.sleep(0.02 if len(images) == 16 else 0.2)
    return np.eye(10, dtype=np.float32)[images[:, 0, 0, 0].astype(int)]
def synchronize(job):
    with open(sys.argv[1] + ".waits", "a") as file: print(time.time(), file=file)
"""
RUNNER = """
import importlib.util, sys, time
spec = importlib.util.spec_from_file_location("src.workloads.training.trainers.standin", sys.argv[1])
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
sys.modules["src.workloads.training.trainers.standin"] = module
from src.workloads.training.worker.start import start
sys.exit(start(sys.argv[2:], "src.workloads.inference.worker.inference_run", time.time()))
"""


def write_inference_job(folder: Path, **changes: object) -> InferenceJob:
    """Two passes over 50 images in batches of 16, of which the stand-in knows 45; the job."""
    training = write_job(folder, "standin")
    labels = np.load(training.test_labels)
    images = np.load(training.test_images)
    images[:, 0, 0, 0] = labels
    images[:5, 0, 0, 0] = (labels[:5] + 1) % 10
    np.save(training.test_images, images)
    write_weights(folder / "weights.npz", initial_weights(training.layers, (28, 28, 1), seed=0))
    shared = {f.name for f in dataclasses.fields(InferenceJob)}
    kept = {name: value for name, value in training.settings().items() if name in shared}
    values = {**kept, "weights": str(folder / "weights.npz"), "passes": 2, "batch_size": 16, **changes}
    job = InferenceJob.of(values)
    Job(workload="inference", program=[], task_phases=list(TASK_PHASES), settings=job.settings()).write(
        folder / JOB_FILE
    )
    return job


def infer(folder: Path) -> subprocess.CompletedProcess[str]:
    script = folder / "standin.py"
    script.write_text(STAND_IN)
    command = [sys.executable, "-c", RUNNER, str(script), str(folder / JOB_FILE)]
    return subprocess.run(command, cwd=ROOT, env=os.environ, capture_output=True, text=True, timeout=60, check=False)


def test_a_run_leaves_all_phases_and_an_outcome(tmp_path):
    write_inference_job(tmp_path)
    done = infer(tmp_path)
    assert done.returncode == 0, done.stderr
    ended = [event.phase for event in read_events(tmp_path / EVENTS_FILE) if event.edge == "end"]
    assert ended == ["import", "data", "build", "warmup", "infer"]
    outcome = Outcome.read(tmp_path)
    assert outcome.values["accuracy"] == 45 / 50
    assert outcome.values["parameter_count"] == 7850
    assert outcome.facts["shapes"] == [[784, 10], [10]]
    assert (outcome.facts["device"], outcome.facts["versions"]) == ("paper", {"standin": "1"})


def test_every_phase_ends_when_the_device_has_done_its_work(tmp_path):
    write_inference_job(tmp_path)
    infer(tmp_path)
    waits = [float(line) for line in (tmp_path / "standin.py.waits").read_text().split()]
    events = read_events(tmp_path / EVENTS_FILE)
    spans = list(zip(events[2::2], events[3::2], strict=True))
    assert [(begin.phase, end.phase) for begin, end in spans] == [(n, n) for n in ("data", "build", "warmup", "infer")]
    assert all(begin.t <= wait <= end.t for (begin, end), wait in zip(spans, waits, strict=True))


def test_every_image_is_classified_in_every_pass_after_a_warm_up_of_both_shapes(tmp_path):
    write_inference_job(tmp_path)
    infer(tmp_path)
    sizes = [int(line) for line in (tmp_path / "standin.py.sizes").read_text().split()]
    warm_up = 2 * WARM_UP_BATCHES
    assert sizes[:warm_up] == [16] * WARM_UP_BATCHES + [2] * WARM_UP_BATCHES
    assert sizes[warm_up:] == [16, 16, 16, 2] * 2


def test_latencies_are_of_whole_batches_and_throughput_of_all(tmp_path):
    write_inference_job(tmp_path)
    infer(tmp_path)
    values = Outcome.read(tmp_path).values
    assert 0.02 <= values["latency_median_s"] <= values["latency_p95_s"] < 0.2
    assert values["images_per_s"] == pytest.approx(100 / (6 * 0.02 + 2 * 0.2), rel=0.3)
    events = {(event.phase, event.edge): event.t for event in read_events(tmp_path / EVENTS_FILE)}
    infer_s = events["infer", "end"] - events["infer", "begin"]
    assert values["images_per_s"] == pytest.approx(100 / infer_s, rel=0.05)


def test_the_outcome_says_what_its_numbers_are(tmp_path):
    write_inference_job(tmp_path)
    infer(tmp_path)
    outcome = Outcome.read(tmp_path)
    own = (
        *(OF_TRAINING[0], inference_run.IMAGES_PER_S, inference_run.LATENCY_MEDIAN_S, inference_run.LATENCY_P95_S),
        *(finish.PEAK_MEMORY, finish.PARAMETER_COUNT),
    )
    assert outcome.metrics == {metric.name: metric for metric in own}
    assert {name for name, metric in outcome.metrics.items() if metric.headline} == {"accuracy", "images_per_s"}
    assert outcome.per_unit == (Metric("energy_per_image_j", "J", "Energy per image", "lower", headline=True), 100.0)


@pytest.mark.parametrize(
    ("count", "size", "expected"),
    [
        pytest.param(6, 3, [3, 3], id="even"),
        pytest.param(7, 3, [3, 3, 1], id="a rest"),
        pytest.param(2, 3, [2], id="a rest only"),
    ],
)
def test_batches_hold_all_images_in_their_order(count, size, expected):
    batches = split(np.arange(count), size)
    assert [len(batch) for batch in batches] == expected
    assert np.array_equal(np.concatenate(batches), np.arange(count))


@pytest.mark.parametrize(
    ("count", "expected"),
    [
        pytest.param(7, [1.0, 2.0, 4.0, 5.0], id="without the rest"),
        pytest.param(9, [1.0, 2.0, 3.0, 4.0, 5.0, 6.0], id="even"),
    ],
)
def test_the_rest_has_no_latency(count, expected):
    assert whole_batches([1.0, 2.0, 3.0, 4.0, 5.0, 6.0], split(np.arange(count), 3)) == expected


def test_the_rest_counts_where_there_is_nothing_else():
    assert whole_batches([1.0, 2.0], split(np.arange(2), 3)) == [1.0, 2.0]


def test_weights_that_are_gone_are_named(tmp_path):
    write_inference_job(tmp_path, weights=str(tmp_path / "gone.npz"))
    done = infer(tmp_path)
    assert done.returncode == 1
    assert "gone.npz cannot be read" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / OUTCOME_FILE).exists()
