"""TensorFlow made fast: an own step on variables, a whole epoch of them in one `tf.function`, fused Adam.

What did not help on a CPU: `jit_compile=True` (XLA's convolutions take twice the time of oneDNN's).

It serves one graph a batch shape, called as it was traced: 1.2 times the standard's images/s one at a time, at most
1.03 times in batches of 32 and 256, which are all convolutions. What did not help: weights as constants, and
`jit_compile=True` (0.78 and 0.75 in batches).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from src.workloads.training.network import Layer, Shape, activate_after_pool
from src.workloads.training.trainer import EpochPhase, Orders, Weights
from src.workloads.training.trainers.tf import common as common
from src.workloads.training.trainers.tf.common import configure, describe, prepare, synchronize
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

ACTIVATIONS: dict[str, Callable[[tf.Tensor], tf.Tensor]] = {"relu": tf.nn.relu, "tanh": tf.nn.tanh}


@dataclass(frozen=True)
class State:
    """Parameters, Adam's moments, the epoch compiled for them, and data on the device."""

    job: TrainingJob
    tensors: common.Tensors
    layers: list[Layer]
    parameters: list[tf.Variable]
    epoch: Callable[[tf.Tensor], tf.Tensor]


def build(job: TrainingJob, weights: Weights, tensors: common.Tensors) -> State:
    """The network with the given weights, and the graph of an epoch with Adam."""
    parameters = [tf.Variable(weight) for weight in weights]
    layers = activate_after_pool(job.layers)
    adam = Adam(job, parameters)
    step = partial(_step, layers, parameters, adam, tensors)
    signature = [tf.TensorSpec((None, job.batch_size), tf.int64)]
    return State(job, tensors, layers, parameters, tf.function(partial(_epoch, step), signature))


def train(state: State, orders: Orders, epoch: EpochPhase) -> list[float]:
    """Train one epoch an order, each inside `epoch()`; mean train loss per epoch."""
    losses = []
    for order in orders:
        with epoch():
            losses.append(float(state.epoch(tf.convert_to_tensor(order))) / len(order))
    return losses


def evaluate(state: State) -> tuple[float, float]:
    """Mean loss and accuracy over all test images."""
    n = len(state.tensors.test_labels)
    loss = correct = tf.constant(0.0)
    for start in range(0, n, state.job.eval_batch_size):
        rows = slice(start, start + state.job.eval_batch_size)
        output = _forward(state.layers, state.parameters, state.tensors.test_images[rows])
        labels = state.tensors.test_labels[rows]
        loss += tf.reduce_sum(tf.nn.sparse_softmax_cross_entropy_with_logits(labels, output))
        correct += tf.reduce_sum(tf.cast(tf.argmax(output, 1) == labels, tf.float32))
    return float(loss) / n, float(correct) / n


def logits(state: State, images: NDArray[np.float32]) -> NDArray[np.float32]:
    """Logits (n, classes) of images (n, height, width, channels)."""
    output: NDArray[np.float32] = _forward(state.layers, state.parameters, tf.convert_to_tensor(images)).numpy()
    return output


def weights(state: State) -> list[NDArray[np.float32]]:
    """The trainable parameters in the neutral layout, in network order."""
    return common.to_weights(state.parameters)


@dataclass
class Server:
    """Layers, parameters, and the graph of each batch shape that came so far."""

    layers: list[Layer]
    parameters: list[tf.Variable]
    graphs: dict[Shape, Callable[[tf.Tensor], tf.Tensor]] = field(default_factory=dict)


def serve(job: NetworkJob, weights: Weights, input_shape: Shape) -> Server:  # noqa: ARG001
    """The network with the given weights."""
    return Server(activate_after_pool(job.layers), [tf.Variable(weight) for weight in weights])


def predict(server: Server, images: NDArray[np.float32]) -> NDArray[np.float32]:
    """Logits (n, classes) of a batch (n, height, width, channels); both in the host's memory."""
    if images.shape not in server.graphs:
        forward = tf.function(partial(_forward, server.layers, server.parameters))
        signature = tf.TensorSpec(images.shape, tf.float32)
        server.graphs[images.shape] = forward.get_concrete_function(signature)
    output: NDArray[np.float32] = server.graphs[images.shape](tf.convert_to_tensor(images)).numpy()
    return output


class Adam:
    """Adam (Kingma & Ba 2015, algorithm 1) by TensorFlow's fused kernel, one call a parameter.

    The kernel divides by √v + ε, so ε is scaled by √(1 - β₂ᵗ), which makes it √v̂ + ε.
    """

    def __init__(self, job: TrainingJob, parameters: Sequence[tf.Variable]) -> None:
        self._job = job
        self._steps = tf.Variable(0.0)
        self._moments = [(tf.Variable(tf.zeros_like(p)), tf.Variable(tf.zeros_like(p))) for p in parameters]

    def apply(self, parameters: Sequence[tf.Variable], gradients: Sequence[tf.Tensor]) -> None:
        """Update the parameters in place."""
        job = self._job
        self._steps.assign_add(1.0)
        beta_1_power, beta_2_power = job.beta_1**self._steps, job.beta_2**self._steps
        epsilon = job.epsilon * tf.sqrt(1 - beta_2_power)
        for parameter, (m, v), gradient in zip(parameters, self._moments, gradients, strict=True):
            tf.raw_ops.ResourceApplyAdam(
                var=parameter.handle,
                m=m.handle,
                v=v.handle,
                beta1_power=beta_1_power,
                beta2_power=beta_2_power,
                lr=job.learning_rate,
                beta1=job.beta_1,
                beta2=job.beta_2,
                epsilon=epsilon,
                grad=gradient,
            )


def _epoch(step: Callable[[tf.Tensor], tf.Tensor], order: tf.Tensor) -> tf.Tensor:
    """Sum of the steps' losses; one graph, so that Python waits for nothing between two steps."""
    total = tf.constant(0.0)
    for index in tf.range(tf.shape(order)[0]):
        total += step(order[index])
    return total


def _step(
    layers: Sequence[Layer],
    parameters: Sequence[tf.Variable],
    adam: Adam,
    tensors: common.Tensors,
    batch: tf.Tensor,
) -> tf.Tensor:
    images, labels = tf.gather(tensors.train_images, batch), tf.gather(tensors.train_labels, batch)
    with tf.GradientTape() as tape:
        output = _forward(layers, parameters, images)
        loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels, output))
    adam.apply(parameters, tape.gradient(loss, parameters))
    return loss


# Plain Python over a fixed list; AutoGraph need not translate it, and cannot translate `match`.
@tf.autograph.experimental.do_not_convert
def _forward(layers: Sequence[Layer], parameters: Sequence[tf.Variable], x: tf.Tensor) -> tf.Tensor:
    remaining = iter(parameters)
    for layer in layers:
        x = _apply(layer, remaining, x)
        if layer.get("activation") in ACTIVATIONS:
            x = ACTIVATIONS[layer["activation"]](x)
    return x


def _apply(layer: Layer, parameters: Any, x: tf.Tensor) -> tf.Tensor:
    match layer["kind"]:
        case "conv":
            x = tf.nn.conv2d(x, next(parameters), 1, layer["padding"].upper())
            return tf.nn.bias_add(x, next(parameters))
        case "max_pool":
            return tf.nn.max_pool2d(x, layer["size"], layer["stride"], "VALID")
        case "avg_pool":
            return tf.nn.avg_pool2d(x, layer["size"], layer["stride"], "VALID")
        case "flatten":
            return tf.reshape(x, (tf.shape(x)[0], -1))
        case _:
            return tf.matmul(x, next(parameters)) + next(parameters)
