"""What training gives back when it has prepared: the job, its facts, what to expect and to prime."""

import dataclasses

import numpy as np
import pytest

from src.errors import ConfigError, DatasetError, SetupError
from src.workloads.training import prepare_training
from src.workloads.training.interpreter import INTERPRETER
from src.workloads.training.prepare_training import START_UP_S, gemm_gflop_per_s, prepare
from src.workloads.training.training_job import TrainingJob
from tests.workloads.prepared import parts_of, set_up

SMALL = ("dataset=synthetic", "dataset.train_size=120", "dataset.test_size=30", "training.batch_size=16")
DISTINCT = {
    "training.epochs": ("epochs", 5),
    "training.batch_size": ("batch_size", 17),
    "training.eval_batch_size": ("eval_batch_size", 19),
    "training.learning_rate": ("learning_rate", 0.03),
    "training.beta_1": ("beta_1", 0.7),
    "training.beta_2": ("beta_2", 0.77),
    "training.epsilon": ("epsilon", 3e-5),
    "training.seed": ("seed", 23),
    "hardware.threads": ("threads", 1),
    "hardware.affinity": ("affinity", [0]),
    "dataset.train_size": ("train_size", 121),
    "dataset.test_size": ("test_size", 31),
    "dataset.classes": ("classes", 9),
    "framework.name": ("framework", "mine"),
    "framework.packages": ("packages", ["mine"]),
    "framework.trainer": ("trainer", "tf.tuned"),
}
ELSEWHERE = {
    "foreign",
    "layers",
    "device",
    "trained_weights",
    "train_images",
    "train_labels",
    "test_images",
    "test_labels",
}


@pytest.fixture
def root(tmp_path):
    set_up(tmp_path, "torch")
    return tmp_path


@pytest.fixture
def work(composed, root):
    def prepare_with(*overrides):
        return prepare(parts_of(composed(*SMALL, *overrides)), root)

    return prepare_with


@pytest.mark.parametrize(("key", "expected"), DISTINCT.items(), ids=DISTINCT)
def test_a_distinct_value_reaches_the_job(work, key, expected):
    name, value = expected
    text = str(value).replace(" ", "")
    settings = TrainingJob.of(work(f"{key}={text}").job.settings)
    assert getattr(settings, name) == value


def test_others_packages_are_foreign(work):
    settings = TrainingJob.of(work("framework.packages=[torch,pandas]").job.settings)
    assert {"tensorflow", "jax", "hydra"} <= set(settings.foreign)
    assert not {"torch", "pandas"} & set(settings.foreign)


def test_no_setting_is_left_untested():
    assert {f.name for f in dataclasses.fields(TrainingJob)} == {name for name, _ in DISTINCT.values()} | ELSEWHERE


def test_network_device_and_data_reach_the_job(work, root):
    settings = TrainingJob.of(work("model=mlp").job.settings)
    assert settings.layers == [
        {"kind": "flatten"},
        {"kind": "dense", "units": 128, "activation": "relu"},
        {"kind": "dense", "units": 10, "activation": "softmax"},
    ]
    assert settings.device == "cpu"
    assert settings.trained_weights is None
    for part, size in (("train", 120), ("test", 30)):
        images = np.load(getattr(settings, f"{part}_images"))
        labels = np.load(getattr(settings, f"{part}_labels"))
        assert (images.shape, labels.shape) == ((size, 28, 28, 1), (size,))


def test_the_job_is_done_by_the_frameworks_own_interpreter(work, root):
    found = work("+framework.env.MINE=yes").job
    assert found.workload == "training"
    assert found.program == [str(root / ".venvs/torch" / INTERPRETER), "-m", "src.workloads.training.worker"]
    assert found.task_phases == ["data", "build", "train", "evaluate"]
    assert found.environment == {"MINE": "yes"}


def test_the_facts_are_what_the_configuration_leaves_open(work):
    facts = work().facts
    assert facts["dataset.train_size"] == "120"
    assert facts["dataset.test_size"] == "30"
    assert len(facts["dataset.checksum"]) == 64
    assert set(facts) == {"dataset.train_size", "dataset.test_size", "dataset.checksum"}


def test_the_framework_is_imported_before_anything_is_measured(work, root):
    (prime,) = work("+framework.env.MINE=yes").primes
    python = str(root / ".venvs/torch" / INTERPRETER)
    assert prime.command == (python, "-c", "import src.workloads.training.trainers.torch.standard")
    assert prime.environment == (("MINE", "yes"),)
    assert "framework=torch" in prime.remedy
    assert "`make setup ENVS=torch`" in prime.remedy


def test_the_gpu_is_loaded_by_the_frameworks_own_library_which_is_tried_beforehand(work, root):
    on_gpu = ("hardware=cuda", "framework.requirements=scripts/requirements/torch-cpu.txt", "+framework.env.MINE=yes")
    found = work(*on_gpu)
    python = str(root / ".venvs/torch" / INTERPRETER)
    burn = "src.workloads.training.worker.burn_device"
    assert found.burner.command == (python, "-m", burn, "torch", "cuda")
    assert found.burner.environment == (("MINE", "yes"),)
    assert found.primes[1:] == (found.burner,)
    assert work(*on_gpu, "framework.packages=[mine]").burner is None
    assert (work().burner, len(work().primes)) == (None, 1)


def test_the_guess_grows_with_the_work_and_shrinks_with_the_machine(work, monkeypatch):
    def guess_s(rate, *overrides):
        monkeypatch.setattr(prepare_training, "gemm_gflop_per_s", lambda: rate)
        return work("dataset.train_size=600", *overrides).expected_s - START_UP_S

    one = guess_s(200.0, "training.epochs=1")
    assert one == pytest.approx(0.244 * 600 / (0.6 * 200), rel=0.02)
    assert guess_s(200.0, "training.epochs=2") == pytest.approx(2 * one)
    assert guess_s(400.0, "training.epochs=1") == pytest.approx(one / 2)


def test_the_machines_rate_is_measured_once():
    assert gemm_gflop_per_s() == gemm_gflop_per_s() > 0


@pytest.mark.parametrize(
    ("overrides", "error", "words"),
    [
        pytest.param(["training.batch_size=121"], ConfigError, "training.batch_size=121.*120", id="batch"),
        pytest.param(["framework=jax"], SetupError, "scripts/requirements/jax-cpu.txt", id="environment"),
        pytest.param(["dataset=mnist", "dataset.path=none"], DatasetError, "dataset.path=none", id="dataset"),
    ],
)
def test_what_cannot_be_run_is_refused(work, overrides, error, words):
    with pytest.raises(error, match=words):
        work(*overrides)


@pytest.mark.parametrize(
    ("most_mb", "kept"), [(0.0, None), (0.4, None), (0.5, "weights.npz")], ids=["none", "too large", "small enough"]
)
def test_trained_weights_are_kept_where_they_are_small_enough(composed, root, most_mb, kept):
    job = prepare(parts_of(composed(*SMALL, "model=mlp")), root, most_mb).job  # 101 770 parameters: 0.407 MB
    assert job.settings["trained_weights"] == kept
