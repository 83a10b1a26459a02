"""One process at a time files what lies in a sweep's folder: two would file the same run twice."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from src.errors import FiledElsewhereError

LOCK_FILE = ".filing.lock"
"""The kernel lets go of it when its owner ends, however that ends."""


@contextmanager
def filing_alone(folder: Path) -> Iterator[None]:
    """Hold the folder during the body; raises FiledElsewhereError where another process (a sweep) holds it."""
    held = FileLock(folder / LOCK_FILE, timeout=0)
    try:
        held.acquire()
    except Timeout as error:
        raise FiledElsewhereError(
            f"{folder} is being filed by another process, a sweep that runs or another `python -m src.track`; it files "
            "all of it"
        ) from error
    except OSError:  # a read-only archive can be filed, but not held
        yield
        return
    try:
        yield
    finally:
        held.release()


@contextmanager
def held_folder(folder: Path, *, is_new: bool) -> Iterator[Path]:
    """Hold a sweep's folder during the body; a new one is made, under the next free name where another just took it."""
    with ExitStack() as stack:
        yield _hold(stack, folder, is_new)


def _hold(stack: ExitStack, folder: Path, is_new: bool) -> Path:
    for number in itertools.count(1):
        chosen = folder if number == 1 else folder.with_name(f"{folder.name}-{number}")
        if is_new:
            chosen.mkdir(parents=True, exist_ok=True)
        try:
            stack.enter_context(filing_alone(chosen))
        except FiledElsewhereError:
            if not is_new:
                raise
        else:
            return chosen
    raise AssertionError
