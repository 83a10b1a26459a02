"""For the parity tests: what a trainer computes.

`python -m src.workloads.training.worker.probe JOB.json OUT.npz` writes it.

The file holds `weight_0`, `weight_1`, … (as the trainer gives them back) and `logits` of the first batch, both before
any training; `served` and `served_rest`, the logits of that batch and of its first images from a network that serves;
`step_losses` of the first steps; `accuracy` and `loss` on the test images after the first epoch.
"""

from __future__ import annotations

import sys
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from src.contract.job import Job
from src.workloads.training.trainer import Orders, import_trainer
from src.workloads.training.training_job import TrainingJob
from src.workloads.training.weights import initial_weights
from src.workloads.training.worker.images import batch_order, load

STEPS = 20
REST = 7


def probe(job: TrainingJob, out: Path) -> None:
    """Train one epoch, its first steps one by one, and write what came out."""
    trainer = import_trainer(job)
    data = load(job)
    weights = initial_weights(job.layers, data.train_images.shape[1:], job.seed)
    state = trainer.build(job, weights, trainer.prepare(job, data))
    order = batch_order(job.seed, 0, job.train_size, job.batch_size)
    logits = trainer.logits(state, data.train_images[order[0]])
    before = {f"weight_{index}": weight for index, weight in enumerate(trainer.weights(state))}
    server = trainer.serve(job, weights, data.train_images.shape[1:])
    served = {
        "served": trainer.predict(server, data.train_images[order[0]]),
        "served_rest": trainer.predict(server, data.train_images[order[0][:REST]]),
    }
    step_losses = trainer.train(state, _single_steps(order[:STEPS]), nullcontext)
    if len(order) > STEPS:
        trainer.train(state, [order[STEPS:]], nullcontext)
    loss, accuracy = trainer.evaluate(state)
    arrays: dict[str, Any] = {"logits": logits, "step_losses": step_losses, "loss": loss, "accuracy": accuracy}
    np.savez(out, **{**arrays, **before, **served})


def _single_steps(order: NDArray[np.int64]) -> Orders:
    """An order of one step for each row, so that `train` tells the loss of each step."""
    return [batch[None] for batch in order]


if __name__ == "__main__":
    probe(TrainingJob.of(Job.read(Path(sys.argv[1])).settings), Path(sys.argv[2]))
