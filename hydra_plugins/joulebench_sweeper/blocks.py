"""Hydra's way into the study: `-m` expands treatments, composes them all, and hands the plan to `src.protocol`."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from hydra.core.config_store import ConfigStore
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.experimental.callback import Callback
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf, read_write

from src.config.command_words import as_typed
from src.config.complaints import refuse_group_lists
from src.config.compose import Composer
from src.config.schema import PRECISION
from src.contract.plan_file import Treatment
from src.errors import ConfigError
from src.plan.sweep_plan import SweepPlan, make_plan, unique_name
from src.plan.treatments import expand

GROUP = "experiment"
SUBDIR = "."
LAUNCHER = "basic"
CLUSTERS = ("submitit_slurm", "submitit_local")
TARGET = {"_target_": "hydra_plugins.joulebench_sweeper.blocks.BlockSweeper", "params": {}}
ConfigStore.instance().store(group="hydra/sweeper", name="blocks", node=TARGET, provider="joulebench")


class BlockSweeper(Sweeper):
    """Runs every treatment once in each of `protocol.iterations` blocks.

    `params` are keys and what to go over, as those of Hydra's own sweeper; the command line overrules them.
    """

    config: DictConfig
    hydra_context: HydraContext

    def __init__(self, params: Mapping[str, Any] | None = None) -> None:
        self.params = params or {}

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:  # noqa: ARG002
        """Hydra's hook: remember the context. The basic launcher starts one share, which is a call from here."""
        self.config, self.hydra_context = config, hydra_context

    def sweep(self, arguments: list[str]) -> Any:
        """Hydra's hook: plan all runs of the command line, then measure them, here or on a cluster."""
        from src.protocol.announce import announce  # loads what `--help` and tab completion do not need

        sys.argv[1:] = as_typed(sys.argv[1:])
        plan = self.plan(as_typed(arguments))
        chosen = self.config.hydra.runtime.choices["hydra/launcher"]
        _refuse_alone(plan, chosen)
        display = announce(plan)
        from src.protocol.cluster import Cluster  # load what takes seconds
        from src.protocol.sweeps import measure_sweeps

        settings = OmegaConf.to_container(self.config.hydra.launcher, resolve=True)
        cluster = None if chosen == LAUNCHER else Cluster.of(chosen, settings)  # type: ignore[arg-type]
        return measure_sweeps(plan, Path(self.config.hydra.sweep.dir), cluster, display)

    def plan(self, arguments: Sequence[str]) -> SweepPlan:
        """Expand, compose and check every treatment; raises ConfigError before anything is written."""
        _refuse_other_folders(self.config)
        _refuse_other_launchers(self.config)
        loader = self.hydra_context.config_loader
        overrides = OverridesParser.create(config_loader=loader).parse_overrides(list(arguments))
        refuse_group_lists(overrides)
        treatments = self._expanded(overrides)
        composer = Composer(loader, self.config)
        return make_plan(unique_name(), treatments, [composer.compose(each.overrides) for each in treatments])

    def _expanded(self, overrides: Sequence[Override]) -> list[Treatment]:
        """The treatments; each of several files of `conf/experiment/` goes over what it says itself."""
        loader = self.hydra_context.config_loader
        parser = OverridesParser.create(config_loader=loader)
        several = next((each for each in overrides if each.key_or_group == GROUP and each.is_sweep_override()), None)
        if several is None:
            return expand([*parser.parse_overrides(_words(self.params)), *overrides])
        found: list[Treatment] = []
        for option in several.sweep_string_iterator():
            word = f"{several.get_key_element()}={option}"
            params = loader.load_sweep_config(self.config, [word]).hydra.sweeper.params
            own = parser.parse_overrides([*_words(params), word])
            treatments = expand([*own, *(each for each in overrides if each is not several)])
            found += [replace(each, factors={GROUP: option, **each.factors}) for each in treatments]
        return found


def _words(params: Mapping[str, Any]) -> list[str]:
    return [f"{key}={value}" for key, value in params.items()]


class NoFolder(Callback):
    """Keeps Hydra from making a run's folder before anything could be refused: the plan makes it, as with `-m`."""

    def on_run_start(self, config: DictConfig, **kwargs: Any) -> None:  # noqa: ARG002
        """Hydra's hook, before it makes `hydra.run.dir`, which `main` then finds as `hydra.sweep.dir`.

        Where Hydra itself keeps a log there, it has to make the folder.
        """
        handlers = OmegaConf.select(config, "hydra.job_logging.handlers") or {}
        keeps_log = any("filename" in handler for handler in handlers.values())
        with read_write(config.hydra):
            config.hydra.sweep.dir = config.hydra.run.dir
            config.hydra.run.dir = config.hydra.run.dir if keeps_log else "."


def _refuse_other_folders(config: DictConfig) -> None:
    subdir = OmegaConf.to_container(config.hydra.sweep, resolve=False)["subdir"]  # type: ignore[index,call-overload]
    if subdir != SUBDIR:
        raise ConfigError(f"hydra.sweep.subdir={subdir}: each run needs its own folder; choose hydra.sweep.dir instead")


def _refuse_other_launchers(config: DictConfig) -> None:
    chosen = config.hydra.runtime.choices["hydra/launcher"]
    if chosen not in (LAUNCHER, *CLUSTERS):
        raise ConfigError(
            f"hydra/launcher={chosen}: it starts runs side by side, which spoil each other's energy; leave "
            f"hydra/launcher out, or give each machine of a cluster its share: hydra/launcher={CLUSTERS[0]}"
        )


def _refuse_alone(plan: SweepPlan, launcher: str) -> None:
    """Raise ConfigError where several machines are asked for and only this one is there, or the other way round."""
    protocol = plan.shared.protocol
    if launcher == LAUNCHER and protocol.machines > 1:
        raise ConfigError(
            f"protocol.machines={protocol.machines}: this machine is one; add hydra/launcher={CLUSTERS[0]} on a "
            f"cluster, or start the same command with protocol.share=1/{protocol.machines} on the first machine, "
            "and so on"
        )
    if launcher != LAUNCHER and (protocol.share or protocol.sweeps > 1 or protocol.stop == PRECISION):
        raise ConfigError(
            f"hydra/launcher={launcher}: it does not go with protocol.share, protocol.sweeps or protocol.stop; leave "
            "them out"
        )
