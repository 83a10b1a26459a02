"""The initial weights that every framework is given: NumPy's from the seed, in the framework-neutral layout."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from src.workloads.training.network import Layer, Shape, parameter_shapes

Array = NDArray[np.float32]


def initial_weights(layers: Sequence[Layer], input_shape: Shape, seed: int) -> list[Array]:
    """Kernels (HWIO or (inputs, units)) and biases in network order; float32.

    Kernels are Glorot-uniform, U(-l, l) with l = √(6 / (fan_in + fan_out)) (Glorot & Bengio 2010); biases are
    zero.
    """
    generator = np.random.default_rng(seed)
    return [_draw(shape, generator) for shape in parameter_shapes(layers, input_shape)]


def _draw(shape: Shape, generator: np.random.Generator) -> Array:
    if len(shape) == 1:
        return np.zeros(shape, np.float32)
    receptive_field = math.prod(shape[:-2])
    limit = math.sqrt(6 / (receptive_field * (shape[-2] + shape[-1])))
    return generator.uniform(-limit, limit, shape).astype(np.float32)
