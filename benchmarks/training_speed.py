"""Training speed of all trainers, against plain scripts and against the machine's own matrix product.

`python -m benchmarks.training_speed` runs, interleaved in each round and each in a process of its own: the float32
matrix product, the plain scripts of `benchmarks/training`, and all trainers under the same worker command
that is measured. What is compared runs one right after the other. The median of the epochs after the first counts:
nothing that is compiled or first touched, and not the single epoch that stalls (one in five of plain TensorFlow's
takes twice as long as the others). Writes `training_speed.json` and
`training_speed.md` to `--out`, and prints the table: medians of the ratios, each with its 95 % bootstrap interval.

Goals: a standard trainer reaches 0.97 of its plain script; the tuned ones reach, as a share of the matrix
product, TensorFlow 0.93, PyTorch 0.78, JAX 0.72.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from src.analysis.bootstrap import median_replicates, percentile_interval, stream
from src.contract.events import EVENTS_FILE, read_events
from src.contract.job import JOB_FILE, Job
from src.paths import CONF, ROOT
from src.workloads.training.frameworks import foreign_packages, frameworks
from src.workloads.training.interpreter import ENVIRONMENTS, INTERPRETER
from src.workloads.training.network import training_flop
from src.workloads.training.training_job import EPOCH, TrainingJob

PLAIN = tuple(sorted(path.stem for path in (ROOT / "benchmarks/training").glob("plain_*.py")))
TRAINERS = tuple(frameworks())
GEMM = "gemm"
BATCH = 64
INPUT_SHAPE = (28, 28, 1)
GOALS = {"torch": 0.97, "tf": 0.97, "jax": 0.97, "torch_tuned": 0.78, "tf_tuned": 0.93, "jax_tuned": 0.72}
LAYERS: list[dict[str, Any]] = yaml.safe_load((CONF / "model/cnn.yaml").read_text())["layers"]


@dataclass(frozen=True)
class Setting:
    """What every option of a benchmark run shares."""

    folder: Path
    steps: int
    epochs: int
    threads: int

    @property
    def samples(self) -> int:
        """Images of one epoch."""
        return self.steps * BATCH


def main() -> None:
    """Run the rounds and write the tables."""
    arguments = _arguments()
    warn_if_busy(arguments.threads)
    with tempfile.TemporaryDirectory() as folder:
        setting = Setting(Path(folder), arguments.steps, arguments.epochs, arguments.threads)
        write_images(setting)
        rates = run_rounds(setting, arguments.rounds, arguments.only or [GEMM, *PLAIN, *TRAINERS])
    arguments.out.mkdir(parents=True, exist_ok=True)
    rows = summarize(rates)
    (arguments.out / "training_speed.json").write_text(json.dumps({"rates": rates, "rows": rows}, indent=1))
    (arguments.out / "training_speed.md").write_text(table(rows))
    print(table(rows))


def warn_if_busy(threads: int) -> None:
    """Say so when other work already fills the CPUs: even interleaved ratios are then worth little."""
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    if load > threads / 2:
        print(f"warning: load average {load:.1f} before the first run; wait for a quiet machine", file=sys.stderr)


def run_rounds(setting: Setting, rounds: int, options: list[str]) -> dict[str, list[float]]:
    """Samples per second of each option (of `gemm`: floating-point operations per second), one a round.

    In each round the frameworks come in a shuffled order, and the options of one framework in a shuffled order one
    after the other: a machine that slows down for minutes then slows both sides of a ratio down.
    """
    rates: dict[str, list[float]] = {name: [] for name in options}
    for number in range(rounds):
        for name in shuffled(options, random.Random(number)):
            rates[name].append(measure(setting, name))
            print(f"round {number + 1}/{rounds}: {name} {rates[name][-1]:.4g}", file=sys.stderr)
    return rates


def shuffled(options: Sequence[str], generator: random.Random) -> list[str]:
    """The options in an order of chance that keeps those of one framework together."""
    groups: dict[str, list[str]] = {}
    for name in options:
        groups.setdefault(name.removeprefix("plain_").removesuffix("_tuned"), []).append(name)
    order = generator.sample(list(groups.values()), len(groups))
    return [name for group in order for name in generator.sample(group, len(group))]


def measure(setting: Setting, name: str) -> float:
    """One run of one option."""
    if name == GEMM:
        return measure_gemm(setting.threads)
    seconds = run_plain(setting, name) if name in PLAIN else run_trainer(setting, name)
    return setting.samples / statistics.median(seconds[1:])


def measure_gemm(threads: int) -> float:
    """Operations per second of NumPy's float32 product of 4096 × 4096 matrices, the best of eight, in a process
    with these threads. Smaller products reach less, and PyTorch's no more.
    """
    code = (
        "import time, numpy as np; a, b, c = np.random.rand(3, 4096, 4096).astype('f'); s = []\n"
        "for _ in range(9): t = time.perf_counter(); np.matmul(a, b, out=c); s.append(time.perf_counter() - t)\n"
        "print(2 * 4096**3 / min(s[1:]))"
    )
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": str(threads), "OMP_NUM_THREADS": str(threads)}
    return float(output_of([sys.executable, "-c", code], environment))


def run_plain(setting: Setting, name: str) -> list[float]:
    """Seconds of each epoch of a plain script, in the environment of the standard trainer."""
    framework = name.removeprefix("plain_")
    arguments = [str(setting.folder / f"train_{part}.npy") for part in ("images", "labels")]
    script = ROOT / "benchmarks" / "training" / f"{name}.py"
    command = [python_of(framework), str(script), *arguments, str(setting.epochs), str(setting.threads)]
    seconds: list[float] = json.loads(
        output_of(command, {**os.environ, **framework_config(framework)["env"]}).splitlines()[-1]
    )
    return seconds


def run_trainer(setting: Setting, name: str) -> list[float]:
    """Seconds of each epoch of a trainer, from its worker's events."""
    config = framework_config(name)
    (setting.folder / EVENTS_FILE).unlink(missing_ok=True)
    path = setting.folder / JOB_FILE
    program = [python_of(config["environment"]), "-m", "src.workloads.training.worker"]
    job = Job(workload="training", program=program, settings=_training_job(setting, config).settings())
    job.write(path)
    output_of(job.command(path), {**os.environ, **config["env"]})
    edges = [event.t for event in read_events(setting.folder / EVENTS_FILE) if event.phase == EPOCH]
    return [end - begin for begin, end in zip(edges[::2], edges[1::2], strict=True)]


