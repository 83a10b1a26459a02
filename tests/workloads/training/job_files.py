"""A small job with its data, for the worker's tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from src.contract.job import JOB_FILE, Job
from src.workloads.training.training_job import TASK_PHASES, TrainingJob

MLP: list[dict[str, Any]] = [{"kind": "flatten"}, {"kind": "dense", "units": 10, "activation": "softmax"}]


def write_job(folder: Path, trainer: str = "torch.standard", affinity: list[int] | None = None) -> TrainingJob:
    """Write random images and job.json into the folder; the job."""
    generator = np.random.default_rng(0)
    for part, size in (("train", 200), ("test", 50)):
        np.save(folder / f"{part}_images.npy", generator.random((size, 28, 28, 1), np.float32))
        np.save(folder / f"{part}_labels.npy", generator.integers(0, 10, size))
    job = TrainingJob(
        framework="torch",
        packages=["torch"],
        foreign=["jax", "pandas"],
        trainer=trainer,
        layers=MLP,
        train_images=str(folder / "train_images.npy"),
        train_labels=str(folder / "train_labels.npy"),
        test_images=str(folder / "test_images.npy"),
        test_labels=str(folder / "test_labels.npy"),
        train_size=200,
        test_size=50,
        classes=10,
        epochs=2,
        batch_size=16,
        eval_batch_size=20,
        learning_rate=1e-3,
        beta_1=0.9,
        beta_2=0.999,
        epsilon=1e-7,
        seed=0,
        device="cpu",
        threads=1,
        affinity=affinity or [],
    )
    write(folder, job)
    return job


def write(folder: Path, job: TrainingJob) -> Path:
    """The job as job.json in the folder; the file."""
    path = folder / JOB_FILE
    Job(workload="training", program=[], task_phases=list(TASK_PHASES), settings=job.settings()).write(path)
    return path
