"""One at a time files what lies in a sweep's folder: the sweep itself, a `resume`, or `python -m src.track`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from src.errors import SetupError

LOCK_FILE = ".lock"


@contextmanager
def filing_alone(folder: Path) -> Iterator[None]:
    """Hold the folder during the body; the kernel lets go of it when its owner ends, however that ends.

    Raises SetupError where another process holds it. A folder that cannot be written has no sweep in it, and no lock.
    """
    held = FileLock(folder / LOCK_FILE, timeout=0)
    try:
        held.acquire()
    except Timeout as error:
        raise SetupError(
            f"{folder} is in use by another process, which measures or files its runs; wait until that has ended"
        ) from error
    except OSError:
        pass
    try:
        yield
    finally:
        held.release()
