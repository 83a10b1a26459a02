"""What types cannot say: values that make no sense, and layers that do not fit, refused before anything happens."""

from __future__ import annotations

import dataclasses
import functools
import os
import re
from collections.abc import Callable
from typing import Any

from src.analysis.settings import check as check_analysis
from src.config.finite import refuse_infinite
from src.config.schema import Config, LayerConfig, usable_cpus
from src.errors import ConfigError
from src.paths import ROOT
from src.workloads.training import network
from src.workloads.training.data.dataset import check as check_dataset

INTERVAL_MS = (10, 10_000)
"""No meter keeps up with shorter ones, and longer ones leave nothing to see of a run's phases."""


@dataclasses.dataclass(frozen=True)
class Rule:
    """A condition on one key's value, and how to say what is wanted."""

    key: str
    holds: Callable[[Any], bool]
    wanted: str


def _at_least(key: str, least: float) -> Rule:
    return Rule(key, lambda value: value >= least, f"at least {least}")


def _share(key: str) -> Rule:
    return Rule(key, lambda value: 0 <= value < 1, "at least 0 and below 1")


def _unique(key: str) -> Rule:
    return Rule(key, lambda values: len(set(values)) == len(values), "a list that names nothing twice")


def _above_zero(key: str) -> Rule:
    return Rule(key, lambda value: value > 0, "above 0")


RULES = (
    Rule("experiment", lambda value: bool(value.strip()) and "/" not in value, "a name without '/'"),
    Rule("framework.name", lambda value: bool(value.strip()), "a name"),
    _at_least("training.epochs", 1),
    _at_least("training.batch_size", 1),
    _at_least("training.eval_batch_size", 1),
    _above_zero("training.learning_rate"),
    _share("training.beta_1"),
    _share("training.beta_2"),
    _above_zero("training.epsilon"),
    _at_least("training.seed", 0),
    _at_least("protocol.iterations", 1),
    _at_least("protocol.warmup_s", 0),
    _at_least("protocol.baseline_s", 0),
    _at_least("protocol.idle_s", 0),
    _at_least("protocol.retries", 0),
    _above_zero("protocol.timeout_s"),
    _at_least("hardware.threads", 1),
    _share("hardware.max_background_load"),
    _unique("hardware.affinity"),
    Rule("meter.interval_ms", lambda value: INTERVAL_MS[0] <= value <= INTERVAL_MS[1], "{} to {}".format(*INTERVAL_MS)),
    _unique("meter.columns"),
    _above_zero("meter.busy_w"),
    _at_least("meter.idle_w", 0),
)


def check(config: Config) -> None:
    """Raise ConfigError, naming the key and the remedy, for the first thing that cannot be run."""
    refuse_infinite(config)
    for rule in RULES:
        value = _value(config, rule.key)
        if not rule.holds(value):
            raise ConfigError(f"{rule.key}={value}: must be {rule.wanted}")
    check_dataset(config.dataset)
    check_analysis(config.analysis)
    _check_trainer(config.framework.trainer)
    _check_cpus(config)
    _check_network(config)
    _check_sizes(config)


def layer_values(layer: LayerConfig) -> dict[str, Any]:
    """A layer's own keys, without those that its kind does not use."""
    return {key: value for key, value in dataclasses.asdict(layer).items() if value is not None}


def _value(config: Config, key: str) -> Any:
    value: Any = config
    for name in key.split("."):
        value = getattr(value, name)
    return value


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
    present = os.cpu_count() or 1
    outside = [cpu for cpu in config.hardware.affinity if not 0 <= cpu < present]
    if outside:
        raise ConfigError(f"hardware.affinity={config.hardware.affinity}: this machine has CPUs 0 to {present - 1}")
    usable = len(config.hardware.affinity) or usable_cpus()
    if config.hardware.threads > usable:
        raise ConfigError(
            f"hardware.threads={config.hardware.threads}: only {usable} CPUs may be used; take at most that many"
        )


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
