"""PyTorch made fast: eager, channels-last images, max-pool before the activation, fused Adam.

What did not help on a CPU: `torch.compile` (slower convolutions than oneDNN's, 16 s and more to compile). The
rest of the gain is in the process's environment (`framework.env`): without malloc's settings each step gives
its large buffers back to the system and takes them again, page by page.

It serves a frozen TorchScript graph that `optimize_for_inference` rewrites for oneDNN, with the weights in oneDNN's own
layout: 1.5 times the standard's images/s one at a time, 1.17 times in batches of 32 and 256. That is deprecated in
favour of `torch.compile`, which reaches 1.4, 1.04 and 1.05 here (with `freezing`, 3 s to compile and a C++ compiler at
hand); channels-last without a graph 1.3, 1.03 and 1.03.
"""

from __future__ import annotations

import warnings

import torch
from torch import nn

from src.workloads.training.network import Shape, activate_after_pool
from src.workloads.training.trainer import Weights
from src.workloads.training.trainers.torch import common as common
from src.workloads.training.trainers.torch.common import configure, describe, predict, synchronize
from src.workloads.training.trainers.torch.standard import State, evaluate, logits, network, train, weights
from src.workloads.training.training_job import NetworkJob, TrainingJob
from src.workloads.training.worker.images import Data

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


def prepare(job: TrainingJob, data: Data) -> common.Tensors:
    """The data as tensors on the device: shape NCHW, memory NHWC, which is the files' own."""
    return common.Tensors(
        torch.from_numpy(data.train_images).to(job.device).permute(0, 3, 1, 2),
        torch.from_numpy(data.train_labels).to(job.device),
        torch.from_numpy(data.test_images).to(job.device).permute(0, 3, 1, 2),
        torch.from_numpy(data.test_labels).to(job.device),
    )


def build(job: TrainingJob, weights: Weights, tensors: common.Tensors) -> State:
    """The network with the given weights in channels-last memory, and fused Adam."""
    channels, height, width = tensors.train_images.shape[1:]
    model = network(activate_after_pool(job.layers), (height, width, channels))
    common.load_weights(model, job.layers, weights, (height, width, channels))
    model.to(job.device, memory_format=torch.channels_last)
    for module in model:
        if isinstance(module, nn.ReLU):
            module.inplace = True
    optimizer = torch.optim.Adam(
        model.parameters(), lr=job.learning_rate, betas=(job.beta_1, job.beta_2), eps=job.epsilon, fused=True
    )
    return State(job, tensors, model, optimizer)


def serve(job: NetworkJob, weights: Weights, input_shape: Shape) -> common.Server:
    """The network with the given weights: a graph of oneDNN's operations, on a GPU in channels-last memory."""
    layers = activate_after_pool(job.layers)
    model = network(layers, input_shape)
    common.load_weights(model, layers, weights, input_shape)
    model.eval()
    if job.device == "cpu":
        return common.Server(_frozen(model), job.device)
    return common.Server(model.to(job.device, memory_format=torch.channels_last), job.device)


def _frozen(model: nn.Sequential) -> torch.jit.ScriptModule:
    """The model as an optimized graph; its padding is numbers, because the optimizer knows no other."""
    modules: list[nn.Module] = []
    for module in model:
        if isinstance(module, nn.Conv2d):
            half, odd = divmod(module.kernel_size[0] - 1, 2) if module.padding == "same" else (0, 0)
            module.padding = (half, half)
            modules += [nn.ZeroPad2d((0, 1, 0, 1))] if odd else []
        modules.append(module)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return torch.jit.optimize_for_inference(torch.jit.script(nn.Sequential(*modules).eval()))
