"""The parts of the configuration that a workload needs, all there; a room of workloads knows no configuration."""

from __future__ import annotations

from src.config.schema import Config
from src.errors import ConfigError
from src.workloads.inference.workload import InferenceParts
from src.workloads.training.settings import TrainingParts


def training_parts(config: Config) -> TrainingParts:
    """What `training` and `inference` are made of; raises ConfigError where a group is missing."""
    groups = {name: getattr(config, name) for name in ("framework", "model", "dataset", "training")}
    missing = [name for name, group in groups.items() if group is None]
    if missing:
        raise ConfigError(f"workload={config.workload.kind} needs {', '.join(missing)}; name an option of each")
    return TrainingParts(**groups, hardware=config.hardware)


def inference_parts(config: Config) -> InferenceParts:
    """The same, and how the trained network is used."""
    if config.inference is None:
        raise ConfigError("workload=inference needs the keys below inference; see conf/workload/inference.yaml")
    return InferenceParts(training_parts(config), config.inference)
