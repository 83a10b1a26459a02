"""Training as a workload: what must be there before a run, and the job that one run is."""

from __future__ import annotations

import dataclasses
import functools
import time
from pathlib import Path

import numpy as np

from src.contract.job import Job, Prime, Work
from src.contract.record import WEIGHTS_FILE
from src.errors import ConfigError
from src.workloads.hardware import Device
from src.workloads.training.data.prepared import Prepared
from src.workloads.training.data.prepared import prepare as prepare_dataset
from src.workloads.training.frameworks import foreign_packages
from src.workloads.training.interpreter import interpreter
from src.workloads.training.network import training_flop, weights_mb
from src.workloads.training.training_job import TASK_PHASES, TrainingJob
from src.workloads.training.training_settings import FrameworkConfig, TrainingParts
from src.workloads.training.worker import burn_device

NAME = "training"
START_UP_S = 8.0
"""Importing, building and ending a run; seen between 3 and 12 s."""
SUSTAINED_SHARE = 0.6
"""What the frameworks reach of a machine's matrix-product rate; seen between 0.35 and 0.97."""
GEMM_SIZE = 768
GEMM_REPEATS = 5


def prepare(parts: TrainingParts, root: Path, weights_max_mb: float = 0.0) -> Work:
    """See to the interpreter and the data, and give back the job; whether there is a GPU is the caller's to check.

    The trained weights are kept beside the run's other files where they take at most `weights_max_mb` megabytes.
    Raises SetupError, DatasetError or ConfigError, each with the remedy.
    """
    python = interpreter(parts.framework, parts.hardware.device, root)
    prepared = prepare_dataset(parts.dataset, root)
    settings = training_job(parts, prepared)
    burner = gpu_burner(python, parts.framework, parts.hardware.device)
    if weights_mb(settings.layers, prepared.image_shape) <= weights_max_mb:
        settings = dataclasses.replace(settings, trained_weights=WEIGHTS_FILE)
    work_gflop = training_flop(settings.layers, prepared.image_shape) * 1e-9 * settings.train_size * settings.epochs
    return Work(
        job=Job(
            workload=NAME,
            program=[str(python), "-m", "src.workloads.training.worker"],
            task_phases=list(TASK_PHASES),
            environment=dict(parts.framework.env),
            settings=settings.settings(),
        ),
        facts=dataset_facts(prepared),
        expected_s=START_UP_S + computing_s(work_gflop),
        primes=(import_prime(python, parts.framework), *([burner] if burner else [])),
        burner=burner,
    )


def training_job(parts: TrainingParts, prepared: Prepared) -> TrainingJob:
    """Everything the worker needs, in plain values; raises ConfigError where the images make no batch."""
    training, hardware = parts.training, parts.hardware
    if training.batch_size > prepared.train_size:
        raise ConfigError(
            f"training.batch_size={training.batch_size}: {parts.dataset.name} has only "
            f"{prepared.train_size} training images; take a smaller batch"
        )
    return TrainingJob(
        framework=parts.framework.name,
        packages=list(parts.framework.packages),
        foreign=foreign_packages(parts.framework.packages),
        trainer=parts.framework.trainer,
        layers=parts.layers,
        train_images=str(prepared.train_images),
        train_labels=str(prepared.train_labels),
        test_images=str(prepared.test_images),
        test_labels=str(prepared.test_labels),
        train_size=prepared.train_size,
        test_size=prepared.test_size,
        classes=parts.dataset.classes,
        epochs=training.epochs,
        batch_size=training.batch_size,
        eval_batch_size=training.eval_batch_size,
        learning_rate=training.learning_rate,
        beta_1=training.beta_1,
        beta_2=training.beta_2,
        epsilon=training.epsilon,
        seed=training.seed,
        device=hardware.device.value,
        threads=hardware.threads,
        affinity=list(hardware.affinity),
    )


def dataset_facts(prepared: Prepared) -> dict[str, str]:
    """What the configuration leaves open about the data."""
    return {
        "dataset.train_size": str(prepared.train_size),
        "dataset.test_size": str(prepared.test_size),
        "dataset.checksum": prepared.checksum,
    }


def import_prime(python: Path, framework: FrameworkConfig) -> Prime:
    """Import the framework once.

    Its first start reads hundreds of megabytes from disk, later ones find them in memory: without this, the first block
    would be slower than all others.
    """
    return Prime(
        command=(str(python), "-c", f"import src.workloads.training.trainers.{framework.trainer}"),
        environment=tuple(framework.env.items()),
        remedy=(
            f"framework={framework.name}: its environment cannot load it; remove .venvs/{framework.environment} and "
            f"run `make setup ENVS={framework.environment}`"
        ),
    )


def gpu_burner(python: Path, framework: FrameworkConfig, device: Device) -> Prime | None:
    """What keeps the GPU busy in the warm-up, with the framework's own library; None on a CPU, or where none is known.

    As a prime it tells before the warm-up whether the environment can compute on the GPU.
    """
    known = [package for package in framework.packages if package in burn_device.BURNERS]
    if device is not Device.cuda or not known:
        return None
    return Prime(
        command=(str(python), "-m", burn_device.__name__, known[0], device.value),
        environment=tuple(framework.env.items()),
        remedy=(
            f"hardware=cuda: the environment .venvs/{framework.environment} cannot compute on the GPU; see that "
            "`nvidia-smi` lists it and that its driver is new enough for the build, or measure with hardware=cpu"
        ),
    )


def computing_s(work_gflop: float) -> float:
    """A first guess at the time of floating-point work, at the rate that this machine reached."""
    return work_gflop / (SUSTAINED_SHARE * gemm_gflop_per_s())


@functools.cache
def gemm_gflop_per_s() -> float:
    """The rate of single-precision matrix products, best of a few, measured once a process in well under a second."""
    left, right = np.random.default_rng(0).random((2, GEMM_SIZE, GEMM_SIZE), dtype=np.float32)
    times = []
    for _ in range(GEMM_REPEATS):
        begin = time.perf_counter()
        np.matmul(left, right)
        times.append(time.perf_counter() - begin)
    return 2e-9 * GEMM_SIZE**3 / min(times)
