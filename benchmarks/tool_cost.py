"""What the tool itself costs: `python -m benchmarks.tool_cost [--pairs 30] [--runs 8]`.

Two figures, each measured side by side:

- the task's duration under our launcher and meter against the same worker run bare, in interleaved pairs
  (wanted: the median of the pairs' ratios at most 1.01; its 95 % interval says what the machine's noise allows to
  be said, and more pairs make it narrower);
- the wall time that one run of a sweep with `idle_s=0` takes beyond the same worker under the same meter started
  by hand, on a synthetic dataset of a single batch (wanted: at most 0.25 s, filing and pictures included).
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from statistics import median

import numpy as np

from src.analysis.bootstrap import median_replicates, percentile_interval, stream
from src.config.schema import MeterConfig
from src.contract.events import EVENTS_FILE, read_events
from src.contract.job import JOB_FILE, Job
from src.contract.metrics import TASK
from src.contract.record import ENERGY_FILE, RunRecord
from src.measure.environment import worker_environment
from src.measure.launch import launch
from src.measure.meters.select import Meter, make_meter
from src.measure.windows import phase_windows, stretches_of
from src.paths import ROOT

WORK = ("framework=torch", "dataset=synthetic", "dataset.train_size=3200", "dataset.test_size=250", "training.epochs=1")
SINGLE_BATCH = ("dataset=synthetic", "dataset.train_size=64", "dataset.test_size=64", "training.epochs=1", "model=mlp")

INTERVAL_MS = 50
"""A single batch is too short to be sampled every 200 ms."""


def main() -> None:
    """Measure both, and print them as Markdown."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=30)
    parser.add_argument("--runs", type=int, default=8)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        bare_s, metered_s = task_durations(folder, arguments.pairs)
        by_hand_s, in_sweep_s = run_costs(folder, arguments.runs)
    print("| what | bare | with the tool | difference | wanted |\n| --- | ---: | ---: | ---: | ---: |")
    ratios = np.array(metered_s) / np.array(bare_s)
    interval = percentile_interval(median_replicates(ratios, 10_000, stream(0)), confidence=0.95)
    print(
        f"| duration of the task, s (median of {arguments.pairs} pairs) | {median(bare_s):.3f} | "
        f"{median(metered_s):.3f} | × {np.median(ratios):.4f} ({interval.low:.4f} to {interval.high:.4f}) | ≤ × 1.01 |"
    )
    extra_s = median(in_sweep_s) - median(by_hand_s)
    print(
        f"| wall time of a run beyond the worker's own, s (median of {arguments.runs}) | {median(by_hand_s):.3f} | "
        f"{median(in_sweep_s):.3f} | + {extra_s:.3f} s | ≤ + 0.25 s |"
    )


def task_durations(folder: Path, pairs: int) -> tuple[list[float], list[float]]:
    """Seconds of the task, bare and under launcher and meter, in alternating order."""
    job = Job.read(sweep(folder / "work", 1, WORK)[0].folder / JOB_FILE)
    meter = estimate(200)
    bare_s: list[float] = []
    metered_s: list[float] = []
    for number in range(pairs):
        for metered in (False, True) if number % 2 else (True, False):
            run = folder / f"pair{number}{metered}"
            run.mkdir()
            job.write(run / JOB_FILE)
            worker = job.command(run / JOB_FILE)
            if metered:
                launch(meter.command(run / ENERGY_FILE, worker), run / "worker.log", environment(), 600)
            else:
                subprocess.run(worker, cwd=ROOT, env=environment(), check=True)
            windows = phase_windows(read_events(run / EVENTS_FILE), job.task_phases)
            begin_s, end_s = stretches_of(windows[TASK])[0]
            (metered_s if metered else bare_s).append(end_s - begin_s)
    return bare_s, metered_s


def run_costs(folder: Path, runs: int) -> tuple[list[float], list[float]]:
    """Wall seconds of a run beyond the worker's own, by hand (under the meter alone) and in a sweep.

    By hand: from the command's start to its end. In a sweep: from one run's begin to the next one's. The worker's own
    time, first to last event, is taken off both, so that the work's noise is not mistaken for the tool's cost.
    """
    records = sweep(folder / "single", runs + 1, SINGLE_BATCH)
    own_s = [(record.end_ms - record.start_ms) / 1000 for record in records]
    begins_s = [record.start_ms / 1000 for record in records]
    in_sweep_s = [later - earlier - own for (earlier, later), own in zip(pairwise(begins_s), own_s, strict=False)]
    by_hand_s = []
    for number in range(runs):
        run = folder / f"hand{number}"
        run.mkdir()
        job = Job.read(records[0].folder / JOB_FILE)
        job.write(run / JOB_FILE)
        worker = job.command(run / JOB_FILE)
        command = estimate(INTERVAL_MS).command(run / ENERGY_FILE, worker)
        begin = time.perf_counter()
        subprocess.run(command, cwd=ROOT, env=environment(), check=True)
        wall_s = time.perf_counter() - begin
        times = [event.t for event in read_events(run / EVENTS_FILE)]
        by_hand_s.append(wall_s - (max(times) - min(times)))
    return by_hand_s, in_sweep_s


def sweep(folder: Path, iterations: int, work: Sequence[str]) -> list[RunRecord]:
    """Run a sweep of one treatment from the command line; returns its runs' records in their order."""
    own = (f"hydra.sweep.dir={folder}", f"tracking_uri='sqlite:///{folder.parent}/mlflow.db'", "meter=estimate")
    protocol = ("protocol=smoke", f"protocol.iterations={iterations}", f"meter.interval_ms={INTERVAL_MS}")
    subprocess.run(
        [sys.executable, "-m", "src.main", "-m", *work, *own, *protocol], cwd=ROOT, check=True, capture_output=True
    )
    return [RunRecord.read(path.parent) for path in sorted(folder.glob("*/record.json"))]


def estimate(interval_ms: int) -> Meter:
    """The estimating meter."""
    settings = MeterConfig(name="estimate", interval_ms=interval_ms, idle_w=1.0, busy_w=3.0, power_model_source="any")
    return make_meter("estimate", settings, gpu=False)


def environment() -> dict[str, str]:
    """What the worker sees."""
    return worker_environment(os.environ, {}, ROOT)


if __name__ == "__main__":
    main()
