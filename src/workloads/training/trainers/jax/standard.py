"""JAX as the flax tutorial teaches it: nnx modules, nnx.Optimizer with optax.adam, a step under nnx.jit.

It serves under nnx.jit, too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx
from numpy.typing import NDArray

from src.workloads.training.network import Layer, Shape, input_shapes
from src.workloads.training.trainer import EpochPhase, Orders, Weights
from src.workloads.training.trainers.jax import common as common
from src.workloads.training.trainers.jax.common import configure, describe, prepare, synchronize
from src.workloads.training.training_job import NetworkJob, TrainingJob

__all__ = [
    "build",
    "configure",
    "describe",
    "evaluate",
    "logits",
    "predict",
    "prepare",
    "serve",
    "synchronize",
    "train",
    "weights",
]

ACTIVATIONS: dict[str, Callable[[jax.Array], jax.Array]] = {"relu": nnx.relu, "tanh": nnx.tanh}


@dataclass(frozen=True)
class State:
    """Network, optimizer and data on the device."""

    job: TrainingJob
    tensors: common.Tensors
    model: nnx.Sequential
    optimizer: nnx.Optimizer[nnx.Sequential]


def build(job: TrainingJob, weights: Weights, tensors: common.Tensors) -> State:
    """The network with the given weights, and Adam."""
    model = _network(job, tensors.train_images.shape[1:], weights)
    adam = optax.adam(job.learning_rate, job.beta_1, job.beta_2, job.epsilon)
    return State(job, tensors, model, nnx.Optimizer(model, adam, wrt=nnx.Param))


def train(state: State, orders: Orders, epoch: EpochPhase) -> list[float]:
    """Train one epoch an order, each inside `epoch()`; mean train loss per epoch."""
    losses = []
    for order in orders:
        with epoch():
            losses.append(_train_epoch(state, order))
    return losses


def evaluate(state: State) -> tuple[float, float]:
    """Mean loss and accuracy over all test images."""
    n = len(state.tensors.test_labels)
    loss = correct = jnp.zeros(())
    for start in range(0, n, state.job.eval_batch_size):
        rows = slice(start, start + state.job.eval_batch_size)
        more = _eval_step(state.model, state.tensors.test_images[rows], state.tensors.test_labels[rows])
        loss, correct = loss + more[0], correct + more[1]
    return float(loss) / n, float(correct) / n


def logits(state: State, images: NDArray[np.float32]) -> NDArray[np.float32]:
    """Logits (n, classes) of images (n, height, width, channels)."""
    return predict(state.model, images)


def weights(state: State) -> list[NDArray[np.float32]]:
    """The trainable parameters in the neutral layout, in network order."""
    layers = [layer for layer in state.model.layers if isinstance(layer, nnx.Conv | nnx.Linear)]
    return common.to_weights([parameter for layer in layers for parameter in (layer.kernel, layer.bias)])


def serve(job: NetworkJob, weights: Weights, input_shape: Shape) -> nnx.Sequential:
    """The network with the given weights."""
    return _network(job, input_shape, weights)


def predict(server: nnx.Sequential, images: NDArray[np.float32]) -> NDArray[np.float32]:
    """Logits (n, classes) of a batch (n, height, width, channels); both in the host's memory."""
    return np.asarray(_apply(server, images))


@nnx.jit
def _apply(model: nnx.Sequential, images: jax.Array) -> jax.Array:
    return model(images)


def _network(job: NetworkJob, input_shape: Shape, weights: Weights) -> nnx.Sequential:
    remaining = iter(weights)
    modules: list[Callable[..., Any]] = []
    for layer, before in zip(job.layers, input_shapes(job.layers, input_shape), strict=True):
        modules.append(_module(layer, before, remaining))
        if layer.get("activation") in ACTIVATIONS:
            modules.append(ACTIVATIONS[layer["activation"]])
    return nnx.Sequential(*modules)


def _module(layer: Layer, before: Shape, weights: Iterator[NDArray[np.float32]]) -> Any:
    def given(_key: jax.Array, _shape: Shape, _dtype: Any) -> jax.Array:
        return jnp.asarray(next(weights))

    # Kernel before bias: flax initializes them in this order.
    parameters = {"kernel_init": given, "bias_init": given, "rngs": nnx.Rngs(0)}
    window = {key: (layer[key],) * 2 for key in ("kernel", "size", "stride") if key in layer}
    builders: dict[str, Callable[[], Any]] = {
        "conv": lambda: nnx.Conv(
            before[-1], layer["filters"], window["kernel"], padding=layer["padding"].upper(), **parameters
        ),
        "max_pool": lambda: partial(nnx.max_pool, window_shape=window["size"], strides=window["stride"]),
        "avg_pool": lambda: partial(nnx.avg_pool, window_shape=window["size"], strides=window["stride"]),
        "flatten": lambda: lambda x: x.reshape(x.shape[0], -1),
        "dense": lambda: nnx.Linear(before[0], layer["units"], **parameters),
    }
    return builders[layer["kind"]]()


def _train_epoch(state: State, order: NDArray[np.int64]) -> float:
    total = jnp.zeros(())
    for batch in order:
        images, labels = state.tensors.train_images[batch], state.tensors.train_labels[batch]
        total += _step(state.model, state.optimizer, images, labels)
    # The only wait for the device in an epoch.
    return float(total) / len(order)


@nnx.jit
def _step(
    model: nnx.Sequential, optimizer: nnx.Optimizer[nnx.Sequential], images: jax.Array, labels: jax.Array
) -> jax.Array:
    loss, gradients = nnx.value_and_grad(_loss)(model, images, labels)
    optimizer.update(model, gradients)
    return loss


@nnx.jit
def _eval_step(model: nnx.Sequential, images: jax.Array, labels: jax.Array) -> tuple[jax.Array, jax.Array]:
    output = model(images)
    loss = optax.softmax_cross_entropy_with_integer_labels(output, labels).sum()
    return loss, (output.argmax(1) == labels).sum()


def _loss(model: nnx.Sequential, images: jax.Array, labels: jax.Array) -> jax.Array:
    return optax.softmax_cross_entropy_with_integer_labels(model(images), labels).mean()
