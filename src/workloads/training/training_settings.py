"""The keys of `conf/framework/*.yaml`, `conf/model/*.yaml` and `conf/training/*.yaml`."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Annotated, Any

from omegaconf import MISSING

from src.rules import ABOVE_ZERO, NAME, SHARE, at_least
from src.workloads.hardware import HardwareConfig
from src.workloads.training.data.dataset import DatasetConfig


@dataclass
class FrameworkConfig:
    """One way of using one framework."""

    # What this way of using a framework is called; a treatment of the study.
    name: Annotated[str, NAME] = MISSING
    # The folder below .venvs/ whose interpreter runs the worker.
    environment: str = MISSING
    # The framework's top-level packages; those of other frameworks may not be loaded beside them.
    packages: list[str] = MISSING
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

    # What the network is called.
    name: str = MISSING
    # The network, layer by layer: kinds and sizes, as in conf/model.
    layers: list[LayerConfig] = MISSING


@dataclass
class TrainingConfig:
    """What every framework has to do, exactly alike."""

    # How often every training image is used.
    epochs: Annotated[int, at_least(1)] = MISSING
    # Training images a step.
    batch_size: Annotated[int, at_least(1)] = MISSING
    # Test images a step of the evaluation.
    eval_batch_size: Annotated[int, at_least(1)] = MISSING
    # Adam's step size.
    learning_rate: Annotated[float, ABOVE_ZERO] = MISSING
    # Adam's decay of the gradients' mean.
    beta_1: Annotated[float, SHARE] = MISSING
    # Adam's decay of their squares' mean.
    beta_2: Annotated[float, SHARE] = MISSING
    # Adam's guard against a division by zero.
    epsilon: Annotated[float, ABOVE_ZERO] = MISSING
    # Decides initial weights and the order of the batches.
    seed: Annotated[int, at_least(0)] = MISSING


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
