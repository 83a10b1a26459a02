"""One environment: where it lies, whether it holds what its lock says, and how it is made."""

import os
import re
import shlex
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scripts.diagnosis import explain_failed_import, explain_failed_install, explain_failed_venv
from src.errors import SetupError
from src.workloads.training.frameworks import all_packages

DEVICES = ("cpu", "cuda")
STAMP = "joulebench.lock"
ORCHESTRATOR = "orchestrator"
INSTALLED_MB = {"orchestrator": 1100, "jax-cpu": 760, "tf-cpu": 1600, "torch-cpu": 970}
"""What an environment takes on the disk, by the name of its lock, as `du` tells on Linux; others are not known."""

CAPTURED = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}

SOURCES = ("index-url", "extra-index-url", "find-links", "constraint")
"""Settings of pip that say where packages come from; uv does not read them by itself."""

_running: set[subprocess.Popen[str]] = set()
_stopped = threading.Event()


@dataclass(frozen=True)
class Environment:
    """A virtual environment and the lock file that it is made from."""

    name: str
    folder: Path
    lock: Path

    @property
    def installed_mb(self) -> int | None:
        """What it takes on the disk; None where that is not known."""
        return INSTALLED_MB.get(self.lock.stem)

    @property
    def python(self) -> Path:
        """The environment's interpreter."""
        return self.folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")

    @property
    def stamp(self) -> Path:
        """A copy of the installed lock; written last, so that a half-made environment has none."""
        return self.folder / STAMP

    @property
    def log(self) -> Path:
        """Everything pip said."""
        return self.folder / "pip.log"


def find_environment(root: Path, name: str, device: str | None, requirements: Path | None = None) -> Environment:
    """Returns the environment NAME; without a device, the one that is installed there, else `cpu`.

    Raises SetupError if there is no lock file for it.
    """
    if not re.fullmatch(r"\w[\w.-]*", name):  # the name becomes a folder, which is emptied before it is made
        raise SetupError(f"{name!r} is no name for an environment: use letters, digits, '.', '_' and '-'.")
    folder = root / ".venv" if name == ORCHESTRATOR else root / ".venvs" / name
    locks = root / "scripts" / "requirements"
    if requirements is not None:
        lock = requirements.resolve()
    elif name == ORCHESTRATOR:
        lock = locks / f"{ORCHESTRATOR}.txt"
    else:
        lock = locks / f"{name}-{device or installed_device(folder)}.txt"
    if not lock.is_file():
        known = ", ".join(sorted(path.stem for path in locks.glob("*.txt") if path.stem != ORCHESTRATOR))
        raise SetupError(
            f"there is no lock file {lock} for the environment {name!r}.\n"
            f"There are: {known}. Add that file, or name another with --requirements FILE."
        )
    return Environment(name, folder, lock)


def installed_device(folder: Path) -> str:
    """Returns the device named in the first line of the installed lock, `cpu` where there is none."""
    stamp = folder / STAMP
    if not stamp.is_file():
        return "cpu"
    first_line = stamp.read_text(encoding="utf-8").partition("\n")[0]
    return "cuda" if "-cuda" in first_line else "cpu"


def is_ready(environment: Environment) -> bool:
    """Tells whether the environment holds its lock, and its interpreter is still there."""
    if not (environment.stamp.is_file() and environment.python.exists()):
        return False
    return environment.stamp.read_bytes() == environment.lock.read_bytes()


def describe(environment: Environment) -> str:
    """Returns what goes into the environment, in words."""
    count = len(locked_packages(environment.lock))
    return f"{environment.lock.name} ({count} packages)"


def locked_packages(lock: Path) -> set[str]:
    """Returns the names in a lock file, in the spelling of PEP 503."""
    lines = (line.partition("#")[0].strip() for line in lock.read_text(encoding="utf-8").splitlines())
    return {normalized(re.split(r"[\s=<>!~;\[@]", line, maxsplit=1)[0]) for line in lines if line}


def normalized(package: str) -> str:
    """Returns a package's name as PEP 503 spells it."""
    return re.sub(r"[-_.]+", "-", package).lower()


def stop() -> None:
    """Ends what is running, and lets nothing begin: a pip that lived on would write into what the next set-up makes."""
    _stopped.set()
    for process in tuple(_running):
        process.terminate()


def run(command: list[str], **how: Any) -> subprocess.CompletedProcess[str]:
    """As `subprocess.run` with text, but for `stop`, after which it raises SetupError."""
    if _stopped.is_set():
        raise SetupError("the set-up was stopped.")
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, text=True, **how) as process:
        _running.add(process)
        try:
            output, errors = process.communicate()
        except BaseException:
            process.terminate()
            raise
        finally:
            _running.discard(process)
    return subprocess.CompletedProcess(command, process.returncode, output, errors)


