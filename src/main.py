"""Measure runs: `python -m src.main framework=torch`, and with `-m` a whole study.

A run without `-m` is a sweep of one. With it, Hydra's sweeper (`hydra_plugins`) plans all runs of the command line.
"""

from __future__ import annotations

import sys
from contextlib import suppress
from pathlib import Path

import hydra
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from src.cli import command_line
from src.config.schema import typed
from src.contract.plan_file import Treatment
from src.plan.sweep_plan import make_plan, unique_name


@hydra.main(version_base="1.3", config_path="../conf", config_name="config")
def main(cfg: DictConfig) -> None:
    """Measure one run and file it; raises a JoulebenchError when it could not be measured."""
    from src.protocol.sweep import measure_sweep  # loads MLflow, which `--cfg` and tab completion do not need

    made = HydraConfig.get()
    folder = Path(made.runtime.output_dir)
    treatment = Treatment("", tuple(made.overrides.task))
    try:
        measure_sweep(make_plan(unique_name(), [treatment], [typed(cfg)], iterations=1), folder)
    finally:
        _remove_empty(folder)


def _remove_empty(folder: Path) -> None:
    """Take away the folders that Hydra made before anything could be refused."""
    with suppress(OSError):  # they hold something
        folder.rmdir()
        if folder.parent.parent.name == "outputs":
            folder.parent.rmdir()


if __name__ == "__main__":
    sys.exit(command_line(main))
