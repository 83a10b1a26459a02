"""TensorFlow as its tutorials teach it: keras.Sequential, compile and fit, batches from a tf.data pipeline.

One pipeline holds all epochs. With a new iterator for each epoch, one epoch in five took twice as long (2 threads).

It serves by `predict_on_batch`, Keras' own method for one batch, which compiles itself. For small inputs the
documentation also names `model(x)`, which classifies a quarter as many images/s one at a time and 0.8 times as many in
batches of 32 and 256, and to pair that with a `tf.function`, which is 1.06 times as fast one at a time, else no faster.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from src.workloads.training.network import Layer, Shape
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


@dataclass(frozen=True)
class State:
    """Compiled model and data on the device."""

    job: TrainingJob
    tensors: common.Tensors
    model: keras.Model


def build(job: TrainingJob, weights: Weights, tensors: common.Tensors) -> State:
    """The compiled network with the given weights, and Adam."""
    model = _network(job, tuple(tensors.train_images.shape[1:]))
    model.set_weights(weights)
    model.compile(
        optimizer=Adam(job.learning_rate, job.beta_1, job.beta_2, job.epsilon),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    return State(job, tensors, model)


def train(state: State, orders: Orders, epoch: EpochPhase) -> list[float]:
    """Train one epoch an order, each inside `epoch()`; mean train loss per epoch."""
    batches = tf.data.Dataset.from_tensor_slices(np.concatenate(orders)).map(
        lambda batch: (
            tf.gather(state.tensors.train_images, batch),
            tf.gather(state.tensors.train_labels, batch),
        )
    )
    history = state.model.fit(
        batches.prefetch(tf.data.AUTOTUNE),
        epochs=len(orders),
        steps_per_epoch=len(orders[0]),
        callbacks=[EpochEvents(epoch)],
        shuffle=False,
        verbose=0,
    )
    return [float(loss) for loss in history.history["loss"]]


def evaluate(state: State) -> tuple[float, float]:
    """Mean loss and accuracy over all test images."""
    loss, accuracy = state.model.evaluate(
        state.tensors.test_images, state.tensors.test_labels, state.job.eval_batch_size, verbose=0
    )
    n = len(state.tensors.test_labels)
    # Keras rounds the share to float32; the number of images behind it is exact, as in the other trainers.
    return float(loss), round(float(accuracy) * n) / n


def logits(state: State, images: NDArray[np.float32]) -> NDArray[np.float32]:
    """Logits (n, classes) of images (n, height, width, channels)."""
    output: NDArray[np.float32] = state.model(tf.convert_to_tensor(images)).numpy()
    return output


def weights(state: State) -> list[NDArray[np.float32]]:
    """The trainable parameters in the neutral layout, in network order."""
    return common.to_weights(state.model.trainable_weights)


def serve(job: NetworkJob, weights: Weights, input_shape: Shape) -> keras.Model:
    """The network with the given weights."""
    model = _network(job, input_shape)
    model.set_weights(weights)
    return model


def predict(server: keras.Model, images: NDArray[np.float32]) -> NDArray[np.float32]:
    """Logits (n, classes) of a batch (n, height, width, channels); both in the host's memory."""
    output: NDArray[np.float32] = server.predict_on_batch(images)
    return output


class Adam(keras.optimizers.Adam):
    """Keras' Adam, with ε added to √v̂ as in Kingma & Ba (2015), algorithm 1.

    The stock one divides by √v + ε, their "ε-hat" form: with ε = 1e-7 its loss is 1.6 % off after 20 steps.
    Scaling ε by √(1 - β₂ᵗ) makes the two equal at no cost.
    """

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """Update one variable and its two moments."""
        index = self._get_variable_index(variable)
        m, v = self._momentums[index], self._velocities[index]
        step = keras.ops.cast(self.iterations + 1, variable.dtype)
        correction_1 = 1 - keras.ops.power(self.beta_1, step)
        correction_2 = keras.ops.sqrt(1 - keras.ops.power(self.beta_2, step))
        self.assign_add(m, (gradient - m) * (1 - self.beta_1))
        self.assign_add(v, (keras.ops.square(gradient) - v) * (1 - self.beta_2))
        alpha = learning_rate * correction_2 / correction_1
        self.assign_sub(variable, alpha * m / (keras.ops.sqrt(v) + self.epsilon * correction_2))


class EpochEvents(keras.callbacks.Callback):
    """Opens and closes the epoch phase around each epoch of `fit`."""

    def __init__(self, epoch: EpochPhase) -> None:
        super().__init__()
        self._epoch = epoch
        self._open: AbstractContextManager[None]

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:  # noqa: ARG002
        """Begin the phase."""
        self._open = self._epoch()
        self._open.__enter__()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:  # noqa: ARG002
        """End the phase."""
        self._open.__exit__(None, None, None)


def _network(job: NetworkJob, input_shape: Shape) -> keras.Sequential:
    return keras.Sequential([keras.Input(input_shape), *map(_module, job.layers)])


def _module(layer: Layer) -> keras.layers.Layer:
    layers = keras.layers
    activation = {"none": None, "softmax": None}.get(layer.get("activation", "none"), layer.get("activation"))
    builders: dict[str, Any] = {
        "conv": lambda: layers.Conv2D(
            layer["filters"], layer["kernel"], padding=layer["padding"], activation=activation
        ),
        "max_pool": lambda: layers.MaxPooling2D(layer["size"], layer["stride"]),
        "avg_pool": lambda: layers.AveragePooling2D(layer["size"], layer["stride"]),
        "flatten": layers.Flatten,
        "dense": lambda: layers.Dense(layer["units"], activation=activation),
    }
    module: keras.layers.Layer = builders[layer["kind"]]()
    return module
