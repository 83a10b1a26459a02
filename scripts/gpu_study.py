"""All six frameworks on an NVIDIA GPU, training and inference, in one command: `python3 scripts/gpu_study.py`.

It makes the CUDA environments, asks the doctor, makes a pilot, measures with the meter `native` (which warms processor
and GPU up first), compares the GPU's energy counter with its integrated power in every run's recording, and copies
reports, figures and what the doctor saw into docs/results/gpu. `--dry-run` prints the commands.
"""

from __future__ import annotations

import argparse
import csv
import itertools
import shlex
import shutil
import statistics
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "docs" / "results" / "gpu"
SWEEPS = "multirun/gpu"
FRAMEWORKS = ("torch", "torch_tuned", "tf", "tf_tuned", "jax", "jax_tuned")
ENVIRONMENTS = ("torch", "tf", "jax")
WORKLOADS = ("training", "inference")
PYTHON = ".venv/bin/python"
DOCTOR, SWEEP = "src.doctor", "src.main"
CAREFUL = 1
"""The doctor's exit code where nothing speaks against measuring; a sweep's where some runs could not be measured."""
KEPT = ("report.md", "statistics.json", "runs.csv", "figures")
AGREE = 0.05
"""By how much counter and integrated power may differ before it is worth a look."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code 0, that of the command that failed, or 1 where runs are missing or a counter and a power disagree."""
    options, missing = parse(arguments), False
    for command in commands(options.dataset, options.protocol):
        print(f"$ {shlex.join(command)}", flush=True)
        code = 0 if options.dry_run else subprocess.run(command, cwd=ROOT, check=False).returncode
        if code and not (code == CAREFUL and {DOCTOR, SWEEP} & set(command)):
            return code
        missing |= bool(code) and SWEEP in command
    if options.dry_run:
        return 0
    lines, agree = compare(sorted((ROOT / SWEEPS).rglob("energy.csv")))
    print("\n".join(lines))
    keep(lines)
    return 0 if agree and not missing else 1


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description="Measure all frameworks on an NVIDIA GPU, training and inference.")
    parser.add_argument("--dry-run", action="store_true", help="print the commands and do nothing")
    parser.add_argument("--dataset", default="mnist", help="one of conf/dataset (mnist)")
    parser.add_argument("--protocol", default="quick", help="one of conf/protocol (quick)")
    return parser.parse_args(arguments)


def commands(dataset: str, protocol: str) -> list[list[str]]:
    """Set-up, a look at the machine, a pilot, then a sweep and a report for each workload."""
    setup = [sys.executable, "scripts/setup_envs.py"]
    found = [[*setup, "orchestrator"], [*setup, *ENVIRONMENTS, "--device", "cuda"]]
    on_gpu = ["hardware=cuda", "meter=native"]
    found.append([PYTHON, "-m", DOCTOR, *on_gpu, f"dataset={dataset}"])
    found.append([PYTHON, "-m", DOCTOR, "pilot", *on_gpu])
    for workload in WORKLOADS:
        found.append([PYTHON, "-m", SWEEP, *sweep_words(workload, dataset, protocol)])
        found.append([PYTHON, "-m", "src.report", f"experiment=gpu-{workload}"])
    return found


def sweep_words(workload: str, dataset: str, protocol: str) -> list[str]:
    """What follows `python -m src.main`."""
    return [
        "-m",
        f"workload={workload}",
        f"framework={','.join(FRAMEWORKS)}",
        "hardware=cuda",
        "meter=native",
        f"dataset={dataset}",
        f"protocol={protocol}",
        f"experiment=gpu-{workload}",
        f"hydra.sweep.dir={SWEEPS}/{workload}",
    ]


def compare(recordings: Iterable[Path]) -> tuple[list[str], bool]:
    """A line a run and a summary: the energy counter of each GPU divided by its integrated power; whether all agree."""
    rows = [(path.parent, gpu, ratio) for path in recordings for gpu, ratio in ratios(path)]
    lines = [f"{folder.parent.name}/{folder.name} {gpu}: counter / power = {ratio:.4f}" for folder, gpu, ratio in rows]
    if not rows:
        return ["no recording holds both a GPU's energy counter and its power: nothing to compare"], False
    values = [ratio for _, _, ratio in rows]
    off = sum(abs(value - 1) > AGREE for value in values)
    lines.append(
        f"{len(values)} ratios: median {statistics.median(values):.4f}, from {min(values):.4f} to {max(values):.4f}; "
        f"{off} differ by more than {100 * AGREE:g} %"
    )
    return lines, not off


def ratios(path: Path) -> Iterator[tuple[str, float]]:
    """Of each GPU of a recording its counter's rise over the integral of its power, by the trapezoid rule."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    for name in rows[0] if rows else ():
        gpu, sign, _ = name.partition("_ENERGY (J)")
        power = f"{gpu}_POWER (mWatts)"
        if sign and gpu.startswith("GPU") and power in rows[0]:
            steps = itertools.pairwise((float(row["Time"]), float(row[power])) for row in rows)
            # Milliseconds times milliwatts.
            integrated_j = sum((after - before) * (p + q) / 2 for (before, p), (after, q) in steps) / 1e6
            if integrated_j > 0:
                yield gpu, (float(rows[-1][name]) - float(rows[0][name])) / integrated_j


def keep(lines: Sequence[str]) -> None:
    """Copy each workload's report without its page, and the comparison, into docs/results/gpu."""
    RESULTS.mkdir(parents=True, exist_ok=True)
    (RESULTS / "counter_and_power.txt").write_text("\n".join([*lines, ""]), encoding="utf-8")
    for workload in WORKLOADS:
        report, target = ROOT / "reports" / f"gpu-{workload}", RESULTS / workload
        target.mkdir(exist_ok=True)
        for look in (ROOT / SWEEPS / workload).glob("preflight*.json"):
            shutil.copy(look, target)
        for name in KEPT:
            if (report / name).is_dir():
                shutil.copytree(report / name, target / name, dirs_exist_ok=True)
            elif (report / name).exists():
                shutil.copy(report / name, target / name)


if __name__ == "__main__":
    sys.exit(main())
