"""PyTorch made fast: eager, channels-last images, max-pool before the activation, fused Adam.

What did not help on a CPU: `torch.compile` (slower convolutions than oneDNN's, 16 s and more to compile). The
rest of the gain is in the process's environment (`framework.env`): without malloc's settings each step gives
its large buffers back to the system and takes them again, page by page.
"""

from __future__ import annotations

import torch
from torch import nn

from src.contract.run_files import Job
from src.workloads.training.network import activate_after_pool
from src.workloads.training.trainer import Weights
from src.workloads.training.trainers.torch import common as common
from src.workloads.training.trainers.torch.common import configure, describe
from src.workloads.training.trainers.torch.standard import State, evaluate, logits, network, shapes, train
from src.workloads.training.worker.images import Data

__all__ = ["build", "configure", "describe", "evaluate", "logits", "prepare", "shapes", "train"]


def prepare(job: Job, data: Data) -> common.Tensors:
    """The data as tensors on the device: shape NCHW, memory NHWC, which is the files' own."""
    return common.Tensors(
        torch.from_numpy(data.train_images).to(job.device).permute(0, 3, 1, 2),
        torch.from_numpy(data.train_labels).to(job.device),
        torch.from_numpy(data.test_images).to(job.device).permute(0, 3, 1, 2),
        torch.from_numpy(data.test_labels).to(job.device),
    )


def build(job: Job, weights: Weights, tensors: common.Tensors) -> State:
    """The network with the given weights in channels-last memory, and fused Adam."""
    channels, height, width = tensors.train_images.shape[1:]
    model = network(activate_after_pool(job.layers), (height, width, channels))
    parameters = common.to_parameters(job, weights, (height, width, channels))
    model.load_state_dict(dict(zip(model.state_dict(), parameters, strict=True)))
    model.to(job.device, memory_format=torch.channels_last)
    for module in model:
        if isinstance(module, nn.ReLU):
            module.inplace = True
    optimizer = torch.optim.Adam(
        model.parameters(), lr=job.learning_rate, betas=(job.beta_1, job.beta_2), eps=job.epsilon, fused=True
    )
    return State(job, tensors, model, optimizer)
