"""The keys of `conf/framework/*.yaml`, `conf/model/*.yaml` and `conf/training/*.yaml`."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any

from omegaconf import MISSING

from src.workloads.hardware import HardwareConfig
from src.workloads.training.data.dataset import DatasetConfig


@dataclass
class FrameworkConfig:
    """One way of using one framework."""

    name: str = MISSING
    # The folder below .venvs/ whose interpreter runs the worker.
    environment: str = MISSING
    # The lock file that environment must have been made from.
    requirements: str = MISSING
    # A module of src.workloads.training.trainers.
    trainer: str = MISSING
    # One line that says how the framework is used.
    mode: str = MISSING
    # Environment variables of the measured process.
    env: dict[str, str] = field(default_factory=dict)


@dataclass
class LayerConfig:
    """One layer; which keys apply depends on `kind` (see src.workloads.training.network)."""

    kind: str = MISSING
    filters: int | None = None
    kernel: int | None = None
    padding: str | None = None
    activation: str | None = None
    size: int | None = None
    stride: int | None = None
    units: int | None = None


@dataclass
class ModelConfig:
    """A framework-neutral network."""

    name: str = MISSING
    layers: list[LayerConfig] = MISSING


@dataclass
class TrainingConfig:
    """What every framework has to do, exactly alike."""

    epochs: int = MISSING
    batch_size: int = MISSING
    # Test images a step of the evaluation.
    eval_batch_size: int = MISSING
    learning_rate: float = MISSING
    beta_1: float = MISSING
    beta_2: float = MISSING
    epsilon: float = MISSING
    # Decides initial weights and the order of the batches.
    seed: int = MISSING


@dataclass(frozen=True)
class TrainingParts:
    """The parts of the configuration that decide a training."""

    framework: FrameworkConfig
    model: ModelConfig
    dataset: DatasetConfig
    training: TrainingConfig
    hardware: HardwareConfig

    @property
    def layers(self) -> list[dict[str, Any]]:
        """The network as `src.workloads.training.network` has it."""
        return [layer_values(layer) for layer in self.model.layers]


def layer_values(layer: LayerConfig) -> dict[str, Any]:
    """A layer's own keys, without those that its kind does not use."""
    return {key: value for key, value in dataclasses.asdict(layer).items() if value is not None}
