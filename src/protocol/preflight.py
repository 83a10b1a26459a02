"""Everything that can be refused is refused here, before the warm-up rather than after it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from src.config.check import check
from src.config.schema import Config, Device
from src.contract.run_files import JOB_FILE
from src.errors import ConfigError, MeterError, SetupError, TrackError
from src.measure.meters.select import Meter, select_meter
from src.protocol.host import cpu_name, gpu_names, require_gpu
from src.track import open_store
from src.workloads.training.data.prepare import Prepared, prepare
from src.workloads.training.interpreter import interpreter

if TYPE_CHECKING:
    from src.track.store import Store

GEMM_SIZE = 768
GEMM_REPEATS = 5


@dataclass(frozen=True)
class Ready:
    """What a run needs that the configuration only names; `facts` are parameters to file with the run."""

    python: Path
    prepared: Prepared
    meter: Meter
    facts: Mapping[str, str]

    def worker(self, folder: Path) -> list[str]:
        """The command that does the job in `folder`."""
        return [str(self.python), "-m", "src.workloads.training.worker", str((folder / JOB_FILE).resolve())]


_already: dict[str, Ready] = {}


def make_ready(config: Config, root: Path) -> Ready:
    """Check the configuration, the environment, the device, the dataset and the meter.

    Raises a JoulebenchError that names the remedy. What was found once is kept for the life of the process, so that
    the runs of a sweep do not probe the meter again.
    """
    check(config)
    parts = (
        config.framework.environment,
        config.framework.requirements,
        config.hardware,
        config.dataset,
        config.meter,
    )
    key = repr(parts)
    if key not in _already:
        _already[key] = _make_ready(config, root)
    _refuse_large_batch(config, _already[key].prepared)
    return _already[key]


def ready_store(config: Config) -> Store:
    """The store, asked whether runs can be filed in the experiment; raises SetupError where they cannot."""
    try:
        store = open_store(config.tracking_uri)
        store.check(config.experiment)
    except TrackError as error:
        raise SetupError(str(error)) from error
    return store


def gemm_gflop_per_s() -> float:
    """The rate of single-precision matrix products here and now, best of a few; takes well under a second."""
    left, right = np.random.default_rng(0).random((2, GEMM_SIZE, GEMM_SIZE), dtype=np.float32)
    times = []
    for _ in range(GEMM_REPEATS):
        begin = time.perf_counter()
        np.matmul(left, right)
        times.append(time.perf_counter() - begin)
    return 2e-9 * GEMM_SIZE**3 / min(times)


def _make_ready(config: Config, root: Path) -> Ready:
    on_gpu = config.hardware.device is Device.cuda
    if on_gpu:
        require_gpu()
    python = interpreter(config, root)
    meter = _select_meter(config, on_gpu)
    prepared = prepare(config.dataset, root)
    facts = {
        "hardware.name": config.hardware.name or (gpu_names()[0] if on_gpu else cpu_name()),
        "dataset.train_size": str(prepared.train_size),
        "dataset.test_size": str(prepared.test_size),
        "dataset.checksum": prepared.checksum,
    }
    return Ready(python, prepared, meter, facts)


def _select_meter(config: Config, on_gpu: bool) -> Meter:
    """The meter, tried out; one that does not work before anything was measured is a matter of setting up."""
    try:
        return select_meter(config.meter, gpu=on_gpu)
    except MeterError as error:
        raise SetupError(f"meter={config.meter.name}: {error}") from error


def _refuse_large_batch(config: Config, prepared: Prepared) -> None:
    if config.training.batch_size > prepared.train_size:
        raise ConfigError(
            f"training.batch_size={config.training.batch_size}: {config.dataset.name} has only "
            f"{prepared.train_size} training images; take a smaller batch"
        )
