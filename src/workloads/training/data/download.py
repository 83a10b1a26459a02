"""A file from the first mirror that has it, checked before it enters the cache."""

from __future__ import annotations

import http.client
import logging
import os
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from pathlib import Path

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

from src.errors import DatasetError

CHUNK_BYTES = 1 << 16
log = logging.getLogger(__name__)


def download(
    name: str,
    mirrors: Sequence[str],
    target: Path,
    verify: Callable[[bytes, str], object],
    timeout_s: float,
    most_bytes: int,
) -> str:
    """Fetches MIRROR + name into `target` and returns the address it came from.

    `verify(content, address)` raises DatasetError for content that must not be kept; the next mirror is tried
    then. `target` appears only once the content is verified and on disk. `timeout_s` is the longest silence
    of a mirror, `most_bytes` the longest answer that is read. Raises DatasetError with every mirror's reason if none has it.
    """
    reasons = []
    for mirror in mirrors:
        address = mirror.rstrip("/") + "/" + name
        try:
            content = _fetch(address, name, timeout_s, most_bytes)
            verify(content, address)
        except DatasetError as error:
            reasons.append(str(error))
            log.info("%s", error)
            continue
        write_atomically(target, content)
        return address
    raise DatasetError("\n".join(f"  - {reason}" for reason in reasons))


def write_atomically(target: Path, content: bytes) -> None:
    """Writes a file that is either whole or absent, even after a crash.

    Raises DatasetError if the disk refuses.
    """
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        descriptor, part = tempfile.mkstemp(prefix=f".{target.name}.", suffix=".part", dir=target.parent)
        try:
            with open(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            os.replace(part, target)
        finally:
            Path(part).unlink(missing_ok=True)
    except OSError as error:
        raise DatasetError(
            f"{target} cannot be written ({error.strerror or error}); check disk space and permissions"
        ) from error


def _fetch(address: str, name: str, timeout_s: float, most_bytes: int) -> bytes:
    """Returns what the address serves, with a progress bar on a terminal. Raises DatasetError if it is not whole."""
    try:
        with urllib.request.urlopen(address, timeout=timeout_s) as response:
            length = response.headers.get("Content-Length")
            content = _read_with_progress(response.read, name, int(length) if length else None, most_bytes)
    except urllib.error.HTTPError as error:
        error.close()
        raise DatasetError(f"{address} answers {error.code} {error.reason}") from error
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise DatasetError(f"{address} cannot be reached ({getattr(error, 'reason', None) or error})") from error
    if len(content) > most_bytes:
        raise DatasetError(f"{address} serves more than {most_bytes} bytes, which is more than this dataset has")
    if length and len(content) != int(length):
        raise DatasetError(f"{address} broke off after {len(content)} of {length} bytes")
    return content


def _read_with_progress(
    read: Callable[[int], bytes], name: str, total_bytes: int | None, most_bytes: int
) -> bytes:
    """Returns the whole content, or a little more than `most_bytes` of a longer one."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    console = Console(stderr=True)
    content = bytearray()
    with Progress(*columns, console=console, disable=not sys.stderr.isatty(), transient=True) as progress:
        task = progress.add_task(f"downloading {name}", total=total_bytes)
        while len(content) <= most_bytes and (chunk := read(CHUNK_BYTES)):
            content += chunk
            progress.update(task, completed=len(content))
    return bytes(content)
