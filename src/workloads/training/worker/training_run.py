"""One job from its first phase to its result."""

from __future__ import annotations

import math
from functools import partial
from pathlib import Path
from time import perf_counter

from src.contract.run_files import EPOCH, EVENTS_FILE, RESULT_FILE, EventLog, Job, Result
from src.workloads.training.trainer import Trainer, load_trainer
from src.workloads.training.weights import initial_weights
from src.workloads.training.worker.foreign import refuse_foreign_modules
from src.workloads.training.worker.images import batch_order, load
from src.workloads.training.worker.process import peak_memory_bytes


def run(job: Job, folder: Path, affinity: list[int], began: float) -> None:
    """Train and evaluate; events.jsonl grows on the way, result.json is written last of all.

    `began` is when the process started (epoch seconds), `affinity` the CPUs it runs on.
    """
    log = EventLog(folder / EVENTS_FILE)
    log.emit("import", "begin", began)
    trainer = import_trainer(job)
    log.emit("import", "end")
    with log.phase("data"):
        data = load(job)
        tensors = trainer.prepare(job, data)
        orders = [batch_order(job.seed, e, job.train_size, job.batch_size) for e in range(job.epochs)]
    with log.phase("build"):
        weights = initial_weights(job.layers, data.train_images.shape[1:], job.seed)
        state = trainer.build(job, weights, tensors)
    with log.phase("train"):
        start = perf_counter()
        train_loss = trainer.train(state, orders, partial(log.phase, EPOCH))
        train_s = perf_counter() - start
    with log.phase("evaluate"):
        loss, accuracy = trainer.evaluate(state)
    # Frameworks import on demand: what they loaded since was measured with them.
    refuse_foreign_modules(job.packages, job.foreign)
    shapes = trainer.shapes(state)
    versions, device = trainer.describe(job)
    Result(
        framework=job.framework,
        accuracy=accuracy,
        loss=loss,
        train_loss=train_loss,
        samples_per_s=sum(order.size for order in orders) / train_s,
        parameter_count=sum(math.prod(shape) for shape in shapes),
        shapes=shapes,
        peak_memory_bytes=peak_memory_bytes(),
        device=device,
        threads=job.threads,
        affinity=affinity,
        versions=versions,
    ).write(folder / RESULT_FILE)


def import_trainer(job: Job) -> Trainer:
    """Import the framework, make sure that it is alone in this process, and set its threads and device."""
    trainer = load_trainer(job.trainer)
    refuse_foreign_modules(job.packages, job.foreign)
    trainer.configure(job)
    return trainer
