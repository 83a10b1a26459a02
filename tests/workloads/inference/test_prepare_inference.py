"""What inference gives back when it has prepared; the weights it needs are put where it looks for them."""

import dataclasses

import pytest

from src.errors import ConfigError, SetupError
from src.workloads.inference import prepare_inference
from src.workloads.inference.inference_job import InferenceJob
from src.workloads.inference.inference_settings import InferenceConfig
from src.workloads.inference.prepare_inference import prepare
from src.workloads.training import prepare_training
from src.workloads.training.interpreter import INTERPRETER
from tests.workloads.prepared import parts_of, set_up

SMALL = ("dataset=synthetic", "dataset.train_size=120", "dataset.test_size=30", "training.batch_size=16", "model=mlp")
DISTINCT = {
    "hardware.threads": ("threads", 1),
    "hardware.affinity": ("affinity", [0]),
    "dataset.test_size": ("test_size", 31),
    "dataset.classes": ("classes", 9),
    "framework.name": ("framework", "mine"),
    "framework.packages": ("packages", ["mine"]),
    "framework.trainer": ("trainer", "tf.tuned"),
}
INFERENCE = {"passes": 7, "batch_size": 13}
ELSEWHERE = {"foreign", "layers", "device", "weights", "test_images", "test_labels"}


@pytest.fixture
def asked(monkeypatch):
    """The teachers whose weights were asked for."""
    asked = []

    def known(parts, prepared, root, say):
        asked.append(parts)
        return root / "kept.npz", "0123"

    monkeypatch.setattr(prepare_inference, "trained_weights", known)
    return asked


@pytest.fixture
def work(composed, tmp_path, asked):
    set_up(tmp_path, "torch")
    config = InferenceConfig(**INFERENCE, weights_from=composed("framework=jax").framework)

    def prepare_with(*overrides, **changes):
        parts = parts_of(composed(*SMALL, *overrides))
        return prepare(parts, dataclasses.replace(config, **changes), tmp_path)

    return prepare_with


def test_the_gpu_is_loaded_as_for_training(work):
    found = work("hardware=cuda", "framework.requirements=scripts/requirements/torch-cpu.txt")
    assert found.burner.command[-2:] == ("torch", "cuda")
    assert found.primes[1:] == (found.burner,)


@pytest.mark.parametrize(("key", "expected"), DISTINCT.items(), ids=DISTINCT)
def test_a_distinct_value_reaches_the_job(work, key, expected):
    name, value = expected
    text = str(value).replace(" ", "")
    assert getattr(InferenceJob.of(work(f"{key}={text}").job.settings), name) == value


def test_others_packages_are_foreign(work):
    settings = InferenceJob.of(work("framework.packages=[torch,pandas]").job.settings)
    assert {"tensorflow", "jax", "hydra"} <= set(settings.foreign)
    assert not {"torch", "pandas"} & set(settings.foreign)


def test_no_setting_is_left_untested():
    tested = {name for name, _ in DISTINCT.values()} | set(INFERENCE) | ELSEWHERE
    assert {f.name for f in dataclasses.fields(InferenceJob)} == tested


def test_the_job_is_done_by_the_frameworks_own_interpreter_with_the_others_weights(work, asked, tmp_path):
    job = work("+framework.env.MINE=yes").job
    assert job.workload == "inference"
    assert job.program == [str(tmp_path / ".venvs/torch" / INTERPRETER), "-m", "src.workloads.inference.worker"]
    assert job.task_phases == ["infer"]
    assert job.environment == {"MINE": "yes"}
    settings = InferenceJob.of(job.settings)
    assert (settings.passes, settings.batch_size) == (7, 13)
    assert settings.weights == str(tmp_path / "kept.npz")
    assert settings.layers[-1] == {"kind": "dense", "units": 10, "activation": "softmax"}
    assert settings.device == "cpu"
    assert [parts.framework.name for parts in asked] == ["jax"]


def test_the_facts_hold_data_and_weights(work):
    facts = work().facts
    assert facts["dataset.test_size"] == "30"
    assert facts["weights.checksum"] == "0123"


def test_only_the_framework_that_classifies_is_primed(work):
    (prime,) = work().primes
    assert prime.command[-1] == "import src.workloads.training.trainers.torch.standard"


def test_the_guess_grows_with_the_work(work, monkeypatch):
    monkeypatch.setattr(prepare_training, "gemm_gflop_per_s", lambda: 1e-3)
    start_s = prepare_training.START_UP_S
    one = work(passes=1).expected_s - start_s
    assert one == pytest.approx(2e-9 * (784 * 128 + 128 * 10) * 30 / (0.6 * 1e-3), rel=0.1)
    assert work(passes=3).expected_s - start_s == pytest.approx(3 * one)
    assert work(passes=1, batch_size=1).expected_s - start_s == pytest.approx(one + 27 * prepare_inference.PER_BATCH_S)


@pytest.mark.parametrize(
    ("overrides", "changes", "error", "words"),
    [
        pytest.param([], {"passes": 0}, ConfigError, "inference.passes=0", id="passes"),
        pytest.param(["framework=jax"], {}, SetupError, "scripts/requirements/jax-cpu.txt", id="environment"),
    ],
)
def test_what_cannot_be_run_is_refused(work, overrides, changes, error, words):
    with pytest.raises(error, match=words):
        work(*overrides, **changes)
