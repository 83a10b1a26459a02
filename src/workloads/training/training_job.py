"""What a measured process is to compute: the settings of its job.json, in plain values only.

Standard library only: the measured process reads its job before it imports anything that computes.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from src.contract.json_files import ContractError

TASK_PHASES = ("data", "build", "train", "evaluate")
"""The task whose energy is compared: everything but importing the framework."""
EPOCH = "epoch"
"""One within `train`, for each epoch."""


@dataclass(frozen=True, kw_only=True)
class NetworkJob:
    """What every work with a network needs: the framework, the network, the test images and the device.

    `packages` are the framework's own top-level packages, `foreign` those that may not be loaded beside them. `trainer`
    is the name of a module in `src.workloads.training.trainers`. `layers` is the framework-neutral network
    (see `src.workloads.training.network`). `test_images` etc. are paths of `.npy` files: images float32 (n, height,
    width, channels) in [0, 1], labels int64 (n,); `test_size` takes the first rows. `affinity` lists the CPUs to run
    on; empty means all.
    """

    framework: str
    packages: list[str]
    foreign: list[str]
    trainer: str
    layers: list[dict[str, Any]]
    test_images: str
    test_labels: str
    test_size: int
    classes: int
    device: str
    threads: int
    affinity: list[int] = field(default_factory=list)

    def settings(self) -> dict[str, Any]:
        """The job's settings as JSON takes them; `of` reads them."""
        return dataclasses.asdict(self)

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> Self:
        """From the settings of a job.json; raises ContractError where a field is missing or unknown."""
        wrong = set(settings) ^ {f.name for f in dataclasses.fields(cls)}
        if wrong:
            raise ContractError(f"the job's `settings` lack these fields or do not know them: {sorted(wrong)}")
        return cls(**settings)


@dataclass(frozen=True, kw_only=True)
class TrainingJob(NetworkJob):
    """Train the network with Adam and evaluate it; `trained_weights` names the file to keep the weights in, if any."""

    train_images: str
    train_labels: str
    train_size: int
    epochs: int
    batch_size: int
    eval_batch_size: int
    learning_rate: float
    beta_1: float
    beta_2: float
    epsilon: float
    seed: int
    trained_weights: str | None = None
