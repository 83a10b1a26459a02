import pytest

from src.config.schema import Config, Device, FrameworkConfig, HardwareConfig
from src.errors import SetupError
from src.workloads.training.interpreter import INTERPRETER, LOCK_COPY, interpreter


def config(requirements="scripts/requirements/torch-cpu.txt"):
    return Config(
        framework=FrameworkConfig(name="torch", environment="torch", requirements=requirements),
        hardware=HardwareConfig(device=Device.cpu, threads=1),
    )


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
    assert interpreter(config(), root) == root / ".venvs/torch" / INTERPRETER


def test_an_environment_that_was_never_finished_is_refused(root):
    (root / ".venvs/torch" / LOCK_COPY).unlink()
    with pytest.raises(SetupError, match="make setup ENVS=torch DEVICE=cpu"):
        interpreter(config(), root)


def test_an_environment_of_other_versions_is_refused(root):
    (root / "scripts/requirements/torch-cpu.txt").write_text("torch==2\n")
    with pytest.raises(SetupError, match="made from other requirements"):
        interpreter(config(), root)


def test_own_requirements_are_named_in_the_remedy(root):
    (root / "mine.txt").write_text("torch==3\n")
    with pytest.raises(SetupError, match="setup_envs.py torch --requirements mine.txt"):
        interpreter(config("mine.txt"), root)


def test_missing_requirements_are_named(root):
    with pytest.raises(SetupError, match="framework.requirements=gone.txt"):
        interpreter(config("gone.txt"), root)
