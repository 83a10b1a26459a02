"""Files in MNIST's IDX format: unpacked within bounds, compared with the published ones, and read.

The format is a typed header, then unsigned bytes (LeCun, Cortes and Burges, 1998).
"""

from __future__ import annotations

import gzip
import hashlib
import io
import math
import struct
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from src.errors import DatasetError
from src.workloads.training.data.dataset import IdxFileConfig

UNSIGNED_BYTE = 0x08
GZIP_MAGIC = b"\x1f\x8b"


def sha256(content: bytes) -> str:
    """Returns the SHA-256 in lower-case hex."""
    return hashlib.sha256(content).hexdigest()


def verified_content(content: bytes, file: IdxFileConfig, origin: str, most_bytes: int) -> bytes:
    """Returns the uncompressed content after comparing its checksum with what the config expects.

    The checksum of the uncompressed file is preferred; without one, that of the `.gz`. A file for which the
    config has neither is accepted: it is the user's own. Raises DatasetError, naming the origin, if it is
    another file, or unpacks to more than `most_bytes`.
    """
    if file.sha256 is None and file.sha256_gz is not None:
        if not content.startswith(GZIP_MAGIC):
            raise DatasetError(
                f"{origin} cannot be verified: only the checksum of {file.name}.gz is known; put that there"
            )
        _compare(sha256(content), file.sha256_gz, origin)
    plain = decompressed(content, origin, most_bytes)
    if file.sha256 is not None:
        _compare(sha256(plain), file.sha256, f"{origin} (uncompressed)")
    return plain


def _compare(found: str, expected: str, origin: str) -> None:
    if found != expected:
        raise DatasetError(
            f"{origin} is not the published file: its SHA-256 is {found}, expected {expected}; get it again"
        )


def decompressed(content: bytes, origin: str, most_bytes: int) -> bytes:
    """Returns the content of a `.gz`, or the content itself where it is not compressed.

    Raises DatasetError, naming the origin, if the compressed data is cut off or damaged, or if more than `most_bytes`
    come out of it: a few kilobytes can unpack to more than any memory holds.
    """
    if not content.startswith(GZIP_MAGIC):
        return content
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(content)) as file:
            plain = file.read(most_bytes + 1)
    except (EOFError, OSError, zlib.error) as error:
        raise DatasetError(f"{origin} is cut off or damaged ({error}); get it again") from error
    if len(plain) > most_bytes:
        raise DatasetError(
            f"{origin} unpacks to more than {most_bytes} bytes, which is more than this dataset has; get it again"
        )
    return plain


def parse_idx(content: bytes, origin: str, dimensions: int) -> NDArray[np.uint8]:
    """Returns the array in an uncompressed IDX file: (n,) for labels, (n, height, width) for images.

    Raises DatasetError, naming the origin, if it is not IDX, not of unsigned bytes, of another number of
    dimensions, or not exactly as long as its header says.
    """
    header_length = 4 + 4 * dimensions
    if len(content) < header_length:
        raise DatasetError(f"{origin} is no IDX file: it has only {len(content)} bytes; get it again")
    zeros, kind, found_dimensions = struct.unpack(">HBB", content[:4])
    if zeros != 0 or kind != UNSIGNED_BYTE or found_dimensions != dimensions:
        raise DatasetError(
            f"{origin} is no IDX file of unsigned bytes in {dimensions} dimension(s): it begins with "
            f"{content[:4].hex()}; check that images and labels are not mixed up, or get it again"
        )
    shape = struct.unpack(f">{dimensions}I", content[4:header_length])
    if len(content) - header_length != math.prod(shape):
        raise DatasetError(
            f"{origin} is cut off or damaged: its header promises {math.prod(shape)} bytes of {shape}, but "
            f"{len(content) - header_length} follow; get it again"
        )
    return np.frombuffer(content, dtype=np.uint8, offset=header_length).reshape(shape)


def read_file(path: Path) -> bytes:
    """Returns a file's bytes. Raises DatasetError if it cannot be read."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise DatasetError(f"{path} cannot be read ({error.strerror}); check its permissions") from error
