"""A dataset in memory."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from src.errors import DatasetError


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
