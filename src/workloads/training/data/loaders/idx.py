"""Four files in the IDX format of MNIST: from the user's folder, else the cache, else a mirror."""

from __future__ import annotations

import logging
import math
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from src.errors import ConfigError, DatasetError
from src.workloads.training.data.arrays import Arrays
from src.workloads.training.data.dataset import DatasetConfig
from src.workloads.training.data.download import download
from src.workloads.training.data.idx_files import parse_idx, read_file, sha256, verified_content

FILES = ("train_images", "train_labels", "test_images", "test_labels")
HEADER_BYTES = 16
UNKNOWN_BYTES = 1 << 30
"""What a file may unpack to where nobody said how many images there are ..."""
HARMLESS_BYTES = 1 << 26
"""... and in any case, so that a wrong `dataset.image_shape` is told as such."""
log = logging.getLogger(__name__)


def check(config: DatasetConfig) -> None:
    """Raise ConfigError unless the four files are named."""
    if set(config.files) != set(FILES):
        raise ConfigError(f"dataset.files names {sorted(config.files)}: it must name exactly {', '.join(FILES)}")


def identity(config: DatasetConfig, root: Path) -> dict[str, object]:
    """The files' known checksums, else those of their content. The user's own files are verified in any case:
    a folder that was named must not pass because the same dataset was prepared from elsewhere.
    """
    known = {key: file.sha256 or file.sha256_gz for key, file in config.files.items()}
    if config.path is None and all(known.values()):
        return {"files": {key: str(value) for key, value in known.items()}}
    contents, _ = verified_files(config, root)
    return {"files": {key: known[key] or sha256(content) for key, content in contents.items()}}


def load(config: DatasetConfig, root: Path) -> tuple[Arrays, str]:
    """The images and labels in the four files, grey values scaled to [0, 1]."""
    contents, origin = verified_files(config, root)

    def images(key: str) -> NDArray[np.float32]:
        pixels = parse_idx(contents[key], config.files[key].name, dimensions=3)
        return (pixels.astype(np.float32) / np.float32(255))[..., np.newaxis]

    def labels(key: str) -> NDArray[np.int64]:
        return parse_idx(contents[key], config.files[key].name, dimensions=1).astype(np.int64)

    return Arrays(images("train_images"), labels("train_labels"), images("test_images"), labels("test_labels")), origin


def verified_files(config: DatasetConfig, root: Path) -> tuple[dict[str, bytes], str]:
    """Returns the uncompressed content of each of the four files, verified, and where they came from in
    words.

    Raises DatasetError if a file is missing, cannot be downloaded, or is not the published one.
    """
    if config.path is not None:
        return _from_user(config, root / Path(config.path).expanduser())
    folder = root / config.cache / config.name
    contents, origins = {}, set()
    for key in config.files:
        contents[key], origin = _from_cache_or_mirror(config, key, folder)
        origins.add(origin)
    return contents, ", ".join(sorted(origins))


def most_bytes(config: DatasetConfig, key: str) -> int:
    """How long the file `key` can be, unpacked."""
    count = config.train_available if key.startswith("train") else config.test_available
    if count is None:
        return UNKNOWN_BYTES
    each = math.prod(config.image_shape) if key.endswith("images") else 1
    return max(HARMLESS_BYTES, HEADER_BYTES + count * each)


def _from_user(config: DatasetConfig, folder: Path) -> tuple[dict[str, bytes], str]:
    found = {key: _find(folder, file.name) for key, file in config.files.items()}
    missing = [config.files[key].name for key, path in found.items() if path is None]
    if missing:
        raise DatasetError(
            f"dataset.path={config.path}: {folder} has no {', '.join(missing)} (with or without .gz); "
            "put the files there, or correct the path"
        )
    return {key: _read(config, key, path) for key, path in found.items() if path is not None}, str(folder)


def _from_cache_or_mirror(config: DatasetConfig, key: str, folder: Path) -> tuple[bytes, str]:
    file, most = config.files[key], most_bytes(config, key)
    cached = _find(folder, file.name)
    if cached is not None:
        try:
            return _read(config, key, cached), "cache"
        except DatasetError as error:
            log.warning("%s; removed from the cache", error)
            # Damaged after it was verified, or put there by hand. It must not stay, and a mirror may have it.
            cached.unlink()
    target = folder / f"{file.name}.gz"

    def verify(content: bytes, address: str) -> None:
        verified_content(content, file, address, most)

    try:
        address = download(target.name, config.mirrors, target, verify, config.connect_timeout_s, most)
    except DatasetError as error:
        raise DatasetError(_no_way_to_get(config, target.name, folder, str(error))) from error
    return _read(config, key, target), address.removesuffix(target.name)


def _find(folder: Path, name: str) -> Path | None:
    """The file, compressed or not, or None."""
    return next((path for path in (folder / f"{name}.gz", folder / name) if path.is_file()), None)


def _read(config: DatasetConfig, key: str, path: Path) -> bytes:
    return verified_content(read_file(path), config.files[key], str(path), most_bytes(config, key))


def _no_way_to_get(config: DatasetConfig, name: str, folder: Path, reasons: str) -> str:
    files = ", ".join(f"{file.name}.gz" for file in config.files.values())
    return (
        f"{name} of the dataset {config.name} is not in the cache and no mirror gave it:\n{reasons}\n"
        f"Put {files} into {folder} (or name their folder with dataset.path=FOLDER), "
        "or take dataset=digits, which needs no network."
    )
