"""PyTorch: what its standard and its tuned trainer share."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from src.contract.run_files import Job
from src.workloads.training.network import input_shapes
from src.workloads.training.trainer import TrainerError, Weights
from src.workloads.training.worker.images import Data


@dataclass(frozen=True)
class Tensors:
    """Images float32 (n, channels, height, width), labels int64 (n,), on the device."""

    train_images: Tensor
    train_labels: Tensor
    test_images: Tensor
    test_labels: Tensor


def configure(job: Job) -> None:
    """Set threads; on a GPU, check that there is one and keep float32 products from becoming TF32."""
    torch.set_num_threads(job.threads)
    torch.set_num_interop_threads(job.threads)
    if job.device == "cuda":
        if not torch.cuda.is_available():
            raise TrainerError("PyTorch sees no CUDA device; use hardware=cpu, or install its GPU build")
        torch.backends.cuda.matmul.allow_tf32 = False
        torch.backends.cudnn.allow_tf32 = False


def describe(job: Job) -> tuple[dict[str, str], str]:
    """Versions of the framework's packages, and the name of the device."""
    device = torch.cuda.get_device_name() if job.device == "cuda" else platform.machine()
    return {"torch": torch.__version__, "numpy": np.__version__}, device


def prepare(job: Job, data: Data) -> Tensors:
    """The data as tensors on the device, images NCHW."""
    return Tensors(
        to_images(data.train_images).to(job.device),
        torch.from_numpy(data.train_labels).to(job.device),
        to_images(data.test_images).to(job.device),
        torch.from_numpy(data.test_labels).to(job.device),
    )


def to_images(images: np.ndarray) -> Tensor:
    """NHWC array to NCHW tensor."""
    return torch.from_numpy(images).permute(0, 3, 1, 2).contiguous()


def to_parameters(job: Job, weights: Weights, input_shape: tuple[int, ...]) -> list[Tensor]:
    """Neutral weights in PyTorch's layouts: OIHW, (units, inputs), and rows after a flatten in C, H, W order."""
    remaining = iter(weights)
    parameters: list[Tensor] = []
    flattened: tuple[int, ...] = ()
    for layer, before in zip(job.layers, input_shapes(job.layers, input_shape), strict=True):
        if layer["kind"] == "flatten":
            flattened = before
        elif layer["kind"] in ("conv", "dense"):
            kernel, bias = next(remaining), next(remaining)
            parameters += [torch.from_numpy(_kernel(kernel, flattened)), torch.from_numpy(bias)]
            flattened = () if layer["kind"] == "dense" else flattened
    return parameters


def neutral_shapes(parameters: Sequence[Tensor]) -> list[list[int]]:
    """Shapes of OIHW and (units, inputs) kernels as HWIO and (inputs, units)."""
    return [[*shape[2:], *shape[1::-1]] for shape in (list(parameter.shape) for parameter in parameters)]


def _kernel(kernel: np.ndarray, flattened: tuple[int, ...]) -> np.ndarray:
    if kernel.ndim == 4:
        return np.ascontiguousarray(kernel.transpose(3, 2, 0, 1))
    if len(flattened) == 3:
        kernel = kernel.reshape(*flattened, -1).transpose(2, 0, 1, 3).reshape(kernel.shape)
    return np.ascontiguousarray(kernel.T)
