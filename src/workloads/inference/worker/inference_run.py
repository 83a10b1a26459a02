"""One inference from its first phase to its outcome.

A request is a batch of images in the host's memory, and its answer is their logits there: what a framework needs to get
them to its device, into its layout and back is part of the work, and no clock stops before the device is done.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from src.contract.events import EventLog
from src.contract.metrics import OF_TRAINING, Metric
from src.contract.outcome import Outcome
from src.workloads.inference.inference_job import InferenceJob
from src.workloads.training.network import parameter_shapes
from src.workloads.training.trainer import import_trainer, whole_phase
from src.workloads.training.weights import read_weights
from src.workloads.training.worker.finish import finish
from src.workloads.training.worker.images import Images, load_test

ACCURACY = OF_TRAINING[0]
IMAGES_PER_S = Metric("images_per_s", "1/s", "Inference throughput", "higher", headline=True)
LATENCY_MEDIAN_S = Metric("latency_median_s", "s", "Median latency of a batch", "lower")
LATENCY_P95_S = Metric("latency_p95_s", "s", "95th percentile of a batch's latency", "lower")
ENERGY_PER_IMAGE_J = Metric("energy_per_image_j", "J", "Energy per image", "lower", headline=True)
WARM_UP_BATCHES = 10
"""Of each shape: programs are compiled at the first, and TorchScript's graph is final after the second."""

Predict = Callable[[Images], NDArray[np.float32]]


def run(settings: Mapping[str, Any], log: EventLog, affinity: list[int]) -> Outcome:
    """Load the weights and classify; the phase `import` has begun. Latencies are of whole batches."""
    job = InferenceJob.of(settings)
    trainer = import_trainer(job)
    log.emit("import", "end")
    phase = partial(whole_phase, log, trainer, job)
    with phase("data"):
        images, labels = load_test(job)
        # Copied, because a mapped file is read from disk where it is first used.
        batches = split(np.array(images), job.batch_size)
    with phase("build"):
        weights = read_weights(Path(job.weights), parameter_shapes(job.layers, images.shape[1:]))
        server = trainer.serve(job, weights, images.shape[1:])

    def predict(batch: Images) -> NDArray[np.float32]:
        return trainer.predict(server, batch)

    with phase("warmup"):
        for batch in [batches[0], batches[-1]]:
            classify(predict, [batch] * WARM_UP_BATCHES)
    with phase("infer"):
        start = perf_counter()
        passes = [classify(predict, batches) for _ in range(job.passes)]
        infer_s = perf_counter() - start
    found = np.concatenate([classes for classes, _ in passes])
    latencies_s = whole_batches([each for _, latencies in passes for each in latencies], batches)
    results = {
        ACCURACY: float(np.count_nonzero(found == np.tile(labels, job.passes)) / len(found)),
        IMAGES_PER_S: len(found) / infer_s,
        LATENCY_MEDIAN_S: float(np.median(latencies_s)),
        LATENCY_P95_S: float(np.quantile(latencies_s, 0.95)),
    }
    outcome = finish(trainer, job, weights, affinity, results)
    return dataclasses.replace(outcome, per_unit=(ENERGY_PER_IMAGE_J, float(len(found))))


def split(images: Images, size: int) -> list[Images]:
    """All images in batches of `size`; the last one may have fewer."""
    return [images[start : start + size] for start in range(0, len(images), size)]


def classify(predict: Predict, batches: Sequence[Images]) -> tuple[NDArray[np.int64], list[float]]:
    """The class of each image, and each batch's latency: from its images to its logits, both in the host's memory."""
    classes, latencies_s = [], []
    for batch in batches:
        begin = perf_counter()
        logits = predict(batch)
        latencies_s.append(perf_counter() - begin)
        classes.append(logits.argmax(1))
    return np.concatenate(classes), latencies_s


def whole_batches(latencies_s: Sequence[float], batches: Sequence[Images]) -> list[float]:
    """Without those of an incomplete last batch, unless there is no other; `latencies_s` holds any number of passes."""
    whole = [len(batch) == len(batches[0]) for batch in batches]
    return [latency for index, latency in enumerate(latencies_s) if whole[index % len(batches)]]
