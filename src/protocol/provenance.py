"""Which state of this tool measured, for whom, and by which command line."""

from __future__ import annotations

import functools
import hashlib
import platform
import shlex
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path

from src.contract.commands import COMMAND_LENGTH
from src.measure.alone import account
from src.paths import ROOT
from src.public import shown

UNKNOWN = "unknown"
GIT_TIMEOUT_S = 10.0


@dataclass(frozen=True)
class Provenance:
    """`commit` is git's, with `changed` where files differ from it; both are unknown where there is no git."""

    version: str
    commit: str
    changed: str
    user: str
    host: str
    command: str

    @property
    def tags(self) -> dict[str, str]:
        """What every run says of it; MLflow's own pages show those that are MLflow's."""
        told = {
            "tool_version": self.version,
            "tool_commit": self.commit,
            "tool_changed": self.changed,
            "host": self.host,
            "command_line": self.command,
            "mlflow.user": self.user,
        }
        return told | ({} if self.commit == UNKNOWN else {"mlflow.source.git.commit": self.commit})

    @property
    def params(self) -> dict[str, str]:
        """What a sweep's own run says of it."""
        return {
            "tool.version": self.version,
            "tool.commit": self.commit,
            "tool.changed": self.changed,
            "tool.command": self.command,
            "tool.user": self.user,
        }


@functools.cache
def provenance() -> Provenance:
    """That of this process."""
    own = Path(_git("rev-parse", "--show-toplevel") or "/").resolve() == ROOT.resolve()
    changes = _git("status", "--porcelain", "--untracked-files=no") if own else None
    return Provenance(
        version=_version(ROOT / "pyproject.toml"),
        commit=(_git("rev-parse", "HEAD") if own else None) or UNKNOWN,
        changed=UNKNOWN if changes is None else "yes" if changes else "no",
        user=account(),
        host=platform.node() or UNKNOWN,
        command=shown(shlex.join(["python", "-m", _module(), *sys.argv[1:]]))[:COMMAND_LENGTH],
    )


@functools.cache
def file_hash(path: Path) -> str:
    """The SHA-256 of a file, e.g. of a lock file; unknown where it cannot be read."""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return UNKNOWN


def _version(path: Path) -> str:
    try:
        return str(tomllib.loads(path.read_text(encoding="utf-8"))["project"]["version"])
    except (OSError, ValueError, KeyError):
        return UNKNOWN


def _module() -> str:
    """What follows `python -m`."""
    spec = getattr(sys.modules.get("__main__"), "__spec__", None)
    return str(spec.name).removesuffix(".__main__") if spec else "src.main"


def _git(*words: str) -> str | None:
    try:
        asked = subprocess.run(
            ["git", "--no-optional-locks", "-C", str(ROOT), *words],
            capture_output=True,
            text=True,
            check=False,
            timeout=10,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return asked.stdout.strip() if asked.returncode == 0 else None
