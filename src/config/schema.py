"""The typed configuration: one dataclass per group of `conf/`, in the order a run uses them.

Hydra checks every key and type against these before anything else happens; what types cannot say is in
`src.config.check`. A default stands here only where it is honest for everybody; all others stand in `conf/`.
"""

from __future__ import annotations

import dataclasses
import os
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from hydra.core.config_store import ConfigStore
from omegaconf import MISSING, DictConfig, OmegaConf
from omegaconf.errors import ConfigKeyError

from src.analysis.settings import AnalysisConfig
from src.workloads.hardware import Device as Device
from src.workloads.hardware import HardwareConfig as HardwareConfig
from src.workloads.training.data.dataset import DatasetConfig
from src.workloads.training.settings import FrameworkConfig as FrameworkConfig
from src.workloads.training.settings import LayerConfig as LayerConfig
from src.workloads.training.settings import ModelConfig as ModelConfig
from src.workloads.training.settings import TrainingConfig as TrainingConfig


class Order(StrEnum):
    """How the treatments are ordered within a block."""

    shuffled = "shuffled"
    balanced = "balanced"
    fixed = "fixed"


@dataclass
class ProtocolConfig:
    """How a sweep measures."""

    name: str = MISSING
    # Blocks; each holds every treatment once.
    iterations: int = MISSING
    order: Order = MISSING
    # Decides the order within the blocks.
    seed: int = MISSING
    # Full load on all cores, once before the first run.
    warmup_s: float = MISSING
    # Measured rest before the warm-up; gives idle_power_w and energy_net_j. 0 leaves it out.
    baseline_s: float = MISSING
    # Rest between two runs.
    idle_s: float = MISSING
    # How often a failed run is tried again at the end of its block.
    retries: int = MISSING
    # A run that takes longer is ended and counts as failed.
    timeout_s: float = MISSING


@dataclass
class MeterConfig:
    """What measures, and how often."""

    name: str = MISSING
    # EnergiBridge's program; null looks for `energibridge` on the PATH.
    binary: str | None = None
    interval_ms: int = MISSING
    # The energy columns to add up; empty recognises them. Parts of a named package are told, but not added.
    columns: list[str] = field(default_factory=list)
    # The recorded CSV that `replay` serves.
    recording: str | None = None
    # The power model of `estimate`, in W for each logical CPU: P = idle_w + (busy_w - idle_w) × its load.
    idle_w: float = MISSING
    busy_w: float = MISSING
    power_model_source: str = MISSING


@dataclass
class RunConfig:
    """This run's place in its sweep; the sweeper fills it in."""

    sweep: str = ""
    # MLflow's run of the sweep.
    parent: str = ""
    treatment: str = ""
    iteration: int = 0
    position: int = 0
    sequence: int = 0
    attempt: int = 0
    # The run's folder below hydra.sweep.dir.
    folder: str = ""
    # Of the idle machine, measured before the first run.
    idle_power_w: float | None = None
    # Share of all CPUs that other programs used before the first run.
    background_load: float = 0.0


@dataclass
class Config:
    """The whole configuration of one run."""

    # MLflow's experiment.
    experiment: str = MISSING
    # MLflow's store; null takes MLFLOW_TRACKING_URI or MLflow's own default.
    tracking_uri: str | None = None
    framework: FrameworkConfig = MISSING
    model: ModelConfig = MISSING
    dataset: DatasetConfig = MISSING
    training: TrainingConfig = MISSING
    protocol: ProtocolConfig = MISSING
    hardware: HardwareConfig = MISSING
    meter: MeterConfig = MISSING
    analysis: AnalysisConfig = MISSING
    run: RunConfig = field(default_factory=RunConfig)


def usable_cpus() -> int:
    """How many CPUs this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def register() -> None:
    """Make the schema and the `usable_cpus` resolver known to Hydra; may be called again."""
    OmegaConf.register_new_resolver("usable_cpus", usable_cpus, replace=True)
    ConfigStore.instance().store(name="schema", node=Config)


def typed(cfg: DictConfig) -> Config:
    """The composed configuration as dataclasses, every interpolation resolved.

    Raises OmegaConf's own errors for keys that were added with `+` and for values that are missing.
    """
    _refuse_additions(cfg, Config, "")
    nodes = {f.name: cfg[f.name] for f in dataclasses.fields(Config)}
    values: dict[str, Any] = {k: OmegaConf.to_object(n) if OmegaConf.is_config(n) else n for k, n in nodes.items()}
    return Config(**values)


def _refuse_additions(node: DictConfig, schema: type, prefix: str) -> None:
    """Raise ConfigKeyError for a key that the schema lacks; `+key=value` gets past OmegaConf's own check."""
    known = {f.name for f in dataclasses.fields(schema)}
    for key in map(str, node):
        if key not in known:
            error = ConfigKeyError(f"Key '{key}' not in '{schema.__name__}'")
            error.full_key = prefix + key
            raise error
        child = node._get_node(key)
        kind = OmegaConf.get_type(child) if isinstance(child, DictConfig) else None
        if isinstance(child, DictConfig) and kind is not None and dataclasses.is_dataclass(kind):
            _refuse_additions(child, kind, f"{prefix}{key}.")
