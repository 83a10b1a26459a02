"""A trained network for `mlflow.pyfunc`, in NumPy alone: this file is copied into each logged model and runs there.

The weights are in the framework-neutral layout (kernels HWIO or (inputs, units), then biases), so that what any of the
frameworks trained is used in the same way, without any of them.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
from mlflow.models import set_model
from mlflow.pyfunc.model import PythonModel, PythonModelContext
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

Array = NDArray[np.float32]
ACTIVATIONS: dict[str, Callable[[Array], Array]] = {
    "none": lambda x: x,
    "relu": lambda x: np.maximum(x, 0),
    "tanh": np.tanh,
}
BATCH = 256
"""Images at a time, which bounds the memory of a convolution."""


class TrainedNetwork(PythonModel):
    """Classifies images (n, height, width, channels) in [0, 1]; gives probabilities (n, classes)."""

    def load_context(self, context: PythonModelContext) -> None:
        """Read layers and weights."""
        with open(context.artifacts["network"], encoding="utf-8") as file:
            self.layers = json.load(file)["layers"]
        with np.load(context.artifacts["weights"], allow_pickle=False) as arrays:
            self.weights = [arrays[f"weight_{index}"] for index in range(len(arrays.files) - 1)]

    def predict(
        self,
        context: PythonModelContext,  # noqa: ARG002
        model_input: np.ndarray,  # MLflow knows this type, and that it tells no shape
        params: dict[str, Any] | None = None,  # noqa: ARG002
    ) -> Array:
        """Class probabilities of the images."""
        images = np.asarray(model_input, dtype=np.float32)
        parts = [self._probabilities(images[at : at + BATCH]) for at in range(0, len(images), BATCH)]
        return np.concatenate(parts) if parts else np.zeros((0, self.weights[-1].size), np.float32)

    def _probabilities(self, x: Array) -> Array:
        weights = iter(self.weights)
        for layer in self.layers:
            kind = layer["kind"]
            if kind == "conv":
                x = ACTIVATIONS[layer["activation"]](_convolve(x, next(weights), layer["padding"]) + next(weights))
            elif kind == "dense":
                x = x @ next(weights) + next(weights)
                x = _softmax(x) if layer["activation"] == "softmax" else ACTIVATIONS[layer["activation"]](x)
            elif kind == "flatten":
                x = x.reshape(len(x), -1)
            else:
                x = _pool(x, layer)
        return x.astype(np.float32)


def _convolve(x: Array, kernel: Array, padding: str) -> Array:
    """Stride 1; `same` pads the shorter half before, as the frameworks do."""
    size = kernel.shape[0]
    before = (size - 1) // 2 if padding == "same" else 0
    after = size - 1 - before if padding == "same" else 0
    x = np.pad(x, ((0, 0), (before, after), (before, after), (0, 0)))
    windows = sliding_window_view(x, (size, size), axis=(1, 2))  # (n, h, w, channels, size, size)
    return np.asarray(np.tensordot(windows, kernel, axes=((4, 5, 3), (0, 1, 2))))


def _pool(x: Array, layer: dict[str, Any]) -> Array:
    """No padding, incomplete windows dropped."""
    size, stride = layer["size"], layer["stride"]
    windows = sliding_window_view(x, (size, size), axis=(1, 2))[:, ::stride, ::stride]
    return np.asarray(windows.max((-1, -2)) if layer["kind"] == "max_pool" else windows.mean((-1, -2)))


def _softmax(x: Array) -> Array:
    powers = np.exp(x - x.max(axis=-1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=-1, keepdims=True))


set_model(TrainedNetwork())