def summarize(rates: dict[str, list[float]]) -> list[dict[str, Any]]:
    """Per option the median rate, and its ratios to plain script and matrix product: see `ratio`."""
    flop = training_flop(LAYERS, INPUT_SHAPE)
    rows = []
    for name, values in rates.items():
        if name == GEMM:
            continue
        plain = rates.get(f"plain_{name}", [])
        rows.append(
            {
                "option": name,
                "samples_per_s": statistics.median(values),
                "of_plain": ratio(values, plain),
                "of_gemm": ratio([value * flop for value in values], rates.get(GEMM, [])),
                "goal": GOALS.get(name),
            }
        )
    return rows


def table(rows: list[dict[str, Any]]) -> str:
    """The rows as a Markdown table."""
    lines = [
        "| option | samples/s | of its plain script | of the machine's matrix product | goal |",
        "| --- | ---: | ---: | ---: | ---: |",
    ]
    for row in rows:
        cells = [cell(row["of_plain"]), cell(row["of_gemm"]), f"{row['goal']:.2f}" if row["goal"] else ""]
        lines.append(f"| {row['option']} | {row['samples_per_s']:.0f} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def write_images(setting: Setting) -> None:
    """Random images: the work of a step does not depend on what they show."""
    generator = np.random.default_rng(0)
    images = generator.random((setting.samples, *INPUT_SHAPE), np.float32)
    labels = generator.integers(0, 10, setting.samples)
    for part in ("train", "test"):
        np.save(setting.folder / f"{part}_images.npy", images)
        np.save(setting.folder / f"{part}_labels.npy", labels)


def _training_job(setting: Setting, config: dict[str, Any]) -> TrainingJob:
    return TrainingJob(
        framework=config["name"],
        packages=config["packages"],
        foreign=foreign_packages(config["packages"]),
        trainer=config["trainer"],
        layers=LAYERS,
        train_images=str(setting.folder / "train_images.npy"),
        train_labels=str(setting.folder / "train_labels.npy"),
        test_images=str(setting.folder / "test_images.npy"),
        test_labels=str(setting.folder / "test_labels.npy"),
        train_size=setting.samples,
        test_size=BATCH,
        classes=10,
        epochs=setting.epochs,
        batch_size=BATCH,
        eval_batch_size=BATCH,
        learning_rate=1e-3,
        beta_1=0.9,
        beta_2=0.999,
        epsilon=1e-7,
        seed=0,
        device="cpu",
        threads=setting.threads,
    )


def ratio(values: list[float], others: list[float]) -> list[float] | None:
    """Median of the ratios within each round, and the ends of its 95 % bootstrap interval; None without `others`."""
    if not others:
        return None
    ratios = np.array(values) / np.array(others)
    interval = percentile_interval(median_replicates(ratios, 10_000, stream(0)), confidence=0.95)
    return [float(np.median(ratios)), interval.low, interval.high]


def cell(found: list[float] | None) -> str:
    """A ratio and its interval, as a table shows them."""
    return "" if found is None else "{:.2f} ({:.2f} to {:.2f})".format(*found)


def framework_config(name: str) -> dict[str, Any]:
    """The option of conf/framework."""
    config: dict[str, Any] = yaml.safe_load((CONF / f"framework/{name}.yaml").read_text())
    return config


def python_of(environment: str) -> str:
    """The interpreter of an environment."""
    return str(ROOT / ENVIRONMENTS / environment / INTERPRETER)


def output_of(command: list[str], environment: dict[str, str]) -> str:
    """What a command writes to standard output; ends this program where the command fails."""
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stderr[-3000:]}")
    return done.stdout


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--steps", type=int, default=20, help="steps an epoch")
    parser.add_argument("--epochs", type=int, default=6, help="epochs a run; the median of all but the first counts")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--only", nargs="*", choices=[GEMM, *PLAIN, *TRAINERS], help="a few of the options")
    parser.add_argument("--out", type=Path, default=ROOT / "reports" / "benchmarks")
    return parser.parse_args()


if __name__ == "__main__":
    main()
