"""How a measured process ends: with its outcome, in a process that loaded nothing foreign."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from src.contract.metrics import Metric
from src.contract.outcome import Outcome
from src.workloads.training.trainer import Trainer
from src.workloads.training.training_job import NetworkJob
from src.workloads.training.worker.foreign import refuse_foreign_modules
from src.workloads.training.worker.process import peak_memory_bytes

PEAK_MEMORY = Metric("peak_memory_bytes", "B", "Peak memory", "lower")
PARAMETER_COUNT = Metric("parameter_count", "1", "Parameters")


def finish(
    trainer: Trainer,
    job: NetworkJob,
    weights: Sequence[NDArray[np.float32]],
    affinity: list[int],
    results: Mapping[Metric, float],
) -> Outcome:
    """The results, what every network tells beside them, and the facts that the workload checks.

    Raises ForeignModuleError: frameworks import on demand, and what they loaded since they began was measured with
    them.
    """
    refuse_foreign_modules(job.packages, job.foreign)
    every = {
        **results,
        PEAK_MEMORY: float(peak_memory_bytes()),
        PARAMETER_COUNT: float(sum(weight.size for weight in weights)),
    }
    versions, device = trainer.describe(job)
    return Outcome(
        values={metric.name: value for metric, value in every.items()},
        metrics={metric.name: metric for metric in every},
        facts={
            "framework": job.framework,
            "device": device,
            "threads": job.threads,
            "affinity": affinity,
            "versions": versions,
            "shapes": [list(weight.shape) for weight in weights],
        },
    )
