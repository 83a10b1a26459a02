"""A dataset's arrays: in memory, and on disk in a folder that is either whole or not trusted."""

from __future__ import annotations

import functools
import hashlib
import json
import os
import shutil
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from src.errors import DatasetError

MANIFEST = "manifest.json"


@dataclass(frozen=True)
class Arrays:
    """Images float32 (n, height, width, channels) in [0, 1], labels int64 (n,) in [0, classes)."""

    train_images: NDArray[np.float32]
    train_labels: NDArray[np.int64]
    test_images: NDArray[np.float32]
    test_labels: NDArray[np.int64]


def check_arrays(arrays: Arrays, image_shape: tuple[int, ...], classes: int, name: str) -> None:
    """Raises DatasetError unless images and labels belong together and are what the configuration says."""
    for split, images, labels in (
        ("train", arrays.train_images, arrays.train_labels),
        ("test", arrays.test_images, arrays.test_labels),
    ):
        if len(images) != len(labels) or len(labels) == 0:
            raise DatasetError(f"{name}: {len(images)} {split} images but {len(labels)} labels; the files do not match")
        if images.shape[1:] != tuple(image_shape):
            raise DatasetError(
                f"{name}: {split} images are {list(images.shape[1:])}, but dataset.image_shape="
                f"{list(image_shape)}; change that"
            )
        if labels.min() < 0 or labels.max() >= classes:
            raise DatasetError(
                f"{name}: {split} labels go from {labels.min()} to {labels.max()}, but "
                f"dataset.classes={classes}; change that"
            )


@dataclass(frozen=True)
class Stored:
    """What a prepared folder says of itself; `sha256` maps each array's name to its file's checksum."""

    train_count: int
    test_count: int
    origin: str
    checksum: str
    sha256: dict[str, str]


def read_store(folder: Path) -> Stored | None:
    """Returns what a prepared folder holds, or None unless all of it is there as it was written.

    Each file is read to its end for this, but only once a process unless it changes.
    """
    try:
        stored = Stored(**json.loads((folder / MANIFEST).read_text(encoding="utf-8")))
        found = {name: _checksum(folder / f"{name}.npy") for name in stored.sha256}
    except (OSError, ValueError, TypeError):
        return None
    return stored if found == stored.sha256 else None


def write_store(folder: Path, arrays: Arrays, origin: str) -> Stored:
    """Writes the arrays and what they are; the folder appears in one step.

    Raises DatasetError if the disk refuses.
    """
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        part = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", suffix=".part", dir=folder.parent))
        try:
            stored = _write(part, arrays, origin)
            _put_in_place(part, folder)
        finally:
            shutil.rmtree(part, ignore_errors=True)
    except OSError as error:
        raise DatasetError(
            f"{folder} cannot be written ({error.strerror or error}); check disk space and permissions"
        ) from error
    return stored


def _write(folder: Path, arrays: Arrays, origin: str) -> Stored:
    named: dict[str, NDArray[Any]] = {
        "train_images": arrays.train_images,
        "train_labels": arrays.train_labels,
        "test_images": arrays.test_images,
        "test_labels": arrays.test_labels,
    }
    digest = hashlib.sha256()
    checksums = {}
    for name, array in named.items():
        contiguous = np.ascontiguousarray(array)
        digest.update(contiguous.data)
        path = folder / f"{name}.npy"
        with path.open("wb") as file:
            np.save(file, contiguous)
            _to_disk(file.fileno())
        checksums[name] = _checksum(path)
    train_count, test_count = len(arrays.train_labels), len(arrays.test_labels)
    stored = Stored(train_count, test_count, origin, digest.hexdigest(), checksums)
    with (folder / MANIFEST).open("w", encoding="utf-8") as manifest:
        json.dump(asdict(stored), manifest, indent=1)
        manifest.flush()
        _to_disk(manifest.fileno())
    return stored


def _checksum(path: Path) -> str:
    seen = path.stat()
    return _read_and_hash(path, seen.st_size, seen.st_mtime_ns)


@functools.cache
def _read_and_hash(path: Path, _length_bytes: int, _changed_ns: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _to_disk(descriptor: int) -> None:
    # A renaming may reach the disk before the content does; a power cut then leaves a whole-looking wreck.
    os.fsync(descriptor)


def _put_in_place(part: Path, folder: Path) -> None:
    os.chmod(part, 0o755)  # mkdtemp lets nobody else read it
    if folder.exists() and read_store(folder) is None:
        shutil.rmtree(folder)
    try:
        os.rename(part, folder)
    except OSError:
        if read_store(folder) is None:  # else another process was faster, with the same content
            raise
