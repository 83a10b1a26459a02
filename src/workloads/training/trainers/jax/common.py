"""JAX: what its standard and its tuned trainer share."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import flax
import jax
import jax.numpy as jnp
import numpy as np
import optax
from numpy.typing import NDArray

from src.workloads.training.trainer import TrainerError
from src.workloads.training.training_job import NetworkJob, TrainingJob
from src.workloads.training.worker.images import Data


@dataclass(frozen=True)
class Tensors:
    """Images float32 (n, height, width, channels), labels int32 (n,), on the device."""

    train_images: jax.Array
    train_labels: jax.Array
    test_images: jax.Array
    test_labels: jax.Array


def configure(job: NetworkJob) -> None:
    """Set threads; on a GPU, check that there is one and keep float32 products from becoming TF32."""
    # XLA's CPU client sizes its thread pool when it starts, from this variable or else from the affinity.
    os.environ["NPROC"] = str(job.threads)
    if job.device == "cpu":
        jax.config.update("jax_platforms", "cpu")
    else:
        jax.config.update("jax_default_matmul_precision", "float32")
    try:
        jax.devices(job.device)
    except RuntimeError as error:
        raise TrainerError(
            f"JAX has no {job.device} device ({error}); use hardware=cpu, or install its GPU build"
        ) from error


def describe(job: NetworkJob) -> tuple[dict[str, str], str]:
    """Versions of the framework's packages, and the name of the device."""
    packages: list[Any] = [jax, flax, optax, np]
    device = jax.devices()[0].device_kind if job.device == "cuda" else platform.machine()
    return {package.__name__: package.__version__ for package in packages}, device


def prepare(job: TrainingJob, data: Data) -> Tensors:  # noqa: ARG001
    """The data as arrays on the device."""
    return Tensors(
        jnp.asarray(data.train_images),
        jnp.asarray(data.train_labels),
        jnp.asarray(data.test_images),
        jnp.asarray(data.test_labels),
    )


def synchronize(job: NetworkJob) -> None:  # noqa: ARG001
    """Wait for every array that is still being computed; JAX computes beside Python on a CPU, too."""
    jax.block_until_ready(jax.live_arrays())


def to_weights(parameters: Sequence[Any]) -> list[NDArray[np.float32]]:
    """The parameters as arrays; the layouts used with JAX here are the neutral ones."""
    return [np.array(parameter) for parameter in parameters]
