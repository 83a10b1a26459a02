"""JAX made fast: plain functions, a step compiled ahead with donated buffers, an own max-pool.

What did not help on a CPU: a whole epoch in `lax.scan` (inside a loop XLA's backward convolutions lose their
fast path and take 45 times as long). Half of the gain is in the process's environment (`framework.env`):
malloc's settings and XLA's choice of convolution kernels.

What keeps it behind oneDNN: XLA's 5 × 5 convolution runs at 1.0 of the matrix product, its gradients at 0.95 (kernel)
and 0.87 (input: 64 outputs a product are few), so 0.94 is the most that the rest could leave; a step reaches 0.86 (by
processor time; 0.84 with the bias before the pooling). Tried, as a share of the matrix product: the convolution as five
products over shifted rows 0.67, as one over all patches 0.58 (gradient of the kernel), as the forward convolution of
turned arrays 0.88 and 0.96, with padding of its own 0.86 and 0.97, batch in halves or quarters 0.85, input channels in
halves 0.87, channels first 0.86; without the flag below 0.49 (one thread). Convolution and pooling as four products
over patches of the one input channel: faster alone (3.6 for 4.9 ms), not in the step.

It serves one program a batch shape, compiled ahead, with the weights as constants in it: 1.9 times the standard's
images/s one at a time (nnx.jit takes the module apart at each call), 1.06 and 1.03 times in batches of 32 and 256.
Weights as arguments reach 1.7, 1.05 and 1.0. What did not help: the own max-pool, which is for gradients (0.8 to 1.0 in
batches), and malloc's settings.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import lax
from numpy.typing import NDArray

from src.workloads.training.network import Layer, Shape, activate_after_pool
from src.workloads.training.trainer import EpochPhase, Orders, Weights
from src.workloads.training.trainers.jax import common as common
from src.workloads.training.trainers.jax.common import configure, describe, prepare, synchronize
from src.workloads.training.trainers.jax.pool import max_pool, window_max
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

Pool = Callable[[jax.Array, int, int], jax.Array]
ACTIVATIONS: dict[str, Callable[[jax.Array], jax.Array]] = {"relu": jax.nn.relu, "tanh": jnp.tanh}


@dataclass
class State:
    """Parameters, Adam's moments, the compiled step, and data on the device; steps replace the first two."""

    job: TrainingJob
    tensors: common.Tensors
    layers: list[Layer]
    parameters: list[jax.Array]
    moments: optax.OptState
    step: Callable[..., Any]


def build(job: TrainingJob, weights: Weights, tensors: common.Tensors) -> State:
    """The given weights, and the step compiled for them."""
    parameters = [jnp.asarray(weight) for weight in weights]
    layers = activate_after_pool(job.layers)
    adam = optax.adam(job.learning_rate, job.beta_1, job.beta_2, job.epsilon)
    moments = adam.init(parameters)
    batch = jax.ShapeDtypeStruct((job.batch_size,), jnp.int32)
    step = jax.jit(partial(_step, layers, adam), donate_argnums=(0, 1, 2))
    compiled = step.lower(
        parameters, moments, jnp.zeros(()), tensors.train_images, tensors.train_labels, batch
    ).compile()
    return State(job, tensors, layers, parameters, moments, compiled)


def train(state: State, orders: Orders, epoch: EpochPhase) -> list[float]:
    """Train one epoch an order, each inside `epoch()`; mean train loss per epoch."""
    losses = []
    for order in orders:
        with epoch():
            losses.append(_train_epoch(state, order.astype(np.int32)))
    return losses


def evaluate(state: State) -> tuple[float, float]:
    """Mean loss and accuracy over all test images."""
    n = len(state.tensors.test_labels)
    loss = correct = jnp.zeros(())
    step = jax.jit(partial(_eval_step, state.layers))
    for start in range(0, n, state.job.eval_batch_size):
        rows = slice(start, start + state.job.eval_batch_size)
        more = step(state.parameters, state.tensors.test_images[rows], state.tensors.test_labels[rows])
        loss, correct = loss + more[0], correct + more[1]
    return float(loss) / n, float(correct) / n


def logits(state: State, images: NDArray[np.float32]) -> NDArray[np.float32]:
    """Logits (n, classes) of images (n, height, width, channels)."""
    return np.asarray(jax.jit(partial(_forward, state.layers))(state.parameters, images))


