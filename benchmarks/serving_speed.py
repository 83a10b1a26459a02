"""Serving speed of the six trainers: images per second one at a time and in batches, by the median latency.

`python -m benchmarks.serving_speed` runs the worker of inference once for each trainer and batch size in each round,
interleaved as in `training_speed`: the two ways of one framework follow each other. Writes `serving_speed.json` and
`serving_speed.md` to `--out`, and prints the table: medians, and those of the ratios to the framework's standard way,
each with its 95 % bootstrap interval.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import sys
import tempfile
from pathlib import Path

import numpy as np

from benchmarks.training_speed import (
    INPUT_SHAPE,
    LAYERS,
    TRAINERS,
    cell,
    framework_config,
    output_of,
    python_of,
    ratio,
    shuffled,
    warn_if_busy,
)
from src.contract.job import JOB_FILE, Job
from src.contract.outcome import Outcome
from src.paths import ROOT
from src.workloads.inference.inference_job import InferenceJob
from src.workloads.training.frameworks import foreign_packages
from src.workloads.training.weights import initial_weights, write_weights

BATCHES = (1, 32, 256)
IMAGES = 1024

Rates = dict[int, dict[str, list[float]]]


def main() -> None:
    """Run the rounds and write the tables."""
    arguments = _arguments()
    warn_if_busy(arguments.threads)
    rates: Rates = {batch: {name: [] for name in arguments.only or TRAINERS} for batch in BATCHES}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_inputs(folder)
        for number in range(arguments.rounds):
            run_round(folder, rates, number, arguments)
    arguments.out.mkdir(parents=True, exist_ok=True)
    (arguments.out / "serving_speed.json").write_text(json.dumps({"rates": rates}, indent=1))
    (arguments.out / "serving_speed.md").write_text(table(rates))
    print(table(rates))


def run_round(folder: Path, rates: Rates, number: int, arguments: argparse.Namespace) -> None:
    """Every trainer once with every batch size."""
    for batch in BATCHES:
        for name in shuffled(list(rates[batch]), random.Random(number)):
            rates[batch][name].append(serve(folder, name, batch, arguments))
            print(f"round {number + 1}: {name} in batches of {batch}: {rates[batch][name][-1]:.0f}/s", file=sys.stderr)


def serve(folder: Path, name: str, batch: int, arguments: argparse.Namespace) -> float:
    """Images per second of one run."""
    config = framework_config(name)
    settings = InferenceJob(
        framework=name,
        packages=list(config["packages"]),
        foreign=foreign_packages(config["packages"]),
        trainer=config["trainer"],
        layers=LAYERS,
        test_images=str(folder / "images.npy"),
        test_labels=str(folder / "labels.npy"),
        test_size=IMAGES,
        classes=10,
        device="cpu",
        threads=arguments.threads,
        weights=str(folder / "weights.npz"),
        passes=arguments.passes,
        batch_size=batch,
    )
    program = [python_of(config["environment"]), "-m", "src.workloads.inference.worker"]
    job = Job(workload="inference", program=program, settings=settings.settings())
    job.write(folder / JOB_FILE)
    output_of(job.command(folder / JOB_FILE), {**os.environ, **config["env"]})
    return batch / Outcome.read(folder).values["latency_median_s"]


def write_inputs(folder: Path) -> None:
    """Random images and weights: the work does not depend on what they show."""
    generator = np.random.default_rng(0)
    np.save(folder / "images.npy", generator.random((IMAGES, *INPUT_SHAPE), np.float32))
    np.save(folder / "labels.npy", generator.integers(0, 10, IMAGES))
    write_weights(folder / "weights.npz", initial_weights(LAYERS, INPUT_SHAPE, seed=0))


def table(rates: Rates) -> str:
    """The rates as a Markdown table."""
    lines = ["| images a batch | option | images/s | of its standard way |", "| ---: | --- | ---: | ---: |"]
    for batch, by_name in rates.items():
        for name, values in by_name.items():
            standard: list[float] | None = by_name.get(name.removesuffix("_tuned"))
            of_standard = cell(ratio(values, standard)) if standard and name.endswith("_tuned") else ""
            lines.append(f"| {batch} | {name} | {statistics.median(values):.0f} | {of_standard} |")
    return "\n".join(lines) + "\n"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--passes", type=int, default=4, help=f"how often {IMAGES} images are classified")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--only", nargs="*", choices=TRAINERS, help="a few of the options")
    parser.add_argument("--out", type=Path, default=ROOT / "reports" / "benchmarks")
    return parser.parse_args()


if __name__ == "__main__":
    main()
