"""What a measured process is to classify: the settings of its job.json."""

from __future__ import annotations

from dataclasses import dataclass

from src.workloads.training.training_job import NetworkJob

TASK_PHASES = ("infer",)
"""A service loads once and answers for long: what is compared is answering. The other phases are measured beside it."""


@dataclass(frozen=True, kw_only=True)
class InferenceJob(NetworkJob):
    """Classify the test images `passes` times, `batch_size` at once, with the weights in the file `weights`."""

    weights: str
    passes: int
    batch_size: int
