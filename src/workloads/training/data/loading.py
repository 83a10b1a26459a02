"""A configured dataset as arrays, and the facts that decide what is in them."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import psutil
from numpy.typing import NDArray

from src.workloads.training.data.arrays import Arrays
from src.workloads.training.data.digits import load_digits
from src.workloads.training.data.idx import parse_idx
from src.workloads.training.data.locate import verified_files
from src.workloads.training.data.synthetic import make_synthetic
from src.workloads.training.data.verify import sha256
from src.errors import ConfigError
from src.workloads.training.data.dataset import DatasetConfig, Source

PREPARATION = 1
"""To be raised when the same input would be prepared differently."""


def identity(config: DatasetConfig, root: Path) -> dict[str, object]:
    """Returns all that decides the prepared arrays, as plain values; equal facts mean equal arrays.

    Reads the files only where they are the user's own or no checksum of theirs is known. Raises DatasetError
    if they are missing or not the published ones.
    """
    facts: dict[str, object] = {
        "preparation": PREPARATION,
        "source": config.source.value,
        "image_shape": list(config.image_shape),
        "classes": config.classes,
    }
    if config.source is Source.idx:
        return facts | {"files": _file_checksums(config, root)}
    facts["seed"] = config.seed
    if config.source is Source.digits:
        facts["train_available"] = config.train_available
    else:
        facts |= {"train_size": config.train_size, "test_size": config.test_size}
    return facts


def load(config: DatasetConfig, root: Path) -> tuple[Arrays, str]:
    """Returns the whole dataset and where it came from in words.

    Raises DatasetError if it cannot be found, downloaded or trusted, ConfigError if the configuration forbids
    it.
    """
    if config.source is Source.idx:
        contents, origin = verified_files(config, root)
        return _idx_arrays(contents, config), origin
    height, width, channels = config.image_shape
    if config.source is Source.digits:
        if config.train_available is None:
            raise ConfigError("dataset.train_available=null: say how many of the digits are for training")
        arrays = load_digits((height, width, channels), config.train_available, config.seed)
        return arrays, "scikit-learn's digits"
    return _synthetic(config, (height, width, channels)), f"synthetic, seed {config.seed}"


def _synthetic(config: DatasetConfig, image_shape: tuple[int, int, int]) -> Arrays:
    if config.train_size is None or config.test_size is None:
        raise ConfigError("dataset.train_size and dataset.test_size must be numbers for a synthetic dataset")
    needed_bytes = (config.train_size + config.test_size) * math.prod(image_shape) * np.dtype(np.float32).itemsize
    try:
        if needed_bytes > psutil.virtual_memory().available:
            raise MemoryError
        return make_synthetic(image_shape, config.classes, config.train_size, config.test_size, config.seed)
    except MemoryError as error:
        raise ConfigError(
            f"dataset.train_size={config.train_size} and dataset.test_size={config.test_size}: images of "
            f"{list(image_shape)} would take {needed_bytes / 2**30:.3g} GiB, more than this machine has free; "
            "take fewer or smaller ones"
        ) from error


def _file_checksums(config: DatasetConfig, root: Path) -> dict[str, str]:
    """The files' known checksums, else those of their content. The user's own files are verified in any case:
    a folder that was named must not pass because the same dataset was prepared from elsewhere.
    """
    known = {key: file.sha256 or file.sha256_gz for key, file in config.files.items()}
    if config.path is None and all(known.values()):
        return {key: str(value) for key, value in known.items()}
    contents, _ = verified_files(config, root)
    return {key: known[key] or sha256(content) for key, content in contents.items()}


def _idx_arrays(contents: dict[str, bytes], config: DatasetConfig) -> Arrays:
    def images(key: str) -> NDArray[np.float32]:
        pixels = parse_idx(contents[key], config.files[key].name, dimensions=3)
        return (pixels.astype(np.float32) / np.float32(255))[..., np.newaxis]

    def labels(key: str) -> NDArray[np.int64]:
        return parse_idx(contents[key], config.files[key].name, dimensions=1).astype(np.int64)

    return Arrays(images("train_images"), labels("train_labels"), images("test_images"), labels("test_labels"))
