"""PyTorch as its tutorials teach it: eager, NCHW, nn.Sequential, torch.optim.Adam; tensors for batches.

It serves in evaluation mode under `torch.inference_mode`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from src.workloads.training.network import Layer, Shape, input_shapes
from src.workloads.training.trainer import EpochPhase, Orders, Weights
from src.workloads.training.trainers.torch import common as common
from src.workloads.training.trainers.torch.common import configure, describe, predict, prepare, synchronize
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

ACTIVATIONS = {"relu": nn.ReLU, "tanh": nn.Tanh}


@dataclass(frozen=True)
class State:
    """Network, optimizer and data on the device."""

    job: TrainingJob
    tensors: common.Tensors
    model: nn.Module
    optimizer: torch.optim.Optimizer


def build(job: TrainingJob, weights: Weights, tensors: common.Tensors) -> State:
    """The network with the given weights, and Adam."""
    channels, height, width = tensors.train_images.shape[1:]
    model = network(job.layers, (height, width, channels))
    common.load_weights(model, job.layers, weights, (height, width, channels))
    model.to(job.device)
    optimizer = torch.optim.Adam(
        model.parameters(), lr=job.learning_rate, betas=(job.beta_1, job.beta_2), eps=job.epsilon
    )
    return State(job, tensors, model, optimizer)


def train(state: State, orders: Orders, epoch: EpochPhase) -> list[float]:
    """Train one epoch an order, each inside `epoch()`; mean train loss per epoch."""
    losses = []
    for order in orders:
        with epoch():
            losses.append(_train_epoch(state, torch.from_numpy(order).to(state.job.device)))
    return losses


def evaluate(state: State) -> tuple[float, float]:
    """Mean loss and accuracy over all test images."""
    loss = correct = torch.zeros((), device=state.job.device)
    images = state.tensors.test_images.split(state.job.eval_batch_size)
    labels = state.tensors.test_labels.split(state.job.eval_batch_size)
    with torch.no_grad():
        for x, y in zip(images, labels, strict=True):
            output = state.model(x)
            loss = loss + functional.cross_entropy(output, y, reduction="sum")
            correct = correct + (output.argmax(1) == y).sum()
    n = len(state.tensors.test_labels)
    return loss.item() / n, correct.item() / n


def logits(state: State, images: NDArray[np.float32]) -> NDArray[np.float32]:
    """Logits (n, classes) of images (n, height, width, channels)."""
    with torch.no_grad():
        output: Tensor = state.model(common.to_images(images).to(state.job.device))
    return output.cpu().numpy()


def weights(state: State) -> list[NDArray[np.float32]]:
    """The trainable parameters in the neutral layout, in network order."""
    channels, height, width = state.tensors.train_images.shape[1:]
    return common.to_weights(state.job.layers, state.model.parameters(), (height, width, channels))


def serve(job: NetworkJob, weights: Weights, input_shape: Shape) -> common.Server:
    """The network with the given weights in evaluation mode."""
    model = network(job.layers, input_shape)
    common.load_weights(model, job.layers, weights, input_shape)
    return common.Server(model.to(job.device).eval(), job.device)


def network(layers: Sequence[Layer], input_shape: Shape) -> nn.Sequential:
    """The layers as modules, with PyTorch's own initial weights."""
    modules: list[nn.Module] = []
    for layer, before in zip(layers, input_shapes(layers, input_shape), strict=True):
        modules.append(_module(layer, before))
        if layer.get("activation") in ACTIVATIONS:
            modules.append(ACTIVATIONS[layer["activation"]]())
    return nn.Sequential(*modules)


def _module(layer: Layer, before: Shape) -> nn.Module:
    builders: dict[str, Any] = {
        "conv": lambda: nn.Conv2d(before[2], layer["filters"], layer["kernel"], padding=layer["padding"]),
        "max_pool": lambda: nn.MaxPool2d(layer["size"], layer["stride"]),
        "avg_pool": lambda: nn.AvgPool2d(layer["size"], layer["stride"]),
        "flatten": nn.Flatten,
        "dense": lambda: nn.Linear(before[0], layer["units"]),
    }
    module: nn.Module = builders[layer["kind"]]()
    return module


def _train_epoch(state: State, order: Tensor) -> float:
    total = torch.zeros((), device=state.job.device)
    for batch in order:
        total += _step(state, state.tensors.train_images[batch], state.tensors.train_labels[batch])
    # The only wait for the device in an epoch.
    return total.item() / len(order)


def _step(state: State, images: Tensor, labels: Tensor) -> Tensor:
    state.optimizer.zero_grad()
    loss = functional.cross_entropy(state.model(images), labels)
    loss.backward()
    state.optimizer.step()
    return loss.detach()
