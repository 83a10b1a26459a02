"""Is this content the published one? Checksums decide."""

from __future__ import annotations

import hashlib

from src.workloads.training.data.idx import GZIP_MAGIC, decompressed
from src.errors import DatasetError
from src.workloads.training.data.dataset import IdxFileConfig


def sha256(content: bytes) -> str:
    """Returns the SHA-256 in lower-case hex."""
    return hashlib.sha256(content).hexdigest()


def verified_content(content: bytes, file: IdxFileConfig, origin: str) -> bytes:
    """Returns the uncompressed content after comparing its checksum with what the config expects.

    The checksum of the uncompressed file is preferred; without one, that of the `.gz`. A file for which the
    config has neither is accepted: it is the user's own. Raises DatasetError, naming the origin, if it is
    another file.
    """
    if file.sha256 is None and file.sha256_gz is not None:
        if not content.startswith(GZIP_MAGIC):
            raise DatasetError(
                f"{origin} cannot be verified: only the checksum of {file.name}.gz is known; put that there"
            )
        _compare(sha256(content), file.sha256_gz, origin)
    plain = decompressed(content, origin)
    if file.sha256 is not None:
        _compare(sha256(plain), file.sha256, f"{origin} (uncompressed)")
    return plain


def _compare(found: str, expected: str, origin: str) -> None:
    if found != expected:
        raise DatasetError(
            f"{origin} is not the published file: its SHA-256 is {found}, expected {expected}; get it again"
        )
