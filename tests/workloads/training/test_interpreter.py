import pytest

from src.errors import SetupError
from src.workloads.hardware import Device
from src.workloads.training.interpreter import INTERPRETER, LOCK_COPY, interpreter
from src.workloads.training.training_settings import FrameworkConfig


def framework(requirements="scripts/requirements/torch-cpu.txt"):
    return FrameworkConfig(name="torch", environment="torch", requirements=requirements)


@pytest.fixture
def root(tmp_path):
    lock = tmp_path / "scripts/requirements/torch-cpu.txt"
    python = tmp_path / ".venvs/torch" / INTERPRETER
    for path in (lock, python):
        path.parent.mkdir(parents=True)
        path.touch()
    lock.write_text("torch==1\n")
    (tmp_path / ".venvs/torch" / LOCK_COPY).write_text("torch==1\n")
    return tmp_path


def test_a_set_up_environment_gives_its_interpreter(root):
    assert interpreter(framework(), Device.cpu, root) == root / ".venvs/torch" / INTERPRETER


def test_an_environment_that_was_never_finished_is_refused(root):
    (root / ".venvs/torch" / LOCK_COPY).unlink()
    with pytest.raises(SetupError, match="make setup ENVS=torch DEVICE=cpu"):
        interpreter(framework(), Device.cpu, root)


def test_an_environment_of_other_versions_is_refused(root):
    (root / "scripts/requirements/torch-cpu.txt").write_text("torch==2\n")
    with pytest.raises(SetupError, match="made from other requirements"):
        interpreter(framework(), Device.cpu, root)


def test_own_requirements_are_named_in_the_remedy(root):
    (root / "mine.txt").write_text("torch==3\n")
    with pytest.raises(SetupError, match="setup_envs.py torch --requirements mine.txt"):
        interpreter(framework("mine.txt"), Device.cpu, root)


def test_missing_requirements_are_named(root):
    with pytest.raises(SetupError, match="framework.requirements=gone.txt"):
        interpreter(framework("gone.txt"), Device.cpu, root)
