"""The interpreters that `make setup` made: where they are, and whether they are what the configuration names."""

from __future__ import annotations

import os
import re
from pathlib import Path, PurePosixPath

from src.contract.commands import joined
from src.errors import SetupError
from src.workloads.hardware import Device
from src.workloads.training.training_settings import FrameworkConfig

ENVIRONMENTS = ".venvs"
LOCK_COPY = "joulebench.lock"
LOCKS = PurePosixPath("scripts/requirements")
LOCKED = re.compile(r"^([\w.-]+)==([\w.]+)", re.MULTILINE)
NAMED = re.compile(r"-(\d+(?:\.\d+)*)$")
"""The version at the end of an environment's name, as in `torch-2.12`."""
SITE_PACKAGES = ("lib/python3*/site-packages", "Lib/site-packages")
INTERPRETER = "Scripts/python.exe" if os.name == "nt" else "bin/python"


def interpreter(framework: FrameworkConfig, device: Device, root: Path) -> Path:
    """The framework's own Python; raises SetupError where it is missing, or holds other versions than it says."""
    folder = root / ENVIRONMENTS / framework.environment
    lock = root / framework.requirements
    if not lock.is_file():
        raise SetupError(
            f"framework.requirements={framework.requirements}: there is no such file below {root}; "
            f"{_lock_remedy(framework, device)}"
        )
    python = folder / INTERPRETER
    if not python.is_file() or not (folder / LOCK_COPY).is_file():
        raise SetupError(
            f"the environment {ENVIRONMENTS}/{framework.environment} is not set up; run `{_setup(framework, device)}`"
        )
    if (folder / LOCK_COPY).read_text(encoding="utf-8") != lock.read_text(encoding="utf-8"):
        raise SetupError(
            f"the environment {ENVIRONMENTS}/{framework.environment} was made from other requirements than "
            f"{framework.requirements}; run `{_setup(framework, device)}`"
        )
    _refuse_other_versions(framework, device, folder, lock.read_text(encoding="utf-8"))
    return python


def _lock_remedy(framework: FrameworkConfig, device: Device) -> str:
    """How a lock file comes about; one that `make lock` would not find is the user's own."""
    path = PurePosixPath(framework.requirements)
    if path.parent != LOCKS or path.suffix != ".txt":
        return "name a file of exact versions, as those in scripts/requirements"
    return (
        f"write {LOCKS / path.stem}.in with the versions that you want (as {LOCKS}/torch-cpu.in), then run "
        f"`{joined(['make', 'lock', f'ENVS={path.stem}'])}` and `{_setup(framework, device)}`"
    )


def _refuse_other_versions(framework: FrameworkConfig, device: Device, folder: Path, lock: str) -> None:
    """Raise SetupError where the environment's name, its lock and what is installed tell different versions."""
    versions = dict(LOCKED.findall(lock))
    locked = [
        (name, versions[name])
        for module in framework.packages
        for name in (module, f"{module}-cpu")
        if name in versions
    ]
    named = NAMED.search(framework.environment)
    where = f"{ENVIRONMENTS}/{framework.environment}"
    if named and locked and not f"{locked[0][1]}.".startswith(f"{named[1]}."):
        name, version = locked[0]
        raise SetupError(
            f"the environment {where} holds {name} {version}, not the {named[1]} of its name, as "
            f"{framework.requirements} says so; give framework.environment another name, or name another lock file "
            "with framework.requirements=FILE"
        )
    for name, version in locked:
        held = _installed(folder, name)
        if held not in (None, version):
            raise SetupError(
                f"the environment {where} holds {name} {held}, but its lock says {version}; somebody changed it. "
                f"Remove that folder and run `{_setup(framework, device)}`"
            )


def _installed(folder: Path, name: str) -> str | None:
    """The version of a package, read from the folder that its installer left; None where there is none."""
    escaped = name.replace("-", "_")
    found = [path for lib in SITE_PACKAGES for path in folder.glob(f"{lib}/{escaped}-*.dist-info")]
    return found[0].name.removeprefix(f"{escaped}-").removesuffix(".dist-info").partition("+")[0] if found else None


def _setup(framework: FrameworkConfig, device: Device) -> str:
    """The command that makes the environment; DEVICE is named, because set-up otherwise keeps what is installed."""
    name = framework.environment
    if framework.requirements == f"scripts/requirements/{name}-{device.value}.txt":
        return joined(["make", "setup", f"ENVS={name}", f"DEVICE={device.value}"])
    return joined(["python", "scripts/setup_envs.py", name, "--requirements", framework.requirements])
