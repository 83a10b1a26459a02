"""The parts of the configuration that a workload needs, all there; a room of workloads knows no configuration."""

from __future__ import annotations

from src.config.schema import Config
from src.errors import ConfigError
from src.workloads.inference.inference_settings import InferenceConfig
from src.workloads.training.training_settings import TrainingParts


def training_parts(config: Config) -> TrainingParts:
    """What `training` and `inference` are made of; raises ConfigError where a group is missing."""
    groups = {name: getattr(config, name) for name in ("framework", "model", "dataset", "training")}
    missing = [name for name, group in groups.items() if group is None]
    if missing:
        raise ConfigError(f"workload={config.workload.kind} needs {', '.join(missing)}; name an option of each")
    return TrainingParts(**groups, hardware=config.hardware)


def inference_settings(config: Config) -> InferenceConfig:
    """How the trained network is used; raises ConfigError where that is missing."""
    if config.inference is None:
        raise ConfigError("workload=inference needs the keys below inference; see conf/workload/inference.yaml")
    return config.inference
