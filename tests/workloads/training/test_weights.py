"""The initial weights that every framework is given."""

from __future__ import annotations

from typing import Any

import numpy as np

from src.workloads.training.weights import initial_weights

LAYERS: list[dict[str, Any]] = [
    {"kind": "conv", "filters": 64, "kernel": 5, "padding": "same", "activation": "relu"},
    {"kind": "flatten"},
    {"kind": "dense", "units": 10, "activation": "softmax"},
]


def test_weights_are_glorot_uniform() -> None:
    kernel, bias, dense, _ = initial_weights(LAYERS, (28, 28, 3), seed=1)
    limit = np.sqrt(6 / (5 * 5 * 3 + 5 * 5 * 64))
    assert kernel.shape == (5, 5, 3, 64)
    assert kernel.dtype == np.float32
    assert 0.99 * limit < np.abs(kernel).max() <= limit
    assert abs(kernel.std() / (limit / np.sqrt(3)) - 1) < 0.03
    assert np.abs(dense).max() <= np.sqrt(6 / (28 * 28 * 64 + 10))
    assert not bias.any()


def test_seed_decides() -> None:
    first, again, other = (initial_weights(LAYERS, (28, 28, 1), seed)[0] for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
