"""Hydra's way into the study: `-m` expands treatments, composes them all, and hands the plan to `src.protocol`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

from hydra.core.config_loader import ConfigLoader
from hydra.core.config_store import ConfigStore
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.plugins import Plugins
from hydra.core.utils import JobReturn
from hydra.plugins.launcher import Launcher
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig

from src.config.compose import SweepLoader, compose_all
from src.errors import ConfigError
from src.plan.sweep_plan import SweepPlan, make_plan, unique_name
from src.plan.treatments import expand

RUN_FOLDER = "${run.folder}"
TARGET = {"_target_": "hydra_plugins.joulebench_sweeper.blocks.BlockSweeper"}
ConfigStore.instance().store(group="hydra/sweeper", name="blocks", node=TARGET, provider="joulebench")


class BlockSweeper(Sweeper):
    """Runs every treatment once in each of `protocol.iterations` blocks."""

    config: DictConfig
    hydra_context: HydraContext
    launcher: Launcher

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        """Hydra's hook: remember the context and make the launcher."""
        loader = cast(ConfigLoader, SweepLoader(hydra_context.config_loader))
        self.config, self.hydra_context = config, HydraContext(config_loader=loader, callbacks=hydra_context.callbacks)
        self.launcher = Plugins.instance().instantiate_launcher(
            hydra_context=self.hydra_context, task_function=task_function, config=config
        )

    def sweep(self, arguments: list[str]) -> Any:
        """Hydra's hook: plan all runs of the command line, then conduct them."""
        from src.protocol.conduct import (
            conduct,
        )  # loads MLflow, which `--help` and tab completion do not need

        return conduct(self.plan(arguments), Path(self.config.hydra.sweep.dir), self._launch)

    def plan(self, arguments: Sequence[str]) -> SweepPlan:
        """Expand, compose and check every treatment; raises ConfigError before anything is written."""
        _refuse_other_folders(self.config)
        parser = OverridesParser.create(config_loader=self.hydra_context.config_loader)
        treatments = expand(parser.parse_overrides(list(arguments)))
        configs = compose_all(self.hydra_context.config_loader, self.config, treatments)
        return make_plan(unique_name(), treatments, configs)

    def _launch(self, overrides: Sequence[str], number: int) -> JobReturn:
        return self.launcher.launch([list(overrides)], initial_job_idx=number)[0]


def _refuse_other_folders(config: DictConfig) -> None:
    subdir = config.hydra.sweep._get_node("subdir")._value()
    if subdir != RUN_FOLDER:
        raise ConfigError(f"hydra.sweep.subdir={subdir}: each run needs its own folder; choose hydra.sweep.dir instead")
