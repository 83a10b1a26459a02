"""What every trainer module offers, and how the worker finds one."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Protocol, cast

import numpy as np
from numpy.typing import NDArray

from src.contract.events import EventLog
from src.workloads.training.network import Shape
from src.workloads.training.training_job import NetworkJob, TrainingJob
from src.workloads.training.worker.foreign import refuse_foreign_modules
from src.workloads.training.worker.images import Data
from src.workloads.training.worker.worker_error import WorkerError

Weights = Sequence[NDArray[np.float32]]
Orders = Sequence[NDArray[np.int64]]
EpochPhase = Callable[[], AbstractContextManager[None]]


class TrainerError(WorkerError):
    """A trainer that does not exist, cannot be imported, or lacks the device it was asked for."""


class Trainer(Protocol):
    """The functions of a module in `src.workloads.training.trainers`, in the order in which the workers call them.

    All variants do the same work: softmax cross-entropy, averaged over the batch; Adam as in Kingma & Ba
    (2015), algorithm 1, θ ← θ - α·m̂/(√v̂ + ε); float32 throughout. The state's type is the trainer's own.
    """

    def configure(self, job: NetworkJob) -> None:
        """Set threads and device; raises TrainerError where the device is missing."""

    def describe(self, job: NetworkJob) -> tuple[dict[str, str], str]:
        """Versions of the framework's packages, and the name of the device."""

    def prepare(self, job: TrainingJob, data: Data) -> Any:
        """The data as the framework wants them, on the device."""

    def build(self, job: TrainingJob, weights: Weights, tensors: Any) -> Any:
        """The state: network with the given weights (neutral layout), optimizer and data."""

    def train(self, state: Any, orders: Orders, epoch: EpochPhase) -> list[float]:
        """Train one epoch an order, each inside `epoch()`; mean train loss per epoch."""

    def evaluate(self, state: Any) -> tuple[float, float]:
        """Mean loss and accuracy over all test images."""

    def logits(self, state: Any, images: NDArray[np.float32]) -> NDArray[np.float32]:
        """Logits (n, classes) of images (n, height, width, channels)."""

    def weights(self, state: Any) -> list[NDArray[np.float32]]:
        """The trainable parameters in the neutral layout, in network order."""

    def serve(self, job: NetworkJob, weights: Weights, input_shape: Shape) -> Any:
        """The network with the given weights (neutral layout), to classify images (height, width, channels)."""

    def predict(self, server: Any, images: NDArray[np.float32]) -> NDArray[np.float32]:
        """Logits (n, classes) of a batch (n, height, width, channels); both in the host's memory."""

    def synchronize(self, job: NetworkJob) -> None:
        """Wait until the device has done all that it was given."""


@contextmanager
def whole_phase(log: EventLog, trainer: Trainer, job: NetworkJob, name: str) -> Iterator[None]:
    """A phase that ends when the device has done its work: what was given to it may still go on when the body ends."""
    with log.phase(name):
        yield
        trainer.synchronize(job)


def import_trainer(job: NetworkJob) -> Trainer:
    """Import the framework, make sure that it is alone in this process, and set its threads and device."""
    trainer = load_trainer(job.trainer)
    refuse_foreign_modules(job.packages, job.foreign)
    trainer.configure(job)
    return trainer


def load_trainer(name: str) -> Trainer:
    """Import a trainer and with it its framework; raises TrainerError."""
    try:
        return cast(Trainer, importlib.import_module(f"src.workloads.training.trainers.{name}"))
    except ModuleNotFoundError as error:
        raise TrainerError(
            f"trainer {name!r} cannot be imported ({error}); check framework.trainer, "
            "and that this environment was set up for it"
        ) from error
