"""Weights in the framework-neutral layout: NumPy's from the seed, and files of trained ones.

Kernels (HWIO or (inputs, units)) and biases in network order; float32.
"""

from __future__ import annotations

import hashlib
import math
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from src.contract.json_files import whole
from src.workloads.training.network import Layer, Shape, parameter_shapes
from src.workloads.training.worker.worker_error import WorkerError

Array = NDArray[np.float32]
CHECKSUM = "sha256"
NO_WHOLE_FILE = (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile, zlib.error)


class WeightsError(WorkerError):
    """A file of weights that is missing, damaged or of another network."""


def initial_weights(layers: Sequence[Layer], input_shape: Shape, seed: int) -> list[Array]:
    """The weights that every framework is given before training.

    Kernels are Glorot-uniform, U(-l, l) with l = √(6 / (fan_in + fan_out)) (Glorot & Bengio 2010); biases are
    zero.
    """
    generator = np.random.default_rng(seed)
    return [_draw(shape, generator) for shape in parameter_shapes(layers, input_shape)]


def write_weights(path: Path, weights: Sequence[Array]) -> None:
    """Write an `.npz` with the weights and their checksum; the file appears whole or not at all."""
    arrays: dict[str, Any] = {f"weight_{index}": weight for index, weight in enumerate(weights)}
    arrays[CHECKSUM] = np.array(checksum(weights))
    with whole(path) as part, part.open("wb") as file:
        np.savez(file, **arrays)


def read_weights(path: Path, shapes: Sequence[Shape]) -> list[Array]:
    """The weights in a file; raises WeightsError unless they are whole and have these shapes."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            weights = [arrays[f"weight_{index}"] for index in range(len(arrays.files) - 1)]
            expected = str(arrays[CHECKSUM])
    except NO_WHOLE_FILE as error:
        raise WeightsError(f"{path} cannot be read ({error}); remove it, and it is made again") from error
    if checksum(weights) != expected:
        raise WeightsError(f"{path} is damaged: its weights do not have its checksum; remove it, and it is made again")
    if [weight.shape for weight in weights] != [tuple(shape) for shape in shapes]:
        raise WeightsError(f"{path} holds the weights of another network; remove it, and it is made again")
    return weights


def checksum(weights: Sequence[Array]) -> str:
    """SHA-256 of the weights' shapes, types and values."""
    digest = hashlib.sha256()
    for weight in weights:
        digest.update(f"{weight.dtype}{weight.shape}".encode())
        digest.update(np.ascontiguousarray(weight).data)
    return digest.hexdigest()


def _draw(shape: Shape, generator: np.random.Generator) -> Array:
    if len(shape) == 1:
        return np.zeros(shape, np.float32)
    receptive_field = math.prod(shape[:-2])
    limit = math.sqrt(6 / (receptive_field * (shape[-2] + shape[-1])))
    return generator.uniform(-limit, limit, shape).astype(np.float32)
