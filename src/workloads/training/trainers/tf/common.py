"""TensorFlow: what its standard and its tuned trainer share."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from src.workloads.training.trainer import TrainerError
from src.workloads.training.training_job import NetworkJob, TrainingJob
from src.workloads.training.worker.images import Data


@dataclass(frozen=True)
class Tensors:
    """Images float32 (n, height, width, channels), labels int64 (n,), on the device."""

    train_images: tf.Tensor
    train_labels: tf.Tensor
    test_images: tf.Tensor
    test_labels: tf.Tensor


def configure(job: NetworkJob) -> None:
    """Set threads; on a GPU, check that there is one and keep float32 products from becoming TF32."""
    tf.config.threading.set_intra_op_parallelism_threads(job.threads)
    tf.config.threading.set_inter_op_parallelism_threads(job.threads)
    if job.device == "cuda":
        if not tf.config.list_physical_devices("GPU"):
            raise TrainerError("TensorFlow sees no GPU; use hardware=cpu, or install its GPU build")
        tf.config.experimental.enable_tensor_float_32_execution(False)
    else:
        tf.config.set_visible_devices([], "GPU")


def describe(job: NetworkJob) -> tuple[dict[str, str], str]:
    """Versions of the framework's packages, and the name of the device."""
    device = platform.machine()
    if job.device == "cuda":
        gpu = tf.config.list_physical_devices("GPU")[0]
        device = tf.config.experimental.get_device_details(gpu)["device_name"]
    return {"tensorflow": tf.__version__, "keras": keras.__version__, "numpy": np.__version__}, device


def prepare(job: TrainingJob, data: Data) -> Tensors:  # noqa: ARG001
    """The data as tensors on the device."""
    return Tensors(
        tf.convert_to_tensor(data.train_images),
        tf.convert_to_tensor(data.train_labels),
        tf.convert_to_tensor(data.test_images),
        tf.convert_to_tensor(data.test_labels),
    )


def synchronize(job: NetworkJob) -> None:
    """Wait for the GPU's streams; on a CPU an operation is done when its call comes back."""
    if job.device == "cuda":
        tf.test.experimental.sync_devices()


def to_weights(parameters: Sequence[Any]) -> list[NDArray[np.float32]]:
    """The parameters as arrays; TensorFlow's layouts are the neutral ones."""
    return [parameter.numpy() for parameter in parameters]
