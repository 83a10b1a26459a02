"""Values that break a rule at their field, or do not go together, refused before anything happens."""

from __future__ import annotations

import functools
import math
import os
import re
from collections.abc import Mapping

from src.analysis.settings import check as check_analysis
from src.config.cpus import allowed_cpus, usable_cpus
from src.config.schema import EXPERIMENT, STEADY, TEMPERATURE, Config, ProtocolConfig
from src.config.workload_parts import training_parts
from src.contract.record import EXPERIMENT_VARIABLE, own_tag_problem
from src.errors import ConfigError
from src.paths import ROOT
from src.rules import check_fields
from src.workloads.command.command_line import KIND as COMMAND
from src.workloads.command.command_line import check_command
from src.workloads.training import network
from src.workloads.training.data.dataset import check as check_dataset
from src.workloads.training.training_settings import TrainingParts

TRAINING = "training"
WORKLOADS = (TRAINING, "inference", COMMAND)


def check(config: Config) -> None:
    """Raise ConfigError, naming the key and the remedy, for the first thing that cannot be run."""
    if config.workload.kind not in WORKLOADS:
        raise ConfigError(f"workload.kind={config.workload.kind}: no such workload; choose from {', '.join(WORKLOADS)}")
    if config.dataset is not None:
        check_dataset(config.dataset)
    check_analysis(config.analysis)
    _check_variable(config.experiment)
    check_fields(config)
    _check_tags(config.track.tags)
    _check_lengths(config.protocol)
    _check_cpus(config)
    if config.workload.kind == COMMAND:
        _refuse_groups(config)
        check_command(config.workload)
    else:
        _check_training(training_parts(config))
    _check_model(config)


def _check_variable(experiment: str) -> None:
    """Raise ConfigError that names the variable, where that is where a wrong name comes from."""
    if not EXPERIMENT.holds(experiment) and experiment == os.environ.get(EXPERIMENT_VARIABLE):
        raise ConfigError(
            f"{EXPERIMENT_VARIABLE}={experiment}: must be {EXPERIMENT.wanted}; change it, or give experiment=NAME"
        )


def _check_tags(tags: Mapping[str, str]) -> None:
    """Raise ConfigError for a tag of the user's that a run cannot bear."""
    for name, value in tags.items():
        if problem := own_tag_problem(name, value):
            raise ConfigError(f"track.tags.{name}: {problem}")


def _check_model(config: Config) -> None:
    """Raise ConfigError where a model is asked for, and the run has no weights to make it from."""
    if not config.track.model:
        return
    if config.workload.kind != TRAINING:
        raise ConfigError(f"track.model=true: workload={config.workload.kind} trains no model; leave it out")
    parts = training_parts(config)
    needed = network.weights_mb(parts.layers, tuple(parts.dataset.image_shape))
    if needed > config.track.weights_max_mb:
        raise ConfigError(
            f"track.model=true: the weights of {parts.model.name} take {needed:.3g} MB; give "
            f"track.weights_max_mb={math.ceil(needed)} or more"
        )


def _check_lengths(protocol: ProtocolConfig) -> None:
    """Raise ConfigError where the least that is asked for is more than the most."""
    if protocol.warmup == STEADY and protocol.warmup_minimum_s > protocol.warmup_s:
        raise ConfigError(
            f"protocol.warmup_minimum_s={protocol.warmup_minimum_s:g}: must be at most protocol.warmup_s="
            f"{protocol.warmup_s:g}, the longest warm-up"
        )
    if protocol.rest == TEMPERATURE and protocol.idle_s == 0:
        raise ConfigError(
            "protocol.idle_s=0: must be above 0 with protocol.rest=temperature, as the first run, whose temperature "
            "the others wait for, begins after such a rest"
        )
    if protocol.rest == TEMPERATURE and protocol.rest_max_s < protocol.idle_s:
        raise ConfigError(
            f"protocol.rest_max_s={protocol.rest_max_s:g}: must be at least protocol.idle_s={protocol.idle_s:g}, the "
            "shortest rest"
        )


def _refuse_groups(config: Config) -> None:
    """Raise ConfigError for a group that a command knows nothing of, so that no run of one bears its values."""
    for group in ("framework", "model", "dataset", "training", "inference"):
        if getattr(config, group) is not None:
            raise ConfigError(f"{group}: workload={COMMAND} has none; leave it out, or choose another workload")


def _check_training(parts: TrainingParts) -> None:
    _check_trainer(parts.framework.trainer)
    _check_network(parts)
    _check_sizes(parts)


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
    if config.workload.kind == COMMAND:
        _check_unheeded_threads(threads)
    elif threads > usable:
        raise ConfigError(f"hardware.threads={threads}: only {usable} CPUs may be used; take at most that many")


def _check_unheeded_threads(threads: int) -> None:
    """Raise ConfigError where somebody asks for what no command can be held to."""
    if threads != usable_cpus():
        raise ConfigError(
            f"hardware.threads={threads}: no command can be held to a number of threads from outside; leave it out, "
            "limit its CPUs with 'hardware.affinity=[0]', or use what it heeds itself, an option or a variable: "
            "+workload.environment.OMP_NUM_THREADS=1"
        )


def _check_network(config: TrainingParts) -> None:
    try:
        network.check(config.layers, tuple(config.dataset.image_shape), config.dataset.classes)
    except network.NetworkError as error:
        raise ConfigError(f"model.layers of {config.model.name}: {error}") from error


def _check_sizes(config: TrainingParts) -> None:
    train_size = config.dataset.train_size
    if train_size is not None and config.training.batch_size > train_size:
        raise ConfigError(
            f"training.batch_size={config.training.batch_size}: must be at most dataset.train_size={train_size}"
        )
