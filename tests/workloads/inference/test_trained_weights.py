"""The weights of inference: trained once by the teacher's own worker, told before, kept by what made them.

The teacher is a stand-in whose interpreter is this one: its worker writes weights that hang on the seed.
"""

import stat
import sys

import numpy as np
import pytest

from src.errors import SetupError
from src.workloads.inference.trained_weights import trained_weights
from src.workloads.training.data.prepared import prepare
from src.workloads.training.weights import read_weights
from tests.workloads.prepared import parts_of, set_up

SMALL = ("dataset=synthetic", "dataset.train_size=120", "dataset.test_size=30", "training.batch_size=16", "model=mlp")
SHAPES = [(784, 128), (128,), (128, 10), (10,)]
TEACHER = """#!{python}
import json, os, sys
sys.path.insert(0, {root!r})
import numpy as np
from src.workloads.training.weights import write_weights
from pathlib import Path
open({log!r}, "a").write("trained ")
assert sys.argv[1:3] == ["-m", "src.workloads.training.worker"] and os.environ["MINE"] == "yes"
job = json.loads(Path(sys.argv[3]).read_text())
assert job["workload"] == "training"
settings = job["settings"]
if settings["learning_rate"] > 1: sys.exit("worker: the training diverged")
write_weights(Path(settings["trained_weights"]), [np.full(s, settings["seed"], np.float32) for s in {shapes}])
"""


@pytest.fixture
def root(tmp_path, repository):
    python = set_up(tmp_path, "torch")
    log = str(tmp_path / "log")
    python.write_text(TEACHER.format(python=sys.executable, root=str(repository), log=log, shapes=SHAPES))
    python.chmod(python.stat().st_mode | stat.S_IXUSR)
    return tmp_path


@pytest.fixture
def weights(composed, root):
    """Asks for the weights of a configuration; gives back their file and checksum, and what was said."""

    def ask(*overrides):
        parts = parts_of(composed(*SMALL, "+framework.env.MINE=yes", *overrides))
        said = []
        return *trained_weights(parts, prepare(parts.dataset, root), root, said.append), said

    return ask


def trainings(root):
    return len((root / "log").read_text().split())


def test_they_are_trained_once_and_that_is_said(weights, root):
    path, checksum, said = weights()
    assert path.parent == root / "data" / "weights"
    assert [float(weight.flat[0]) for weight in read_weights(path, SHAPES)] == [1.0] * 4
    assert len(said) == 1
    for words in ("3 epochs of mlp on 120 images with torch", "roughly", str(path)):
        assert words in said[0]
    assert weights() == (path, checksum, [])
    assert trainings(root) == 1
    assert [kept.name for kept in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize(
    "override",
    [
        "training.seed=2",
        "training.epochs=4",
        "training.learning_rate=0.1",
        "training.batch_size=15",
        "dataset.seed=1",
        "dataset.train_size=121",
        "framework.name=other",
        "framework.trainer=torch.tuned",
        "model.layers.1.activation=tanh",
    ],
)
def test_what_makes_other_weights_gets_a_file_of_its_own(weights, root, override):
    assert weights()[0] != weights(override)[0]
    assert trainings(root) == 2


def test_fewer_images_of_the_same_data_make_other_weights(weights, root):
    digits = ("dataset=digits", "dataset.train_size=100", "dataset.test_size=30")
    first = weights(*digits)[0]
    assert weights(*digits, "dataset.train_size=101")[0] != first
    assert weights(*digits, "dataset.test_size=31")[0] == first


@pytest.mark.parametrize("override", ["training.eval_batch_size=7", "hardware.threads=1", "framework.mode=other"])
def test_what_does_not_make_them_leaves_them(weights, root, override):
    assert weights()[:2] == weights(override)[:2]
    assert trainings(root) == 1


def test_damaged_ones_are_trained_anew(weights, root, caplog):
    path, checksum, _ = weights()
    with np.load(path) as arrays:
        np.savez(path, **{name: arrays[name] * 2 if name == "weight_0" else arrays[name] for name in arrays.files})
    assert weights()[:2] == (path, checksum)
    assert trainings(root) == 2
    assert "is damaged" in caplog.text
    assert "trained anew" in caplog.text


def test_a_teacher_that_fails_is_told_with_its_own_words(weights, root):
    with pytest.raises(SetupError, match=r"inference.weights_from=torch(.|\n)*the training diverged"):
        weights("training.learning_rate=2")
    assert list((root / "data" / "weights").iterdir()) == []


def test_kept_ones_need_no_teacher(weights, root):
    kept = weights()
    (root / ".venvs/torch/joulebench.lock").unlink()
    assert weights()[:2] == kept[:2]
    with pytest.raises(SetupError, match="make setup"):
        weights("training.seed=2")
