"""Measure runs: `python -m src.main framework=torch`, and with `-m` a whole study.

One call of `main` is the way of one run, from the composed configuration to MLflow. With `-m`, Hydra's sweeper
(`hydra_plugins`) plans all runs first and calls it once for each.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import hydra
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf

from src.cli import command_line
from src.config.schema import Config, typed
from src.contract.record import RunRecord
from src.contract.run_files import JOB_FILE
from src.errors import MeterError, RunError
from src.measure.environment import worker_environment
from src.measure.run import measure
from src.paths import ROOT
from src.protocol.alone import begin_alone, end_alone
from src.protocol.filing import Filing, refuse_used
from src.protocol.preflight import make_ready, ready_store
from src.workloads.training.job import build_job


@hydra.main(version_base="1.3", config_path="../conf", config_name="config")
def main(cfg: DictConfig) -> RunRecord:
    """Measure one run, file it, and return its record; raises a JoulebenchError when it could not be measured."""
    config = typed(cfg)
    folder = Path(HydraConfig.get().runtime.output_dir)
    refuse_used(folder)
    ready = make_ready(config, ROOT)
    alone = not config.run.sweep
    if alone:
        config = begin_alone(config, ready, folder)

    OmegaConf.save(cfg, folder / "config.yaml", resolve=True)
    build_job(config, ready.prepared).write(folder / JOB_FILE)
    environment = worker_environment(os.environ, config.framework.env, ROOT)
    filing = Filing(config, folder, ready, environment)
    try:
        measured = measure(ready.meter, ready.worker(folder), folder, environment, config.protocol.timeout_s)
    except (MeterError, RunError) as error:
        filing.failed(error)
        raise
    record = filing.finished(measured)
    if alone:
        end_alone(record)
    return record


def check(config: Config) -> None:
    """Everything that a single run needs, before Hydra makes a folder for it."""
    make_ready(config, ROOT)
    ready_store(config)


if __name__ == "__main__":
    sys.exit(command_line(main, check))
