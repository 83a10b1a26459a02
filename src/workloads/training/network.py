"""The framework-neutral network: a list of layers, and what follows from it (shapes, parameters, FLOP).

A layer is a plain dictionary whose `kind` says which other keys it has (see `KEYS`). Images are height ×
width × channels; convolution kernels are HWIO, dense kernels (inputs, units), and `flatten` runs over H, W, C
in that order. Standard library only: the planner checks a model with the same functions that the trainers
build it from.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

Layer = Mapping[str, Any]
Shape = tuple[int, ...]

KEYS: dict[str, tuple[str, ...]] = {
    "conv": ("filters", "kernel", "padding", "activation"),
    "max_pool": ("size", "stride"),
    "avg_pool": ("size", "stride"),
    "flatten": (),
    "dense": ("units", "activation"),
}
CHOICES: dict[tuple[str, str], tuple[str, ...]] = {
    ("conv", "padding"): ("same", "valid"),
    ("conv", "activation"): ("relu", "tanh", "none"),
    ("dense", "activation"): ("relu", "tanh", "none", "softmax"),
}


class NetworkError(ValueError):
    """A layer list that is no network; names the layer's index and kind, and the remedy."""

    def __init__(self, index: int, kind: object, problem: str) -> None:
        super().__init__(f"layer {index} ({kind}): {problem}")


def check(layers: Sequence[Layer], input_shape: Shape, classes: int) -> None:
    """Raise NetworkError unless the layers fit each other, the images (H, W, C) and the number of classes."""
    if not layers:
        raise NetworkError(0, "none", "the network has no layers; end it with a dense layer of softmax")
    for index, layer in enumerate(layers):
        _check_keys(index, layer)
    output_shapes(layers, input_shape)
    last = len(layers) - 1
    for index, layer in enumerate(layers):
        if (layer.get("activation") == "softmax") != (index == last):
            raise NetworkError(index, layer["kind"], "softmax belongs on the last layer, and on no other")
    if layers[last]["units"] != classes:
        raise NetworkError(last, "dense", f"units is {layers[last]['units']}; the data have {classes} classes")


def output_shapes(layers: Sequence[Layer], input_shape: Shape) -> list[Shape]:
    """Shape after each layer, without the batch axis; raises NetworkError where layers do not fit."""
    shapes: list[Shape] = []
    shape = input_shape
    for index, layer in enumerate(layers):
        shape = _output_shape(index, layer, shape)
        shapes.append(shape)
    return shapes


def input_shapes(layers: Sequence[Layer], input_shape: Shape) -> list[Shape]:
    """Shape before each layer, without the batch axis."""
    return [input_shape, *output_shapes(layers, input_shape)[:-1]]


def parameter_shapes(layers: Sequence[Layer], input_shape: Shape) -> list[Shape]:
    """Kernel and bias shapes of every layer that has them, in network order."""
    shapes: list[Shape] = []
    for layer, before in zip(layers, input_shapes(layers, input_shape), strict=True):
        if layer["kind"] == "conv":
            shapes += [(layer["kernel"], layer["kernel"], before[2], layer["filters"]), (layer["filters"],)]
        elif layer["kind"] == "dense":
            shapes += [(before[0], layer["units"]), (layer["units"],)]
    return shapes


def parameter_count(layers: Sequence[Layer], input_shape: Shape) -> int:
    """Number of trainable parameters."""
    return sum(math.prod(shape) for shape in parameter_shapes(layers, input_shape))


def weights_mb(layers: Sequence[Layer], input_shape: Shape) -> float:
    """Megabytes of the parameters in single precision."""
    return 4e-6 * parameter_count(layers, input_shape)


def training_flop(layers: Sequence[Layer], input_shape: Shape) -> int:
    """Floating-point operations of one sample, forward and backward, in convolutions and dense layers.

    A multiply-add counts as two. The backward pass costs one product for the kernel's gradient and one for
    the input's; the first layer needs no gradient of its input.
    """
    first, *others = _products(layers, input_shape) or [0]
    return 2 * (2 * first + 3 * sum(others))


def inference_flop(layers: Sequence[Layer], input_shape: Shape) -> int:
    """Floating-point operations of classifying one sample, counted in the same way."""
    return 2 * sum(_products(layers, input_shape))


def _products(layers: Sequence[Layer], input_shape: Shape) -> list[int]:
    """Multiply-adds of each convolution and dense layer for one sample."""
    shapes = zip(input_shapes(layers, input_shape), output_shapes(layers, input_shape), layers, strict=True)
    return [
        math.prod(after) * (layer["kernel"] ** 2 * before[2] if layer["kind"] == "conv" else before[0])
        for before, after, layer in shapes
        if layer["kind"] in ("conv", "dense")
    ]


def activate_after_pool(layers: Sequence[Layer]) -> list[Layer]:
    """The same network with each activation before a max-pooling moved behind it, where there is less to do.

    ReLU and tanh never decrease, so the maximum of the activated values is the activated maximum; the pooling
    layer then carries the `activation`. For trainers only: the result does not pass `check`.
    """
    moved: list[Layer] = [dict(layer) for layer in layers]
    for index in range(len(moved) - 1):
        if moved[index]["kind"] == "conv" and moved[index + 1]["kind"] == "max_pool":
            moved[index + 1] = {**moved[index + 1], "activation": moved[index]["activation"]}
            moved[index] = {**moved[index], "activation": "none"}
    return moved


def _check_keys(index: int, layer: Layer) -> None:
    kind = layer.get("kind")
    if kind not in KEYS:
        raise NetworkError(index, kind, f"unknown kind; use one of {', '.join(KEYS)}")
    wrong = set(layer) ^ {"kind", *KEYS[kind]}
    if wrong:
        raise NetworkError(index, kind, f"missing or unknown {sorted(wrong)}; its keys are {list(KEYS[kind])}")
    for key in KEYS[kind]:
        _check_value(index, kind, key, layer[key])


def _check_value(index: int, kind: str, key: str, value: object) -> None:
    choices = CHOICES.get((kind, key))
    if choices and value not in choices:
        raise NetworkError(index, kind, f"{key} is {value!r}; use one of {', '.join(choices)}")
    if not choices and (not isinstance(value, int) or isinstance(value, bool) or value < 1):
        raise NetworkError(index, kind, f"{key} is {value!r}; use a whole number of at least 1")


def _output_shape(index: int, layer: Layer, before: Shape) -> Shape:
    kind = layer["kind"]
    if kind == "flatten":
        return (math.prod(before),)
    if kind == "dense":
        if len(before) != 1:
            raise NetworkError(index, kind, f"its input has shape {before}; put a flatten layer before it")
        return (layer["units"],)
    if len(before) != 3:
        raise NetworkError(index, kind, f"its input has shape {before}; move it before the flatten layer")
    return _window_shape(index, layer, before)


def _window_shape(index: int, layer: Layer, before: Shape) -> Shape:
    """Shape after a convolution (stride 1) or a pooling (no padding, incomplete windows dropped)."""
    height, width, channels = before
    if layer["kind"] == "conv" and layer["padding"] == "same":
        return (height, width, layer["filters"])
    window = layer["kernel"] if layer["kind"] == "conv" else layer["size"]
    stride = layer.get("stride", 1)
    if window > min(height, width):
        problem = f"a window of {window} does not fit an image of {height}×{width}; make it smaller"
        raise NetworkError(index, layer["kind"], problem)
    return (
        (height - window) // stride + 1,
        (width - window) // stride + 1,
        layer.get("filters", channels),
    )
