"""Values that break a rule at their field, or do not go together, refused before anything happens."""

from __future__ import annotations

import dataclasses
import functools
import os
import re
from typing import Any

from src.analysis.settings import check as check_analysis
from src.config.schema import Config, LayerConfig, allowed_cpus
from src.errors import ConfigError
from src.paths import ROOT
from src.rules import check_fields
from src.workloads.training import network
from src.workloads.training.data.dataset import check as check_dataset


def check(config: Config) -> None:
    """Raise ConfigError, naming the key and the remedy, for the first thing that cannot be run."""
    check_dataset(config.dataset)
    check_analysis(config.analysis)
    check_fields(config)
    _check_trainer(config.framework.trainer)
    _check_cpus(config)
    _check_network(config)
    _check_sizes(config)


def layer_values(layer: LayerConfig) -> dict[str, Any]:
    """A layer's own keys, without those that its kind does not use."""
    return {key: value for key, value in dataclasses.asdict(layer).items() if value is not None}


@functools.cache
def _trainers() -> tuple[str, ...]:
    """The modules that offer `train`, found without importing any: each needs its own environment."""
    files = (ROOT / "src" / "workloads" / "training" / "trainers").glob("*/*.py")
    return tuple(
        sorted(
            f"{f.parent.name}.{f.stem}"
            for f in files
            if re.search(r'"train"|^def train\(', f.read_text("utf-8"), re.MULTILINE)
        )
    )


def _check_trainer(name: str) -> None:
    if name not in _trainers():
        raise ConfigError(f"framework.trainer={name}: no such trainer; choose from {', '.join(_trainers())}")


def _check_cpus(config: Config) -> None:
    affinity, threads, allowed = config.hardware.affinity, config.hardware.threads, allowed_cpus()
    present = os.cpu_count() or 1
    if any(not 0 <= cpu < present for cpu in affinity):
        raise ConfigError(f"hardware.affinity={affinity}: this machine has CPUs 0 to {present - 1}")
    if not set(affinity) <= set(allowed):
        raise ConfigError(
            f"hardware.affinity={affinity}: this process may run on the CPUs {', '.join(map(str, allowed))} only; "
            "choose among them, or start it without `taskset` or the container's limit"
        )
    usable = len(affinity or allowed)
    if threads > usable:
        raise ConfigError(f"hardware.threads={threads}: only {usable} CPUs may be used; take at most that many")


def _check_network(config: Config) -> None:
    layers = [layer_values(layer) for layer in config.model.layers]
    try:
        network.check(layers, tuple(config.dataset.image_shape), config.dataset.classes)
    except network.NetworkError as error:
        raise ConfigError(f"model.layers of {config.model.name}: {error}") from error


def _check_sizes(config: Config) -> None:
    train_size = config.dataset.train_size
    if train_size is not None and config.training.batch_size > train_size:
        raise ConfigError(
            f"training.batch_size={config.training.batch_size}: must be at most dataset.train_size={train_size}"
        )
