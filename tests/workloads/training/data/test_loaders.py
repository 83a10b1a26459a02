from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from src.workloads.training.data.loaders.digits import enlarge, load_digits
from src.workloads.training.data.prepared import prepare
from src.workloads.training.data.loaders.synthetic import make_synthetic
from src.workloads.training.data.dataset import DatasetConfig

DIGITS = DatasetConfig("digits", "digits", cache="data", classes=10, image_shape=[28, 28, 1], train_available=1437)


def nearest_centroid_accuracy(
    train_images: NDArray[np.float32], train_labels: NDArray[np.int64],
    test_images: NDArray[np.float32], test_labels: NDArray[np.int64],
) -> float:  # fmt: skip
    classes = range(int(train_labels.max()) + 1)
    centroids = np.stack([train_images[train_labels == label].mean(axis=0).ravel() for label in classes])
    flat = test_images.reshape(len(test_images), -1)
    distances = ((flat[:, np.newaxis] - centroids) ** 2).sum(axis=2)
    return float((distances.argmin(axis=1) == test_labels).mean())


def test_digits_are_all_there_and_in_range() -> None:
    arrays = load_digits((28, 28, 1), train_size=1437, seed=0)
    assert arrays.train_images.shape == (1437, 28, 28, 1)
    assert arrays.test_images.shape == (360, 28, 28, 1)
    assert arrays.train_images.dtype == np.float32
    assert arrays.train_images.min() == 0
    assert 0.9 < arrays.train_images.max() <= 1
    assert set(arrays.test_labels) == set(range(10))


def test_digits_can_be_learnt() -> None:
    arrays = load_digits((28, 28, 1), train_size=1437, seed=0)
    accuracy = nearest_centroid_accuracy(
        arrays.train_images, arrays.train_labels, arrays.test_images, arrays.test_labels
    )
    assert accuracy > 0.85


def test_the_seed_decides_the_split() -> None:
    first, same, other = (load_digits((28, 28, 1), 1437, seed).train_labels for seed in (0, 0, 1))
    assert np.array_equal(first, same)
    assert not np.array_equal(first, other)


def test_digits_are_the_same_on_every_machine(tmp_path: Path) -> None:
    prepared = prepare(DIGITS, tmp_path)
    assert prepared.checksum.startswith("2533840c46a38a5d")


def test_enlarging_keeps_constants_gradients_and_symmetry() -> None:
    ramp = np.tile(np.arange(8.0), (1, 8, 1))
    enlarged = enlarge(ramp, 28, 28)
    np.testing.assert_allclose(enlarge(np.full((2, 8, 8), 0.5), 28, 28), 0.5)
    np.testing.assert_allclose(np.diff(enlarged[0, :, 2:-2], axis=1), 8 / 28)
    np.testing.assert_allclose(enlarged + enlarged[:, :, ::-1], 7)
    np.testing.assert_allclose(enlarge(ramp.transpose(0, 2, 1), 28, 28), enlarged.transpose(0, 2, 1))


def test_enlarging_to_the_same_size_changes_nothing() -> None:
    images = np.random.default_rng(3).random((2, 8, 8))
    np.testing.assert_array_equal(enlarge(images, 8, 8), images)


@pytest.mark.parametrize("image_shape", [(28, 28, 1), (16, 12, 3)], ids=str)
def test_synthetic_images_can_be_learnt_but_are_noisy(image_shape: tuple[int, int, int]) -> None:
    arrays = make_synthetic(image_shape, classes=10, train_size=2000, test_size=500, seed=0)
    assert arrays.train_images.shape == (2000, *image_shape)
    assert arrays.train_images.min() == 0
    assert arrays.train_images.max() == 1
    accuracy = nearest_centroid_accuracy(
        arrays.train_images, arrays.train_labels, arrays.test_images, arrays.test_labels
    )
    assert accuracy > 0.95
    one_pixel = arrays.train_images[:, 3:4, 3:4], arrays.test_images[:, 3:4, 3:4]
    assert nearest_centroid_accuracy(one_pixel[0], arrays.train_labels, one_pixel[1], arrays.test_labels) < 0.5


def test_synthetic_images_follow_from_the_seed() -> None:
    first, same, other = (make_synthetic((8, 8, 1), 4, 20, 10, seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first.train_images, same.train_images)
    np.testing.assert_array_equal(first.test_labels, same.test_labels)
    assert not np.array_equal(first.train_images, other.train_images)
