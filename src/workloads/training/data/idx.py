"""The IDX format of MNIST: a typed header, then unsigned bytes (LeCun, Cortes and Burges, 1998)."""

from __future__ import annotations

import gzip
import math
import struct
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from src.errors import DatasetError

UNSIGNED_BYTE = 0x08
GZIP_MAGIC = b"\x1f\x8b"


def decompressed(content: bytes, origin: str) -> bytes:
    """Returns the content of a `.gz`, or the content itself where it is not compressed.

    Raises DatasetError, naming the origin, if the compressed data is cut off or damaged.
    """
    if not content.startswith(GZIP_MAGIC):
        return content
    try:
        return gzip.decompress(content)
    except (EOFError, OSError, zlib.error) as error:
        raise DatasetError(f"{origin} is cut off or damaged ({error}); get it again") from error


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
