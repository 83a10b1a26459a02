"""Files that are either whole or absent under their names, whatever ends the writing: the one way to write a file."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """A hidden neighbour to write to, which takes the name `path` at the end of the body and is gone if that fails.

    An OSError without a file's name, as of a disk that is full, is given that of `path`.
    """
    part = path.with_name(f".{path.name[:100]}.{os.getpid()}.part")
    try:
        yield part
        _to_disk(part)
        os.replace(part, path)
    except BaseException as error:
        with suppress(OSError):
            part.unlink()
        if isinstance(error, OSError) and error.filename is None:
            error.filename = str(path)
        raise


def write_text(path: Path, text: str) -> None:
    """Write a text in UTF-8, whole or not at all."""
    with whole(path) as part:
        part.write_text(text, encoding="utf-8")


def _to_disk(path: Path) -> None:
    """A disk may say that it is full no earlier than this."""
    with path.open("rb+") as file:
        os.fsync(file.fileno())
