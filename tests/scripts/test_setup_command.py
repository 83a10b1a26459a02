import ast
import re
import runpy
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from scripts import environments as environments_made
from scripts import setup_command
from scripts.environments import Environment, run
from src.errors import SetupError
from src.workloads.training.frameworks import environments


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[Environment]:
    """The environments that would have been made; none is ready before."""
    environments: list[Environment] = []

    def make(environment: Environment, _python: str, _shown: bool) -> str:
        environments.append(environment)
        return "note: remarkable" if environment.name == "torch" else ""

    monkeypatch.setattr(setup_command, "make_environment", make)
    monkeypatch.setattr(setup_command, "is_ready", lambda environment: environment in environments)
    return environments


@pytest.mark.parametrize(
    ("arguments", "locks"),
    [
        pytest.param(["--device", "cpu"], ["orchestrator", *(f"{name}-cpu" for name in environments())], id="all"),
        pytest.param(["jax", "torch", "--device", "cuda"], ["orchestrator", "jax-cuda", "torch-cuda"], id="two"),
        pytest.param(["orchestrator"], ["orchestrator"], id="orchestrator"),
        pytest.param(["jax", "jax", "--device", "cpu"], ["orchestrator", "jax-cpu"], id="twice"),
    ],
)
def test_the_orchestrator_and_the_wanted_are_made(
    made: list[Environment], arguments: list[str], locks: list[str]
) -> None:
    assert setup_command.main(arguments) == 0
    assert sorted(environment.lock.stem for environment in made) == sorted(locks)


def test_progress_is_shown(made: list[Environment], capsys: pytest.CaptureFixture[str]) -> None:
    setup_command.main(["torch", "--device", "cpu"])
    setup_command.main(["torch", "--device", "cpu"])
    output = capsys.readouterr().out
    assert "[2/2] torch: making" in output
    assert "torch-cpu.txt (11 packages" in output
    assert "[2/2] torch: note: remarkable" in output
    assert output.endswith("torch is up to date\n")
    assert len(made) == 2


def test_a_lock_of_the_user(made: list[Environment], tmp_path: Path) -> None:
    lock = tmp_path / "mine.txt"
    lock.write_text("torch==2.12.0\n")
    assert setup_command.main(["--requirements", str(lock), "torch-2.12"]) == 0
    assert ("torch-2.12", lock) in [(each.name, each.lock) for each in made]


@pytest.mark.parametrize(
    ("failure", "exit_code", "complaint"),
    [(SetupError("no network"), 2, "error: no network"), (KeyboardInterrupt(), 130, "goes on where it was")],
    ids=["error", "Ctrl-C"],
)
def test_failures(
    failure: BaseException,
    exit_code: int,
    complaint: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fail(*_arguments: object) -> str:
        raise failure

    monkeypatch.setattr(setup_command, "is_ready", lambda _environment: False)
    monkeypatch.setattr(setup_command, "make_environment", fail)
    monkeypatch.setattr(environments_made, "_stopped", threading.Event())
    assert setup_command.main(["jax"]) == exit_code
    assert complaint in capsys.readouterr().err


def test_two_are_made_side_by_side(made: list[Environment], monkeypatch: pytest.MonkeyPatch) -> None:
    both = threading.Barrier(2, timeout=20)
    monkeypatch.setattr(setup_command, "make_environment", lambda *_: str(both.wait())[:0])
    assert setup_command.main(["torch", "--device", "cpu"]) == 0


@pytest.mark.parametrize(
    ("arguments", "free_gb", "code", "says"),
    [
        (["torch", "--device", "cpu"], 9.0, 0, "2 to be made: 2.1 GB once installed; 9.0 GB are free"),
        (["torch", "--device", "cpu"], 2.0, 2, "2.1 GB once installed; 2.0 GB are free in .*Make room"),
        (["jax", "--device", "cuda"], 9.0, 0, "1.1 GB once installed without those of which that is not known"),
    ],
    ids=["room", "no room", "partly known"],
)
def test_the_size_is_told_before_anything_is_made(
    made: list[Environment],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    free_gb: float,
    code: int,
    says: str,
) -> None:
    monkeypatch.setattr(setup_command.shutil, "disk_usage", lambda _: SimpleNamespace(free=free_gb * 1e9))
    assert setup_command.main(arguments) == code
    told = capsys.readouterr()
    assert re.search(says, told.out.partition("making")[0] + told.err, re.DOTALL)
    assert len(made) == (0 if code else 2)


def test_what_runs_is_ended_with_the_set_up(made: list[Environment], monkeypatch: pytest.MonkeyPatch) -> None:
    def sleep(*_: object) -> str:
        assert run([sys.executable, "-c", "import time; time.sleep(60)"]).returncode
        return ""

    def interrupted(*_: object) -> str:
        while not environments_made._running:
            time.sleep(0.01)
        raise KeyboardInterrupt

    def make(environment: Environment, *_: object) -> str:
        return interrupted() if environment.name == "orchestrator" else sleep()

    monkeypatch.setattr(setup_command, "make_environment", make)
    monkeypatch.setattr(environments_made, "_stopped", threading.Event())
    begin_s = time.monotonic()
    assert setup_command.main(["torch", "--device", "cpu"]) == 130
    assert time.monotonic() - begin_s < 30


@pytest.mark.parametrize("arguments", [["--device", "tpu"], ["--requirements", "x"]], ids=["device", "no name"])
def test_usage_errors_end_with_2(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        setup_command.main(arguments)
    assert caught.value.code == 2


def test_set_up_needs_the_standard_library_only(repository: Path) -> None:
    command = [sys.executable, "-I", "-S", str(repository / "scripts" / "setup_envs.py"), "--help"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert f"(default: {' '.join(environments())})" in " ".join(done.stdout.split())


@pytest.mark.parametrize("version", [(3, 10, 2), (3, 14, 0)], ids=["too old", "too new"])
def test_another_python_gets_a_message_and_no_syntax_error(
    repository: Path, monkeypatch: pytest.MonkeyPatch, version: tuple[int, int, int]
) -> None:
    script = repository / "scripts" / "setup_envs.py"
    ast.parse(script.read_text(), feature_version=(3, 4))
    monkeypatch.setattr(sys, "version_info", version)
    says = rf"needs Python 3\.11, 3\.12 or 3\.13, but .* is Python 3\.{version[1]}"
    with pytest.raises(SystemExit, match=says):
        runpy.run_path(str(script))
