"""scikit-learn's handwritten digits (Alpaydin and Kaynak, 1998), brought from 8 x 8 to any size."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from src.errors import ConfigError
from src.workloads.training.data.arrays import Arrays
from src.workloads.training.data.dataset import DatasetConfig

MAX_GREY = 16.0


def check(config: DatasetConfig) -> None:
    """Raise ConfigError where the split is not given."""
    _train_size(config)


def identity(config: DatasetConfig, _root: Path) -> dict[str, object]:
    """The split."""
    return {"seed": config.seed, "train_available": config.train_available}


def load(config: DatasetConfig, _root: Path) -> tuple[Arrays, str]:
    """All digits, enlarged to the configured shape."""
    height, width, channels = config.image_shape
    return load_digits((height, width, channels), _train_size(config), config.seed), "scikit-learn's digits"


def load_digits(image_shape: tuple[int, int, int], train_size: int, seed: int) -> Arrays:
    """Returns all 1797 digits, enlarged bilinearly: `train_size` for training and the rest for testing.

    The split is a permutation that the seed decides. RandomState and not Generator: NumPy promises that its
    numbers never change.
    """
    from sklearn.datasets import load_digits as load_bundled  # slow to import, and needed only once a dataset

    images, labels = load_bundled(return_X_y=True)
    order = np.random.RandomState(seed).permutation(len(labels))
    height, width, channels = image_shape
    enlarged = enlarge(images.reshape(-1, 8, 8)[order] / MAX_GREY, height, width).astype(np.float32)
    stacked = np.repeat(enlarged[..., np.newaxis], channels, axis=3)
    labels = labels[order].astype(np.int64)
    return Arrays(stacked[:train_size], labels[:train_size], stacked[train_size:], labels[train_size:])


def enlarge(images: NDArray[np.float64], height: int, width: int) -> NDArray[np.float64]:
    """Returns images (n, h, w) enlarged bilinearly to (n, height, width), the pixels' centres aligned."""
    return interpolate(interpolate(images, height, axis=1), width, axis=2)


def interpolate(values: NDArray[np.float64], new_size: int, axis: int) -> NDArray[np.float64]:
    """Returns the values interpolated linearly to `new_size` along one axis; beyond the outer centres they
    stay.

    Element by element and without a matrix product, so that every machine gets the same bits.
    """
    old_size = values.shape[axis]
    positions = np.clip((np.arange(new_size) + 0.5) * old_size / new_size - 0.5, 0, old_size - 1)
    lower = np.floor(positions).astype(np.intp)
    upper = np.minimum(lower + 1, old_size - 1)
    share = (positions - lower).reshape([-1 if dimension == axis else 1 for dimension in range(values.ndim)])
    result: NDArray[np.float64] = values.take(lower, axis) * (1 - share) + values.take(upper, axis) * share
    return result


def _train_size(config: DatasetConfig) -> int:
    if config.train_available is None:
        raise ConfigError("dataset.train_available=null: say how many of the digits are for training")
    return config.train_available
