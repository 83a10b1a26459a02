"""Measure runs: `python -m src.main framework=torch`, and with `-m` a whole study.

A run without `-m` is a sweep of one. With it, Hydra's sweeper (`hydra_plugins`) plans all runs of the command line.
"""

from __future__ import annotations

from pathlib import Path

from src import stops

if __name__ == "__main__":
    stops.heed()  # what follows takes a second

import hydra
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from src.cli import command_line
from src.config.schema import typed
from src.contract.plan_file import Treatment
from src.plan.sweep_plan import make_plan, unique_name


def main() -> None:
    """Measure what the command line says; raises a JoulebenchError when it could not be measured."""
    alone: list[tuple[DictConfig, Treatment, Path]] = []  # stays empty with -m, and where Hydra only shows something

    @hydra.main(version_base="1.3", config_path="../conf", config_name="config")
    def compose(cfg: DictConfig) -> None:
        made = HydraConfig.get()
        alone.append((cfg, Treatment("", tuple(made.overrides.task)), Path(made.sweep.dir)))

    compose()
    for cfg, treatment, folder in alone:  # outside of Hydra, which puts a line of its own before every error
        from src.protocol.sweeps import measure_sweeps  # loads MLflow, which `--cfg` and tab completion do not need

        measure_sweeps(make_plan(unique_name(), [treatment], [typed(cfg)], iterations=1), folder)


if __name__ == "__main__":
    stops.leave(command_line(main))
