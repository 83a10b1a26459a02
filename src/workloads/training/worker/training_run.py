"""One training from its first phase to its outcome."""

from __future__ import annotations

import dataclasses
import math
import os
import sys
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from src.contract.events import EventLog
from src.contract.metrics import OF_TRAINING
from src.contract.outcome import OUTCOME_VARIABLE, Outcome
from src.workloads.training.trainer import import_trainer, whole_phase
from src.workloads.training.training_job import EPOCH, TrainingJob
from src.workloads.training.weights import initial_weights, write_weights
from src.workloads.training.worker.finish import finish
from src.workloads.training.worker.images import batch_order, load
from src.workloads.training.worker.worker_error import WorkerError

ACCURACY, LOSS, SAMPLES_PER_S = OF_TRAINING


class DivergedError(WorkerError):
    """A training that came to numbers that are none."""


def run(settings: Mapping[str, Any], log: EventLog, affinity: list[int]) -> Outcome:
    """Train and evaluate; the phase `import` has begun. Losses are means over samples, accuracy is a fraction of 1."""
    job = TrainingJob.of(settings)
    trainer = import_trainer(job)
    log.emit("import", "end")
    phase = partial(whole_phase, log, trainer, job)
    with phase("data"):
        data = load(job)
        tensors = trainer.prepare(job, data)
        orders = [batch_order(job.seed, e, job.train_size, job.batch_size) for e in range(job.epochs)]
    with phase("build"):
        weights = initial_weights(job.layers, data.train_images.shape[1:], job.seed)
        state = trainer.build(job, weights, tensors)
    with phase("train"):
        start = perf_counter()
        train_loss = trainer.train(state, orders, partial(phase, EPOCH))
        train_s = perf_counter() - start
    with phase("evaluate"):
        loss, accuracy = trainer.evaluate(state)
    _refuse_diverged([*train_loss, loss, accuracy])
    weights = trainer.weights(state)
    samples_per_s = sum(order.size for order in orders) / train_s
    results = {ACCURACY: accuracy, LOSS: loss, SAMPLES_PER_S: samples_per_s}
    outcome = finish(trainer, job, weights, affinity, results)
    if job.trained_weights:
        _keep(Path(job.trained_weights), weights)
    facts = {**outcome.facts, "image_shape": list(data.train_images.shape[1:])}
    return dataclasses.replace(outcome, series={"train_loss": train_loss}, facts=facts)


def _keep(path: Path, weights: Sequence[NDArray[np.float32]]) -> None:
    """Write the weights, after all phases: beside the outcome, where a bare name is given.

    A disk that is full costs the weights, not the run.
    """
    outcome = os.environ.get(OUTCOME_VARIABLE)
    try:
        write_weights(path if outcome is None else Path(outcome).parent / path, weights)
    except OSError as error:
        print(f"worker: the weights are not kept: {path} cannot be written ({error.strerror})", file=sys.stderr)


def _refuse_diverged(values: list[float]) -> None:
    """Raise DivergedError unless the losses of the epochs, the test loss and the accuracy are finite."""
    if not all(map(math.isfinite, values)):
        *train_loss, loss, accuracy = values
        raise DivergedError(
            f"the training diverged (train loss by epoch {train_loss}, test loss {loss}, accuracy {accuracy}); "
            "lower training.learning_rate"
        )