def make_environment(environment: Environment, python: str, shown: bool = True) -> str:
    """Makes the environment anew and returns a remark for the user, or ""; pip's progress is `shown` on a terminal.

    Whatever an interrupted or older set-up left there is removed first: pip cannot tell a package that was
    half-copied from a whole one. Downloads that were complete come from pip's cache. Raises SetupError.
    """
    create_venv(environment, python)
    install_lock(environment, shown)
    check_imports(environment)
    part = environment.stamp.with_suffix(".part")
    part.write_bytes(environment.lock.read_bytes())
    os.replace(part, environment.stamp)
    return remark_on_extras(environment)


def create_venv(environment: Environment, python: str) -> None:
    """Makes an empty virtual environment. Raises SetupError if Python cannot."""
    environment.stamp.unlink(missing_ok=True)
    try:
        if environment.folder.exists():
            shutil.rmtree(environment.folder)
        command = [python, "-m", "venv", str(environment.folder)]
        done = run(command, **CAPTURED)
    except OSError as error:
        raise SetupError(explain_failed_venv(environment.folder, python, str(error))) from error
    if done.returncode != 0:
        raise SetupError(explain_failed_venv(environment.folder, python, done.stdout + done.stderr))


def install_lock(environment: Environment, shown: bool) -> None:
    """Installs the lock with uv where there is one, else, and where uv cannot, with pip. Raises SetupError."""
    output = None if shown and sys.stdout.isatty() else subprocess.DEVNULL
    uv = shutil.which("uv")
    if uv and run([uv, "pip", "install", *_uv_options(environment)], stdout=output, stderr=output).returncode == 0:
        return
    pip = [str(environment.python), "-m", "pip", "--log", str(environment.log), "--disable-pip-version-check"]
    done = run([*pip, "install", "-r", str(environment.lock)], stdout=output, stderr=output)
    if done.returncode != 0:
        log = environment.log.read_text(encoding="utf-8", errors="replace") if environment.log.exists() else ""
        raise SetupError(explain_failed_install(environment.name, log, environment.log))


def _uv_options(environment: Environment) -> Iterator[str]:
    """The same packages from the same places as pip's: the lock, and what pip's settings name."""
    yield from ("--python", str(environment.python), "--compile-bytecode", "--index-strategy", "unsafe-best-match")
    yield from ("-r", str(environment.lock))
    listed = run([str(environment.python), "-m", "pip", "config", "list"], **CAPTURED).stdout
    for line in listed.splitlines():
        key, _, value = line.partition("=")
        name = key.rpartition(".")[2]
        if name in SOURCES:
            for each in shlex.split(value.strip("'")):
                yield from (f"--{name}", each)


def check_imports(environment: Environment) -> None:
    """Imports what the environment is for: a wheel may install and still not run. Raises SetupError."""
    modules = ", ".join(locked_modules(environment.lock))
    command = [str(environment.python), "-c", f"import {modules}" if modules else ""]
    done = run(command, cwd=environment.folder, **CAPTURED)
    if done.returncode != 0:
        raise SetupError(explain_failed_import(environment.name, modules, done.stderr))


def locked_modules(lock: Path) -> list[str]:
    """Returns the frameworks' packages (and MLflow) that a lock installs, by themselves or as a build, NAME-cpu."""
    locked = locked_packages(lock)
    builds = {package: (package, *(f"{package}-{device}" for device in DEVICES)) for package in all_packages()}
    builds["mlflow"] = ("mlflow",)
    return sorted(module for module, names in builds.items() if locked.intersection(names))


def remark_on_extras(environment: Environment) -> str:
    """Returns a remark if the index served builds that need more than the lock names (PyTorch for CUDA)."""
    command = [str(environment.python), "-m", "pip", "--disable-pip-version-check", "list", "--format=freeze"]
    done = run(command, **CAPTURED)
    installed = {normalized(line.partition("==")[0]) for line in done.stdout.splitlines() if "==" in line}
    extras = sorted(installed - locked_packages(environment.lock) - {"pip", "setuptools", "wheel"})
    if "-cpu" not in environment.lock.name or not any(name.startswith("nvidia-") for name in extras):
        return ""
    return (
        f"note: the package index served a GPU build ({len(extras)} packages beyond the lock). It runs on "
        "the CPU too. For the small CPU build set PIP_EXTRA_INDEX_URL to PyTorch's CPU index (see its "
        f"install page), delete {environment.folder} and run again."
    )
