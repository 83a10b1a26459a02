"""Shapes, parameters and refusals of the framework-neutral network."""

from __future__ import annotations

from typing import Any

import pytest

from src.workloads.training import network
from src.workloads.training.network import NetworkError

MNIST = (28, 28, 1)


def conv(filters: int, kernel: int, padding: str = "same", activation: str = "relu") -> dict[str, Any]:
    return {"kind": "conv", "filters": filters, "kernel": kernel, "padding": padding, "activation": activation}


def pool(kind: str = "max_pool", size: int = 2, stride: int = 2) -> dict[str, Any]:
    return {"kind": kind, "size": size, "stride": stride}


def dense(units: int, activation: str = "softmax") -> dict[str, Any]:
    return {"kind": "dense", "units": units, "activation": activation}


FLATTEN = {"kind": "flatten"}
CNN = [conv(64, 3), pool(), conv(128, 5), pool(), FLATTEN, dense(10)]
MLP = [FLATTEN, dense(128, "relu"), dense(10)]
LENET5 = [
    *(conv(6, 5), pool("avg_pool"), conv(16, 5, "valid"), pool("avg_pool"), FLATTEN),
    *(dense(120, "tanh"), dense(84, "tanh"), dense(10)),
]


@pytest.mark.parametrize(
    ("layers", "count"),
    [
        pytest.param(CNN, 3 * 3 * 64 + 64 + 5 * 5 * 64 * 128 + 128 + 7 * 7 * 128 * 10 + 10, id="cnn"),
        pytest.param(MLP, 784 * 128 + 128 + 128 * 10 + 10, id="mlp"),
        pytest.param(LENET5, 61_706, id="lenet5 (LeCun et al. 1998, with full connections)"),
    ],
)
def test_parameter_count(layers: list[dict[str, Any]], count: int) -> None:
    network.check(layers, MNIST, classes=10)
    assert network.parameter_count(layers, MNIST) == count


def test_shapes_of_cnn() -> None:
    assert network.parameter_count(CNN, MNIST) == 268_298
    assert network.output_shapes(CNN, MNIST)[3:] == [(7, 7, 128), (6272,), (10,)]
    assert network.parameter_shapes(CNN, MNIST)[2:4] == [(5, 5, 64, 128), (128,)]


def test_incomplete_windows_are_dropped() -> None:
    assert network.output_shapes([pool(size=3, stride=2)], (10, 9, 4)) == [(4, 4, 4)]


def test_training_flop_counts_the_first_layer_twice_and_the_others_three_times() -> None:
    first, second, last = 28 * 28 * 64 * 9, 14 * 14 * 128 * 25 * 64, 6272 * 10
    assert network.training_flop(CNN, MNIST) == 2 * (2 * first + 3 * second + 3 * last)
    assert network.training_flop(CNN, MNIST) == pytest.approx(0.244e9, rel=0.01)
    assert network.inference_flop(CNN, MNIST) == 2 * (first + second + last)


@pytest.mark.parametrize(
    ("layers", "index", "words"),
    [
        pytest.param([], 0, "no layers", id="empty"),
        pytest.param([{"kind": "lstm"}], 0, "unknown kind", id="unknown kind"),
        pytest.param([FLATTEN, {"kind": "dense", "units": 10}], 1, "activation", id="missing key"),
        pytest.param([FLATTEN, {**dense(10), "bias": True}], 1, "bias", id="unknown key"),
        pytest.param([conv(8, 3, "full"), FLATTEN, dense(10)], 0, "padding", id="padding"),
        pytest.param([conv(8, 3, activation="softmax"), FLATTEN, dense(10)], 0, "activation", id="conv softmax"),
        pytest.param([conv(0, 3), FLATTEN, dense(10)], 0, "filters", id="no filters"),
        pytest.param([FLATTEN, dense(True)], 1, "units", id="a truth value is no number"),
        pytest.param([conv(8, 3), dense(10)], 1, "flatten", id="dense on an image"),
        pytest.param([FLATTEN, conv(8, 3), dense(10)], 1, "flatten", id="convolution behind flatten"),
        pytest.param([pool(size=29), FLATTEN, dense(10)], 0, "29", id="window larger than the image"),
        pytest.param([FLATTEN, dense(10), dense(10)], 1, "softmax", id="softmax in the middle"),
        pytest.param([FLATTEN, dense(10, "relu")], 1, "softmax", id="no softmax at the end"),
        pytest.param([FLATTEN, dense(9)], 1, "10 classes", id="wrong number of classes"),
    ],
)
def test_layers_that_do_not_fit_are_refused(layers: list[dict[str, Any]], index: int, words: str) -> None:
    with pytest.raises(NetworkError, match=rf"^layer {index} \(.*{words}"):
        network.check(layers, MNIST, classes=10)


def test_activation_moves_behind_max_pool_only() -> None:
    layers = [conv(8, 3, activation="tanh"), pool(), conv(8, 3), pool("avg_pool"), FLATTEN, dense(10)]
    moved = network.activate_after_pool(layers)
    assert [layer.get("activation") for layer in moved] == ["none", "tanh", "relu", None, None, "softmax"]
    assert layers[0]["activation"] == "tanh"
