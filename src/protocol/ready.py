"""Everything that can be refused is refused here, before the warm-up rather than after it."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from src.config.schema import Config
from src.config.workload_parts import inference_settings, training_parts
from src.contract.job import Prime, Work
from src.doctor.host import cpu_name, gpu_names, require_gpu
from src.errors import MeterError, SetupError, TrackError
from src.measure.environment import worker_environment
from src.measure.meters.select import Meter, select_meter
from src.paths import ROOT
from src.protocol.machine import burner_name, require_sensors
from src.track import open_store
from src.workloads.command.command_line import prepare_command
from src.workloads.hardware import Device
from src.workloads.inference.prepare_inference import prepare as prepare_inference
from src.workloads.training.prepare_training import prepare as prepare_training

if TYPE_CHECKING:
    from src.track.store import Store

GPU_WARM_UP = "gpu.warmup"
"""Parameter of a run on a GPU: what warmed the GPU up, `none` where nothing did."""
NO_GPU_WARM_UP = (
    "the GPU is not warmed up, as no treatment's environment is known to load it (a command brings none): the first "
    "runs meet a colder GPU than the others"
)
T = TypeVar("T")
Say = Callable[[str], None]


@dataclass(frozen=True)
class Ready:
    """What a treatment's runs need that the configuration only names; `facts` are parameters to file with them."""

    work: Work
    meter: Meter
    facts: Mapping[str, str]

    def environment(self) -> dict[str, str]:
        """What the measured process and its meter see."""
        return worker_environment(os.environ, self.work.job.environment, ROOT)


def make_ready(configs: Sequence[Config], root: Path, here: Path, say: Say) -> list[Ready]:
    """Check environment, device, data, program and meter of each treatment; what they share is looked at once.

    `here` is where joulebench was started; `say` tells what takes long. Raises a JoulebenchError that names the remedy,
    a SetupError all that treatments lack.
    """
    devices = {config.hardware.device for config in configs}
    if Device.cuda in devices:
        require_gpu()
    meters: dict[str, Meter] = {}
    works: dict[str, Work] = {}
    ready, lacking = [], []
    for config in configs:
        meter_key = repr((config.meter, config.hardware.device))
        # First, because it takes a second: a workload may download data or train a network.
        meter = _once(meters, meter_key, lambda config=config: _select_meter(config, say))  # type: ignore[misc]
        require_sensors(config.protocol, meter)
        try:
            work = _once(works, _work_key(config), lambda config=config: prepare_work(config, root, here, say))  # type: ignore[misc]
        except SetupError as error:
            lacking.append(str(error))
            continue
        ready.append(Ready(work, meter, {"hardware.name": _machine(config), **work.facts}))
    if lacking:
        raise SetupError("; ".join(dict.fromkeys(lacking)))
    warms_up = configs[0].protocol.warmup_s > 0
    burner = gpu_burner(ready) if warms_up else None
    if Device.cuda in devices and warms_up and burner is None:
        say(NO_GPU_WARM_UP)
    told = {GPU_WARM_UP: burner_name(burner) if burner else "none"}
    on_gpu = [config.hardware.device is Device.cuda for config in configs]
    return [replace(each, facts={**each.facts, **told}) if on else each for each, on in zip(ready, on_gpu, strict=True)]


def gpu_burner(ready: Sequence[Ready]) -> Prime | None:
    """What can load the GPU in the warm-up: the first treatment's that knows how to."""
    return next((each.work.burner for each in ready if each.work.burner), None)


def prepare_work(config: Config, root: Path, here: Path, say: Say) -> Work:
    """The workload that the configuration names, prepared."""
    prepare = {
        "training": lambda: prepare_training(training_parts(config), root, config.track.weights_max_mb),
        "inference": lambda: prepare_inference(training_parts(config), inference_settings(config), root, say),
        "command": lambda: prepare_command(
            config.workload, worker_environment(os.environ, {}, root), config.hardware.affinity, here
        ),
    }
    return prepare[config.workload.kind]()


def ready_store(config: Config) -> Store:
    """The store, asked whether runs can be filed in the experiment; raises SetupError where they cannot."""
    try:
        store = open_store(config.tracking_uri)
        store.check(config.experiment)
    except TrackError as error:
        raise SetupError(str(error)) from error
    return store


def _once(made: dict[str, T], key: str, make: Callable[[], T]) -> T:
    if key not in made:
        made[key] = make()
    return made[key]


def _work_key(config: Config) -> str:
    """Every part of the configuration that a workload may read."""
    parts = (config.workload, config.framework, config.model, config.dataset, config.training, config.inference)
    return repr((*parts, config.hardware))


def _machine(config: Config) -> str:
    on_gpu = config.hardware.device is Device.cuda
    return config.hardware.name or (gpu_names()[0] if on_gpu else cpu_name())


def _select_meter(config: Config, say: Say) -> Meter:
    """The meter and those beside it, tried out; one that does not work before the sweep is a matter of setting up."""
    try:
        meter = select_meter(config.meter, gpu=config.hardware.device is Device.cuda)
    except MeterError as error:
        raise SetupError(f"meter={config.meter.name}: {error}") from error
    for other in meter.also:
        say(f"beside it, to be compared: {other.description}")
    return meter
