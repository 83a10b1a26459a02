"""For the parity tests: what a trainer computes.

`python -m src.workloads.training.worker.probe JOB.json OUT.npz` writes it.

The file holds `shape_0`, `shape_1`, … (parameter shapes, neutral layout), `logits` of the first batch before
any training, `step_losses` of the first steps, and `accuracy` and `loss` on the test images after the first
epoch.
"""

from __future__ import annotations

import sys
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from src.contract.run_files import Job
from src.workloads.training.trainer import Orders
from src.workloads.training.weights import initial_weights
from src.workloads.training.worker.images import batch_order, load
from src.workloads.training.worker.training_run import import_trainer

STEPS = 20


def probe(job: Job, out: Path) -> None:
    """Train one epoch, its first steps one by one, and write what came out."""
    trainer = import_trainer(job)
    data = load(job)
    weights = initial_weights(job.layers, data.train_images.shape[1:], job.seed)
    state = trainer.build(job, weights, trainer.prepare(job, data))
    order = batch_order(job.seed, 0, job.train_size, job.batch_size)
    logits = trainer.logits(state, data.train_images[order[0]])
    step_losses = trainer.train(state, _single_steps(order[:STEPS]), nullcontext)
    if len(order) > STEPS:
        trainer.train(state, [order[STEPS:]], nullcontext)
    loss, accuracy = trainer.evaluate(state)
    shapes = {f"shape_{index}": np.array(shape) for index, shape in enumerate(trainer.shapes(state))}
    arrays: dict[str, Any] = {"logits": logits, "step_losses": step_losses, "loss": loss, "accuracy": accuracy}
    np.savez(out, **{**arrays, **shapes})


def _single_steps(order: NDArray[np.int64]) -> Orders:
    """An order of one step for each row, so that `train` tells the loss of each step."""
    return [batch[None] for batch in order]


if __name__ == "__main__":
    probe(Job.read(Path(sys.argv[1])), Path(sys.argv[2]))
