"""The images a worker sees, and their order."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from src.workloads.training.worker.images import DataError, batch_order, load
from tests.workloads.training.job_files import write_job


def test_an_epoch_shows_every_image_once_but_for_the_remainder() -> None:
    order = batch_order(seed=3, epoch=0, n=103, batch=10)
    assert order.shape == (10, 10)
    assert len(np.unique(order)) == 100
    assert order.max() < 103


def test_order_depends_on_seed_and_epoch_only() -> None:
    first = batch_order(3, 0, 64, 8)
    assert np.array_equal(first, batch_order(3, 0, 64, 8))
    assert not np.array_equal(first, batch_order(3, 1, 64, 8))
    assert not np.array_equal(first, batch_order(4, 0, 64, 8))


def test_too_few_images_for_a_batch() -> None:
    with pytest.raises(DataError, match="batch_size"):
        batch_order(0, 0, 5, 6)


def test_first_rows_are_taken(tmp_path: Path) -> None:
    job = replace(write_job(tmp_path), train_size=7, test_size=3)
    data = load(job)
    assert data.train_images.shape == (7, 28, 28, 1)
    assert np.array_equal(data.test_labels, np.load(job.test_labels)[:3])


@pytest.mark.parametrize(
    ("array", "words"),
    [
        pytest.param(np.zeros((200, 28, 28, 1)), "float64", id="dtype"),
        pytest.param(np.zeros((200, 28, 28), np.float32), "4 dimensions", id="dimensions"),
        pytest.param(np.zeros((5, 28, 28, 1), np.float32), "5 rows", id="too few"),
    ],
)
def test_other_images_are_refused(tmp_path: Path, array: np.ndarray, words: str) -> None:
    job = write_job(tmp_path)
    np.save(job.train_images, array)
    with pytest.raises(DataError, match=words):
        load(job)


def test_missing_file_is_named(tmp_path: Path) -> None:
    job = replace(write_job(tmp_path), test_images=str(tmp_path / "none.npy"))
    with pytest.raises(DataError, match=r"none\.npy.*prepare"):
        load(job)
