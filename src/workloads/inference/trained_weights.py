"""The weights that every framework is given: trained once, outside of all measuring, and kept by what made them."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import logging
import os
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

from src.contract.job import JOB_FILE, Job
from src.errors import SetupError
from src.workloads.training.data.prepared import Prepared
from src.workloads.training.network import Shape, parameter_shapes
from src.workloads.training.prepare_training import prepare as prepare_training
from src.workloads.training.training_settings import TrainingParts
from src.workloads.training.weights import WeightsError, checksum, read_weights

log = logging.getLogger(__name__)
Say = Callable[[str], None]

LAST_LINES = 5
NO_PART_OF_THE_WEIGHTS = ("eval_batch_size",)
"""Settings of a training that do not change what it learns."""


def trained_weights(parts: TrainingParts, prepared: Prepared, root: Path, say: Say) -> tuple[Path, str]:
    """The file of the weights that this training makes, and their checksum; trains them where it is missing or damaged.

    `say` is told before that takes its time. Raises SetupError or ConfigError where training fails.
    """
    path = root / parts.dataset.cache / "weights" / f"{parts.model.name}-{_fingerprint(parts, prepared)}.npz"
    shapes = parameter_shapes(parts.layers, prepared.image_shape)
    if path.exists():
        try:
            return path, checksum(read_weights(path, shapes))
        except WeightsError as error:
            log.warning("%s; its weights are trained anew", error)
    _train(parts, root, path, shapes, say)
    return path, checksum(read_weights(path, shapes))


def _fingerprint(parts: TrainingParts, prepared: Prepared) -> str:
    """Of all that decides the weights but for the last bits, which hang on device, threads and versions.

    Those are left out so that all treatments of a sweep use the same file, whichever comes first.
    """
    training = dataclasses.asdict(parts.training)
    facts = {
        "layers": parts.layers,
        "image_shape": list(prepared.image_shape),
        "dataset": prepared.checksum,
        "train_size": prepared.train_size,
        "training": {key: value for key, value in training.items() if key not in NO_PART_OF_THE_WEIGHTS},
        "trained_by": [parts.framework.name, parts.framework.trainer],
    }
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:12]


def _train(parts: TrainingParts, root: Path, path: Path, shapes: list[Shape], say: Say) -> None:
    """Train with the framework's own worker; the file appears only when it is whole."""
    work = prepare_training(parts, root)
    say(
        f"training the weights for inference, once: {parts.training.epochs} epochs of {parts.model.name} on "
        f"{work.facts['dataset.train_size']} images with {parts.framework.name}, roughly "
        f"{_duration(work.expected_s or 0.0)}; kept as {path}"
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{path.name}.", suffix=".part", dir=path.parent) as name:
        folder = Path(name)
        settings = {**work.job.settings, "trained_weights": str(folder / path.name)}
        _run(dataclasses.replace(work.job, settings=settings), folder, root, parts.framework.name)
        read_weights(folder / path.name, shapes)
        (folder / path.name).replace(path)


def _run(job: Job, folder: Path, root: Path, framework: str) -> None:
    job.write(folder / JOB_FILE)
    environment = os.environ | job.environment | {"PYTHONPATH": str(root), "PYTHONNOUSERSITE": "1"}
    ended = subprocess.run(
        job.command(folder / JOB_FILE), cwd=root, env=environment, capture_output=True, text=True, check=False
    )
    if ended.returncode:
        said = "\n".join(ended.stderr.splitlines()[-LAST_LINES:])
        raise SetupError(
            f"inference.weights_from={framework}: the weights could not be trained (exit code {ended.returncode}); "
            f"try `python -m src.main framework={framework}`. It said:\n{said}"
        )


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"
