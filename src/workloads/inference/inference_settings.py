"""The keys of `conf/workload/inference.yaml`, and what their types cannot say."""

from __future__ import annotations

from dataclasses import dataclass, field

from omegaconf import MISSING

from src.errors import ConfigError
from src.workloads.training.training_settings import FrameworkConfig


@dataclass
class InferenceConfig:
    """How a trained network is used, exactly alike in every framework."""

    # How often all test images are classified.
    passes: int = MISSING
    # Images a request; the last one of a pass has fewer where they do not come out even.
    batch_size: int = MISSING
    # Who trains the weights that every framework is given; an option of conf/framework.
    weights_from: FrameworkConfig = field(default_factory=FrameworkConfig)


def check(config: InferenceConfig) -> None:
    """Raises ConfigError, naming the key and the remedy, for the first value that is impossible."""
    for key, value in (("passes", config.passes), ("batch_size", config.batch_size)):
        if value < 1:
            raise ConfigError(f"inference.{key}={value}: must be at least 1")
