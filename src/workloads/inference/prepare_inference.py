"""Inference as a workload: what must be there before a run, and the job that one run is."""

from __future__ import annotations

import dataclasses
import logging
import math
from pathlib import Path

from src.contract.job import Job, Work
from src.workloads.inference.inference_job import TASK_PHASES, InferenceJob
from src.workloads.inference.inference_settings import InferenceConfig, check
from src.workloads.inference.trained_weights import Say, trained_weights
from src.workloads.training.data.prepared import Prepared
from src.workloads.training.data.prepared import prepare as prepare_dataset
from src.workloads.training.frameworks import foreign_packages
from src.workloads.training.interpreter import interpreter
from src.workloads.training.network import inference_flop
from src.workloads.training.prepare_training import START_UP_S, computing_s, dataset_facts, gpu_burner, import_prime
from src.workloads.training.training_settings import TrainingParts

log = logging.getLogger(__name__)

NAME = "inference"
PER_BATCH_S = 0.4e-3
"""What a request costs beside its floating-point work; seen between 0.1 and 0.6 ms."""


def prepare(parts: TrainingParts, inference: InferenceConfig, root: Path, say: Say = log.info) -> Work:
    """See to the interpreter, the data and the weights, and give back the job; a GPU is the caller's to check.

    `parts.framework` classifies, `inference.weights_from` trains the weights where there are none yet: `say` is told
    then, because it takes as long as a training. Raises SetupError, DatasetError or ConfigError, each with the remedy.
    """
    check(inference)
    python = interpreter(parts.framework, parts.hardware.device, root)
    prepared = prepare_dataset(parts.dataset, root)
    teacher = dataclasses.replace(parts, framework=inference.weights_from)
    weights, checksum = trained_weights(teacher, prepared, root, say)
    burner = gpu_burner(python, parts.framework, parts.hardware.device)
    settings = _inference_job(parts, inference, prepared, weights)
    return Work(
        job=Job(
            workload=NAME,
            program=[str(python), "-m", "src.workloads.inference.worker"],
            task_phases=list(TASK_PHASES),
            environment=dict(parts.framework.env),
            settings=settings.settings(),
        ),
        facts={**dataset_facts(prepared), "weights.checksum": checksum},
        expected_s=START_UP_S + _classifying_s(settings, prepared),
        primes=(import_prime(python, parts.framework), *([burner] if burner else [])),
        burner=burner,
    )


def _inference_job(parts: TrainingParts, inference: InferenceConfig, prepared: Prepared, weights: Path) -> InferenceJob:
    return InferenceJob(
        framework=parts.framework.name,
        packages=list(parts.framework.packages),
        foreign=foreign_packages(parts.framework.packages),
        trainer=parts.framework.trainer,
        layers=parts.layers,
        test_images=str(prepared.test_images),
        test_labels=str(prepared.test_labels),
        test_size=prepared.test_size,
        classes=parts.dataset.classes,
        device=parts.hardware.device.value,
        threads=parts.hardware.threads,
        affinity=list(parts.hardware.affinity),
        weights=str(weights),
        passes=inference.passes,
        batch_size=inference.batch_size,
    )


def _classifying_s(job: InferenceJob, prepared: Prepared) -> float:
    work_gflop = inference_flop(job.layers, prepared.image_shape) * 1e-9 * job.test_size * job.passes
    return computing_s(work_gflop) + PER_BATCH_S * math.ceil(job.test_size / job.batch_size) * job.passes
