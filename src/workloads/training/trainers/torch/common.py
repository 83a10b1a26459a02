"""PyTorch: what its standard and its tuned trainer share."""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from src.workloads.training.network import Layer, Shape, input_shapes
from src.workloads.training.trainer import TrainerError, Weights
from src.workloads.training.training_job import NetworkJob, TrainingJob
from src.workloads.training.worker.images import Data


@dataclass(frozen=True)
class Tensors:
    """Images float32 (n, channels, height, width), labels int64 (n,), on the device."""

    train_images: Tensor
    train_labels: Tensor
    test_images: Tensor
    test_labels: Tensor


@dataclass(frozen=True)
class Server:
    """A network that classifies, and where it does."""

    model: Callable[[Tensor], Tensor]
    device: str


def configure(job: NetworkJob) -> None:
    """Set threads; on a GPU, check that there is one and keep float32 products from becoming TF32."""
    torch.set_num_threads(job.threads)
    torch.set_num_interop_threads(job.threads)
    if job.device == "cuda":
        if not torch.cuda.is_available():
            raise TrainerError("PyTorch sees no CUDA device; use hardware=cpu, or install its GPU build")
        torch.backends.cuda.matmul.allow_tf32 = False
        torch.backends.cudnn.allow_tf32 = False


def describe(job: NetworkJob) -> tuple[dict[str, str], str]:
    """Versions of the framework's packages, and the name of the device."""
    device = torch.cuda.get_device_name() if job.device == "cuda" else platform.machine()
    return {"torch": torch.__version__, "numpy": np.__version__}, device


def prepare(job: TrainingJob, data: Data) -> Tensors:
    """The data as tensors on the device, images NCHW."""
    return Tensors(
        to_images(data.train_images).to(job.device),
        torch.from_numpy(data.train_labels).to(job.device),
        to_images(data.test_images).to(job.device),
        torch.from_numpy(data.test_labels).to(job.device),
    )


def predict(server: Server, images: NDArray[np.float32]) -> NDArray[np.float32]:
    """Logits (n, classes) of a batch (n, height, width, channels); both in the host's memory."""
    with torch.inference_mode():
        return server.model(to_images(images).to(server.device)).cpu().numpy()


def synchronize(job: NetworkJob) -> None:
    """Wait for the GPU's streams; on a CPU an operation is done when its call comes back."""
    if job.device == "cuda":
        torch.cuda.synchronize()


def to_images(images: np.ndarray) -> Tensor:
    """NHWC array to NCHW tensor."""
    return torch.from_numpy(images).permute(0, 3, 1, 2).contiguous()


def load_weights(model: nn.Module, layers: Sequence[Layer], weights: Weights, input_shape: Shape) -> None:
    """Give a model the neutral weights."""
    parameters = to_parameters(layers, weights, input_shape)
    model.load_state_dict(dict(zip(model.state_dict(), parameters, strict=True)))


def to_parameters(layers: Sequence[Layer], weights: Weights, input_shape: Shape) -> list[Tensor]:
    """Neutral weights in PyTorch's layouts: OIHW, (units, inputs), and rows after a flatten in C, H, W order."""
    flattened = _flattened(layers, input_shape)
    return [torch.from_numpy(_to_torch(weight, rows)) for weight, rows in zip(weights, flattened, strict=True)]


def to_weights(layers: Sequence[Layer], parameters: Iterable[Tensor], input_shape: Shape) -> list[NDArray[np.float32]]:
    """PyTorch's parameters in the neutral layouts; the reverse of `to_parameters`."""
    flattened = _flattened(layers, input_shape)
    arrays = [parameter.detach().cpu().numpy() for parameter in parameters]
    return [_to_neutral(array, rows) for array, rows in zip(arrays, flattened, strict=True)]


def _flattened(layers: Sequence[Layer], input_shape: Shape) -> list[Shape]:
    """For each parameter the image (height, width, channels) that a flatten made its rows of; () for most."""
    found: list[Shape] = []
    rows: Shape = ()
    for layer, before in zip(layers, input_shapes(layers, input_shape), strict=True):
        if layer["kind"] == "flatten":
            rows = before
        elif layer["kind"] in ("conv", "dense"):
            found += [rows, ()]
            rows = ()
    return found


def _to_torch(weight: np.ndarray, flattened: Shape) -> np.ndarray:
    if weight.ndim == 4:
        weight = weight.transpose(3, 2, 0, 1)
    if weight.ndim == 2 and len(flattened) == 3:
        weight = weight.reshape(*flattened, -1).transpose(2, 0, 1, 3).reshape(weight.shape)
    return np.ascontiguousarray(weight.T if weight.ndim == 2 else weight)


def _to_neutral(parameter: np.ndarray, flattened: Shape) -> np.ndarray:
    if parameter.ndim == 4:
        return np.ascontiguousarray(parameter.transpose(2, 3, 1, 0))
    if parameter.ndim == 1:
        return parameter.copy()
    weight = parameter.T
    if len(flattened) == 3:
        height, width, channels = flattened
        weight = weight.reshape(channels, height, width, -1).transpose(1, 2, 0, 3).reshape(weight.shape)
    return np.ascontiguousarray(weight)
