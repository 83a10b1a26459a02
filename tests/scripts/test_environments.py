import os
import sys
import threading
import time
import zipfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from scripts import environments
from scripts.environments import (
    Environment,
    find_environment,
    installed_device,
    is_ready,
    locked_modules,
    locked_packages,
    make_environment,
    remark_on_extras,
)
from src.errors import SetupError


@pytest.fixture
def wheels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with wheels of our own, the only place where pip may look; "jax" imports, "torch" does not."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    write_wheel(folder, "jax", "1.0", "")
    write_wheel(folder, "jax", "2.0", "")
    write_wheel(folder, "jax", "3.0", "", "Requires-Dist: nvidia-cublas\n")
    write_wheel(folder, "nvidia_cublas", "1.0", "")
    write_wheel(folder, "torch", "1.0", "raise ImportError('libcudart.so not found')")
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


def write_wheel(folder: Path, name: str, version: str, code: str, requires: str = "") -> None:
    info = f"{name}-{version}.dist-info"
    files = {
        f"{name}.py": code,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{requires}",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    files[f"{info}/RECORD"] = "".join(f"{path},,\n" for path in [*files, f"{info}/RECORD"])
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as wheel:
        for path, content in files.items():
            wheel.writestr(path, content)


def environment_of(tmp_path: Path, lock: str) -> Environment:
    path = tmp_path / "lock.txt"
    path.write_text(lock)
    return Environment("jax", tmp_path / ".venvs" / "jax", path)


def installed(environment: Environment) -> list[str]:
    return sorted(path.name for path in environment.folder.rglob("*.dist-info") if "pip" not in path.name)


@pytest.mark.usefixtures("wheels")
def test_a_half_made_or_outdated_environment_is_made_anew(tmp_path: Path) -> None:
    environment = environment_of(tmp_path, "jax==1.0\n")
    environment.folder.mkdir(parents=True)
    (environment.folder / "half").write_text("copied when the power went")
    assert not is_ready(environment)
    make_environment(environment, sys.executable)
    assert is_ready(environment)
    assert not (environment.folder / "half").exists()
    assert "jax-1.0.dist-info" in installed(environment)

    environment.lock.write_text("jax==2.0\n")
    assert not is_ready(environment)
    make_environment(environment, sys.executable)
    assert is_ready(environment)
    assert "jax-2.0.dist-info" in installed(environment)
    assert "jax-1.0.dist-info" not in installed(environment)


@pytest.mark.usefixtures("wheels")
@pytest.mark.parametrize(
    ("lock", "complaints"),
    [
        pytest.param(
            "jax==4.0\n",
            ["stopped at the package jax==4.0", "no such version", "same command"],
            id="no version",
        ),
        pytest.param("torch==1.0\n", ["`import torch` fails", "libcudart.so not found"], id="does not import"),
    ],
)
def test_what_cannot_be_installed_leaves_no_stamp(tmp_path: Path, lock: str, complaints: list[str]) -> None:
    environment = environment_of(tmp_path, lock)
    with pytest.raises(SetupError) as caught:
        make_environment(environment, sys.executable)
    assert [part for part in complaints if part not in str(caught.value)] == []
    assert not environment.stamp.exists()
    assert not is_ready(environment)


@pytest.mark.usefixtures("wheels")
def test_a_gpu_build_where_a_cpu_build_was_locked_is_noted(tmp_path: Path) -> None:
    environment = environment_of(tmp_path, "jax==3.0\n")
    lock = environment.lock.rename(tmp_path / "jax-cpu.txt")
    note = make_environment(replace(environment, lock=lock), sys.executable)
    assert "GPU build (1 packages beyond the lock)" in note
    assert remark_on_extras(replace(environment, lock=lock.rename(tmp_path / "jax-cuda.txt"))) == ""


def test_a_missing_interpreter_is_named(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="no-such-python cannot make a virtual environment"):
        make_environment(environment_of(tmp_path, "jax==1.0\n"), "no-such-python")


def test_an_environment_whose_interpreter_is_gone_is_not_ready(tmp_path: Path) -> None:
    environment = environment_of(tmp_path, "jax==1.0\n")
    environment.folder.mkdir(parents=True)
    environment.stamp.write_text("jax==1.0\n")
    assert not is_ready(environment)
    environment.python.parent.mkdir()
    environment.python.touch()
    assert is_ready(environment)


def test_places_and_locks(repository: Path) -> None:
    orchestrator = find_environment(repository, "orchestrator", "cuda")
    assert orchestrator.folder == repository / ".venv"
    assert orchestrator.lock.name == "orchestrator.txt"
    jax = find_environment(repository, "jax", "cuda")
    assert jax.folder == repository / ".venvs" / "jax"
    assert jax.lock.name == "jax-cuda.txt"


def test_a_lock_of_the_user(repository: Path, tmp_path: Path) -> None:
    lock = tmp_path / "mine.txt"
    lock.touch()
    assert find_environment(repository, "torch-2.12", None, lock).lock == lock


@pytest.mark.parametrize("name", ["..", ".", "a/b", "", "-x"])
def test_names_that_could_empty_another_folder_are_refused(repository: Path, name: str) -> None:
    with pytest.raises(SetupError, match="is no name for an environment"):
        find_environment(repository, name, "cpu")


def test_an_unknown_framework_is_refused_with_those_there_are(repository: Path) -> None:
    with pytest.raises(SetupError, match=r"mxnet-cpu\.txt(.|\n)*jax-cpu, jax-cuda, (.+, )?tf-cpu"):
        find_environment(repository, "mxnet", "cpu")


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_without_a_device_the_installed_one_stays(repository: Path, tmp_path: Path, device: str) -> None:
    stamp = tmp_path / ".venvs" / "jax" / "joulebench.lock"
    stamp.parent.mkdir(parents=True)
    stamp.write_bytes((repository / "scripts" / "requirements" / f"jax-{device}.txt").read_bytes())
    assert installed_device(stamp.parent) == device


def test_names_in_a_lock(tmp_path: Path) -> None:
    lock = tmp_path / "lock.txt"
    lock.write_text('# head\nA_b.c==1\n\njax[cuda13]==2; sys_platform != "win32"\n x == 3 # tail\n')
    assert locked_packages(lock) == {"a-b-c", "jax", "x"}


def test_what_must_import_is_what_a_lock_installs(repository: Path, tmp_path: Path) -> None:
    assert locked_modules(repository / "scripts" / "requirements" / "orchestrator.txt") == ["mlflow"]
    lock = tmp_path / "lock.txt"
    lock.write_text("numpy==1\ntensorflow-cpu==2\nKeras==3\ntorchvision==1\njax-cuda13-plugin==1\n")
    assert locked_modules(lock) == ["keras", "tensorflow"]


def test_uv_gets_the_lock_and_pips_sources_and_what_it_cannot_do_pip_does(
    tmp_path: Path, wheels: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    uv = tmp_path / "bin" / "uv"
    uv.parent.mkdir()
    uv.write_text(f'#!/bin/sh\necho "$@" > {tmp_path}/asked\nexit 1\n')
    uv.chmod(0o755)
    monkeypatch.setenv("PATH", str(uv.parent), prepend=os.pathsep)
    environment = environment_of(tmp_path, "jax==1.0\n")
    make_environment(environment, sys.executable)
    asked = (tmp_path / "asked").read_text()
    assert asked.startswith(f"pip install --python {environment.python} ")
    assert f"-r {environment.lock}" in asked
    assert f"--find-links {wheels}" in asked
    assert "jax-1.0.dist-info" in installed(environment)


def test_a_stop_ends_installers_and_lets_none_begin(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environments, "_stopped", threading.Event())
    with ThreadPoolExecutor() as pool:
        ended = pool.submit(environments.run, [sys.executable, "-c", "import time; time.sleep(60)"])
        while not environments._running:
            time.sleep(0.01)
        environments.stop()
        assert ended.result(timeout=20).returncode != 0
    with pytest.raises(SetupError, match="stopped"):
        environments.run([sys.executable, "-c", ""])
