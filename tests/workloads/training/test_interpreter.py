import pytest

from src.errors import SetupError
from src.workloads.hardware import Device
from src.workloads.training.interpreter import INTERPRETER, LOCK_COPY, interpreter
from src.workloads.training.training_settings import FrameworkConfig


def framework(requirements="scripts/requirements/torch-cpu.txt", environment="torch", packages=("torch",)):
    return FrameworkConfig(name="torch", environment=environment, requirements=requirements, packages=list(packages))


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


def test_missing_requirements_of_our_folder_tell_how_they_come_about(root):
    own = framework("scripts/requirements/torch-2.12-cpu.txt", "torch-2.12")
    with pytest.raises(SetupError) as caught:
        interpreter(own, Device.cpu, root)
    assert "write scripts/requirements/torch-2.12-cpu.in" in str(caught.value)
    assert "`make lock ENVS=torch-2.12-cpu` and `make setup ENVS=torch-2.12 DEVICE=cpu`" in str(caught.value)


@pytest.mark.parametrize(
    ("environment", "lock", "refused"),
    [
        ("torch-2.12", "torch==2.13.0\n", "holds torch 2.13.0, not the 2.12 of its name"),
        ("torch-2.1", "torch==2.12.1\n", "not the 2.1 of its name"),
        ("torch-2.12", "numpy==2\ntorch==2.12.1\n", None),
        ("torch-2.12.1", "torch==2.12.1\n", None),
        ("torch-mine", "torch==2.13.0\n", None),
    ],
)
def test_an_environment_is_named_after_what_it_holds(root, environment, lock, refused):
    lock_file = root / f"scripts/requirements/{environment}-cpu.txt"
    folder = root / ".venvs" / environment
    (folder / INTERPRETER).parent.mkdir(parents=True, exist_ok=True)
    (folder / INTERPRETER).touch()
    for path in (lock_file, folder / LOCK_COPY):
        path.write_text(lock)
    own = framework(f"scripts/requirements/{environment}-cpu.txt", environment)
    if refused is None:
        assert interpreter(own, Device.cpu, root) == folder / INTERPRETER
    else:
        with pytest.raises(SetupError, match=refused):
            interpreter(own, Device.cpu, root)


@pytest.mark.parametrize(
    ("module", "package", "folder", "refused"),
    [
        ("torch", "torch", "torch-2.13.0+cpu", False),
        ("torch", "torch", "torch-2.12.1+cpu", True),
        ("tensorflow", "tensorflow-cpu", "tensorflow_cpu-2.12.0", True),
    ],
)
def test_an_environment_that_somebody_changed_is_refused(root, module, package, folder, refused):
    for path in (root / "scripts/requirements/torch-cpu.txt", root / ".venvs/torch" / LOCK_COPY):
        path.write_text(f"{package}==2.13.0\n")
    (root / ".venvs/torch/lib/python3.11/site-packages" / f"{folder}.dist-info").mkdir(parents=True)
    own = framework(packages=[module])
    if refused:
        with pytest.raises(SetupError, match=f"holds {package} 2.12.*, but its lock says 2.13.0; .*make setup ENVS"):
            interpreter(own, Device.cpu, root)
    else:
        interpreter(own, Device.cpu, root)
