"""One sweep at a time on a machine: two that are measured side by side spoil each other's energy."""

from __future__ import annotations

import getpass
import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path

from filelock import FileLock, Timeout

from src.errors import SetupError

LOCK = Path(tempfile.gettempdir()) / "joulebench.lock"
"""The same for all users; the kernel lets go of it when its owner ends, however that ends."""


@contextmanager
def measuring_alone(experiment: str, folder: Path, allow_concurrent: bool, lock: Path = LOCK) -> Iterator[None]:
    """Hold this machine during the body; raises SetupError, naming the owner, where another sweep holds it."""
    if allow_concurrent:
        yield
        return
    held = FileLock(lock, timeout=0, mode=0o666)
    owner = lock.with_suffix(".json")
    try:
        held.acquire()
    except Timeout as error:
        raise SetupError(
            f"another sweep is being measured on this machine ({_told(owner)}); wait for its end. Only to try the tool "
            "out: protocol.allow_concurrent=true"
        ) from error
    except OSError as error:
        raise SetupError(f"the lock {lock} cannot be taken ({error}); remove that file if no sweep runs") from error
    try:
        with suppress(OSError):  # who holds the lock is only for people
            owner.write_text(json.dumps(_myself(experiment, folder)), encoding="utf-8")
        yield
    finally:
        with suppress(OSError):
            owner.unlink()
        held.release()


def holder(lock: Path = LOCK) -> str:
    """Who measures on this machine now, in words; nothing where nobody does."""
    held = FileLock(lock, timeout=0, mode=0o666)
    try:
        held.acquire()
    except Timeout:
        return _told(lock.with_suffix(".json"))
    except OSError:
        return ""
    held.release()
    return ""


def _myself(experiment: str, folder: Path) -> dict[str, object]:
    since = f"{datetime.now():%Y-%m-%d %H:%M:%S}"
    return {"experiment": experiment, "process": os.getpid(), "user": account(), "since": since, "folder": str(folder)}


def account() -> str:
    """The user's name on this machine."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container's user need not stand in /etc/passwd
        return "unknown"


def _told(owner: Path) -> str:
    try:
        told = json.loads(owner.read_text(encoding="utf-8"))
        return (
            f"experiment '{told['experiment']}', process {told['process']} of {told['user']}, since {told['since']}, "
            f"in {told['folder']}"
        )
    except (OSError, ValueError, KeyError, TypeError):
        return "by an unknown process"
