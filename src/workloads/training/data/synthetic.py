"""Images made from a seed: a smooth pattern for each class, under noise; any number, any shape."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from src.workloads.training.data.arrays import Arrays
from src.workloads.training.data.digits import enlarge

COARSE_SIZE = 5
NOISE = 0.3


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
