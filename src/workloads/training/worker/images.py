"""The images, and the order in which every framework sees them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from src.workloads.training.training_job import NetworkJob, TrainingJob
from src.workloads.training.worker.worker_error import WorkerError

Images = NDArray[np.float32]
Labels = NDArray[np.int64]


class DataError(WorkerError):
    """Prepared data that are missing, or not what the job says."""


@dataclass(frozen=True)
class Data:
    """Images float32 (n, height, width, channels) in [0, 1] and labels int64 (n,), memory-mapped."""

    train_images: Images
    train_labels: Labels
    test_images: Images
    test_labels: Labels


def load(job: TrainingJob) -> Data:
    """Memory-map the job's files and take the first `train_size` and `test_size` rows; raises DataError."""
    return Data(
        _rows(job.train_images, job.train_size, "float32", 4),
        _rows(job.train_labels, job.train_size, "int64", 1),
        *load_test(job),
    )


def load_test(job: NetworkJob) -> tuple[Images, Labels]:
    """Memory-map the first `test_size` test images and their labels; raises DataError."""
    return _rows(job.test_images, job.test_size, "float32", 4), _rows(job.test_labels, job.test_size, "int64", 1)


def batch_order(seed: int, epoch: int, n: int, batch: int) -> NDArray[np.int64]:
    """Indices (steps, batch) of one epoch's batches: a random permutation, the same for every framework.

    The incomplete last batch is dropped, so that all steps have one shape and nothing is compiled twice for a
    remainder; as each epoch is shuffled anew, every image is still used.
    """
    steps = n // batch
    if steps == 0:
        raise DataError(f"{n} training images make no batch of {batch}; lower training.batch_size")
    permutation = np.random.default_rng([seed, epoch]).permutation(n)
    return permutation[: steps * batch].reshape(steps, batch)


def _rows(path: str, count: int, dtype: str, dimensions: int) -> Any:
    try:
        # Copy-on-write: nothing is read before it is used, and PyTorch wants arrays that may be written to.
        array = np.load(Path(path), mmap_mode="c", allow_pickle=False)
    except (OSError, ValueError) as error:
        raise DataError(f"{path} cannot be read ({error}); prepare the dataset again") from error
    if array.dtype != dtype or array.ndim != dimensions:
        raise DataError(f"{path} holds {array.dtype} {array.shape}, not {dtype} of {dimensions} dimensions")
    if len(array) < count:
        raise DataError(f"{path} has {len(array)} rows, fewer than the {count} wanted; lower dataset.train_size")
    return array[:count]
