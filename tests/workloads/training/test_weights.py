"""Weights: those that every framework is given before training, and the files that keep trained ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from src.workloads.training.weights import WeightsError, initial_weights, read_weights, write_weights

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


def test_a_file_gives_back_what_was_written(tmp_path: Path) -> None:
    weights = initial_weights(LAYERS, (28, 28, 1), seed=1)
    write_weights(tmp_path / "w.npz", weights)
    found = read_weights(tmp_path / "w.npz", [weight.shape for weight in weights])
    assert all(np.array_equal(*pair) for pair in zip(found, weights, strict=True))
    assert [path.name for path in tmp_path.iterdir()] == ["w.npz"]


def _truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:1000])


def _change_a_value(path: Path) -> None:
    with np.load(path) as arrays:
        values = dict(arrays)
    values["weight_0"][0, 0, 0, 0] += 1
    np.savez(path, **values)


def _take_another_network(path: Path) -> None:
    write_weights(path, initial_weights(LAYERS, (14, 14, 1), seed=1))


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        pytest.param(Path.unlink, "cannot be read", id="missing"),
        pytest.param(_truncate, "cannot be read", id="truncated"),
        pytest.param(lambda path: np.savez(path, weight_0=np.zeros(3), other=np.zeros(3)), "cannot", id="another file"),
        pytest.param(_change_a_value, "damaged", id="changed"),
        pytest.param(_take_another_network, "another network", id="another network"),
    ],
)
def test_weights_that_are_not_those_written_are_refused(tmp_path: Path, damage: Any, words: str) -> None:
    path = tmp_path / "w.npz"
    weights = initial_weights(LAYERS, (28, 28, 1), seed=1)
    write_weights(path, weights)
    damage(path)
    with pytest.raises(WeightsError, match=rf"w\.npz.*{words}.*made again"):
        read_weights(path, [weight.shape for weight in weights])