def weights(state: State) -> list[NDArray[np.float32]]:
    """The trainable parameters in the neutral layout, in network order."""
    return common.to_weights(state.parameters)


@dataclass
class Server:
    """Layers, parameters, and the program of each batch shape that came so far."""

    layers: list[Layer]
    parameters: list[jax.Array]
    programs: dict[Shape, Callable[[NDArray[np.float32]], jax.Array]] = field(default_factory=dict)


def serve(job: NetworkJob, weights: Weights, input_shape: Shape) -> Server:  # noqa: ARG001
    """The network with the given weights."""
    return Server(activate_after_pool(job.layers), [jnp.asarray(weight) for weight in weights])


def predict(server: Server, images: NDArray[np.float32]) -> NDArray[np.float32]:
    """Logits (n, classes) of a batch (n, height, width, channels); both in the host's memory."""
    if images.shape not in server.programs:
        forward = jax.jit(partial(_forward, server.layers, server.parameters, pool=window_max))
        batch = jax.ShapeDtypeStruct(images.shape, jnp.float32)
        server.programs[images.shape] = forward.lower(batch).compile()
    return np.asarray(server.programs[images.shape](images))


def _train_epoch(state: State, order: NDArray[np.int32]) -> float:
    total = jnp.zeros(())
    data = state.tensors.train_images, state.tensors.train_labels
    for batch in order:
        state.parameters, state.moments, total = state.step(state.parameters, state.moments, total, *data, batch)
    # The only wait for the device in an epoch.
    return float(total) / len(order)


def _step(
    layers: Sequence[Layer],
    adam: optax.GradientTransformation,
    parameters: list[jax.Array],
    moments: optax.OptState,
    total: jax.Array,
    images: jax.Array,
    labels: jax.Array,
    batch: jax.Array,
) -> tuple[list[jax.Array], optax.OptState, jax.Array]:
    loss, gradients = jax.value_and_grad(partial(_loss, layers))(parameters, images[batch], labels[batch])
    updates, moments = adam.update(gradients, moments)
    return optax.apply_updates(parameters, updates), moments, total + loss


def _eval_step(
    layers: Sequence[Layer], parameters: list[jax.Array], images: jax.Array, labels: jax.Array
) -> tuple[jax.Array, jax.Array]:
    output = _forward(layers, parameters, images)
    loss = optax.softmax_cross_entropy_with_integer_labels(output, labels).sum()
    return loss, (output.argmax(1) == labels).sum()


def _loss(layers: Sequence[Layer], parameters: list[jax.Array], images: jax.Array, labels: jax.Array) -> jax.Array:
    output = _forward(layers, parameters, images)
    return optax.softmax_cross_entropy_with_integer_labels(output, labels).mean()


def _forward(
    layers: Sequence[Layer], parameters: Sequence[jax.Array], x: jax.Array, pool: Pool = max_pool
) -> jax.Array:
    remaining = iter(parameters)
    bias: jax.Array | None = None
    for layer, following in zip(layers, [*layers[1:], {}], strict=True):
        x = _apply(layer, remaining, x, pool)
        if layer["kind"] == "conv":
            bias = next(remaining)
        # One number a channel commutes with the maximum, and there are fewer values to add it to behind a pooling.
        if bias is not None and (layer["kind"], following.get("kind")) != ("conv", "max_pool"):
            x, bias = x + bias, None
        if layer.get("activation") in ACTIVATIONS:
            x = ACTIVATIONS[layer["activation"]](x)
    return x


def _apply(layer: Layer, parameters: Iterator[jax.Array], x: jax.Array, pool: Pool) -> jax.Array:
    match layer["kind"]:
        case "conv":
            padding, numbers = layer["padding"].upper(), ("NHWC", "HWIO", "NHWC")
            return lax.conv_general_dilated(x, next(parameters), (1, 1), padding, dimension_numbers=numbers)
        case "max_pool":
            return pool(x, layer["size"], layer["stride"])
        case "avg_pool":
            size, stride = layer["size"], layer["stride"]
            window, strides = (1, size, size, 1), (1, stride, stride, 1)
            return lax.reduce_window(x, 0.0, lax.add, window, strides, "VALID") / size**2
        case "flatten":
            return x.reshape(x.shape[0], -1)
        case _:
            return x @ next(parameters) + next(parameters)
