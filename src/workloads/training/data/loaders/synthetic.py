"""Images made from a seed: a smooth pattern for each class, under noise; any number, any shape."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import psutil
from numpy.typing import NDArray

from src.errors import ConfigError
from src.workloads.training.data.arrays import Arrays
from src.workloads.training.data.dataset import DatasetConfig
from src.workloads.training.data.loaders.digits import enlarge

COARSE_SIZE = 5
NOISE = 0.3


def check(config: DatasetConfig) -> None:
    """Raise ConfigError where the sizes are not given."""
    _size("train_size", config.train_size)
    _size("test_size", config.test_size)


def identity(config: DatasetConfig, _root: Path) -> dict[str, object]:
    """The seed and the sizes."""
    return {"seed": config.seed, "train_size": config.train_size, "test_size": config.test_size}


def load(config: DatasetConfig, _root: Path) -> tuple[Arrays, str]:
    """As many images as wanted; raises ConfigError where they would not fit into memory."""
    height, width, channels = config.image_shape
    train_size, test_size = _size("train_size", config.train_size), _size("test_size", config.test_size)
    needed_bytes = (train_size + test_size) * math.prod(config.image_shape) * np.dtype(np.float32).itemsize
    try:
        if needed_bytes > psutil.virtual_memory().available:
            raise MemoryError
        arrays = make_synthetic((height, width, channels), config.classes, train_size, test_size, config.seed)
    except MemoryError as error:
        raise ConfigError(
            f"dataset.train_size={train_size} and dataset.test_size={test_size}: images of {config.image_shape} would "
            f"take {needed_bytes / 2**30:.3g} GiB, more than this machine has free; take fewer or smaller ones"
        ) from error
    return arrays, f"synthetic, seed {config.seed}"


def _size(key: str, wanted: int | None) -> int:
    if wanted is None:
        raise ConfigError(f"dataset.{key}=null: this dataset has no end; say how many images")
    return wanted


def make_synthetic(
    image_shape: tuple[int, int, int], classes: int, train_size: int, test_size: int, seed: int
) -> Arrays:
    """Returns images whose class can be learnt but not read off single pixels; the same for the same
    arguments.

    RandomState and not Generator: NumPy promises that its numbers never change.
    """
    random = np.random.RandomState(seed)
    patterns = class_patterns(random, image_shape, classes)
    train_images, train_labels = _draw(random, patterns, train_size)
    test_images, test_labels = _draw(random, patterns, test_size)
    return Arrays(train_images, train_labels, test_images, test_labels)


def class_patterns(
    random: np.random.RandomState, image_shape: tuple[int, int, int], classes: int
) -> NDArray[np.float32]:
    """Returns one smooth pattern per class, (classes, height, width, channels) in [0, 1]."""
    height, width, channels = image_shape
    coarse = random.uniform(size=(classes * channels, COARSE_SIZE, COARSE_SIZE))
    fine = enlarge(coarse, height, width).reshape(classes, channels, height, width)
    return fine.transpose(0, 2, 3, 1).astype(np.float32)


def _draw(
    random: np.random.RandomState, patterns: NDArray[np.float32], count: int
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    labels = random.randint(len(patterns), size=count).astype(np.int64)
    images = patterns[labels]
    for image in images:  # one at a time: noise in double precision for all would take twice the memory of the result
        image += random.normal(scale=NOISE, size=image.shape).astype(np.float32)
    return np.clip(images, 0.0, 1.0, out=images), labels
