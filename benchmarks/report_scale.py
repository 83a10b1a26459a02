"""How long a report takes, and how much memory: `python -m benchmarks.report_scale`.

Wanted: at most 20 s for 90 runs with recordings of 3 000 rows, at most 120 s for 10 000 runs, with memory that does
not grow with the recordings. The runs are made up: one of each treatment is filed as usual, the others are copied
within the database, because filing 10 000 takes MLflow ten minutes. Copies share their treatment's recording.
"""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from src.contract.record import RunRecord, run_name
from src.track import open_store

TREATMENTS = {"torch": 120.0, "tf": 100.0, "jax": 240.0}
"""Median energies in J."""
EXPERIMENT = "scale"
BEGIN_S = 1_750_000_000.0
PHASES = {
    "import": (0.0, 0.05),
    "data": (0.05, 0.06),
    "build": (0.06, 0.1),
    "train": (0.1, 0.95),
    "evaluate": (0.95, 1.0),
}
"""Begin and end as shares of the run."""
INTERVAL_S = 0.2
COPIED = {
    "latest_metrics": "key, value, timestamp, step, is_nan",
    "params": "key, value",
    "tags": "key, value",
}


@dataclass(frozen=True)
class Case:
    """One measurement."""

    runs: int
    rows: int


CASES = (Case(90, 3000), Case(10_000, 300), Case(10_000, 3000))


def main() -> None:
    """Print a table: runs, rows of each recording, seconds, memory at its highest."""
    print(f"{'runs':>7} {'rows':>6} {'s':>8} {'MiB':>7}")
    for case in CASES:
        with tempfile.TemporaryDirectory() as folder:
            make_store(Path(folder), case)
            seconds, memory_mib = report(Path(folder))
        print(f"{case.runs:>7} {case.rows:>6} {seconds:>8.1f} {memory_mib:>7.0f}", flush=True)


def report(folder: Path) -> tuple[float, float]:
    """Seconds and MiB that the ordinary command takes, its start included."""
    command = [sys.executable, "-m", "src.report", f"experiment={EXPERIMENT}", f"tracking_uri={uri(folder)}"]
    environment = {**os.environ, "PYTHONPATH": str(Path.cwd())}
    begin = time.monotonic()
    process = subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"the report failed with exit code {process.returncode}")
    return time.monotonic() - begin, usage.ru_maxrss / 1024


def make_store(folder: Path, case: Case) -> None:
    """A store with `case.runs` runs in shuffled blocks."""
    store = open_store(uri(folder))
    originals = {name: store.file_run(_record(folder, name, case)) for name in TREATMENTS}
    with sqlite3.connect(folder / "mlflow.db") as connection:
        for number, (treatment, iteration, position) in enumerate(_places(case.runs), start=1):
            if iteration > 1:
                _copy(connection, originals[treatment], treatment, iteration, position, number)


def uri(folder: Path) -> str:
    """The store's address."""
    return f"sqlite:///{folder}/mlflow.db"


def _places(runs: int) -> Iterator[tuple[str, int, int]]:
    rng = np.random.default_rng(1)
    for number in range(runs):
        iteration, position = divmod(number, len(TREATMENTS))
        if position == 0:
            order = rng.permutation(list(TREATMENTS))
        yield str(order[position]), iteration + 1, position + 1


def _record(folder: Path, treatment: str, case: Case) -> RunRecord:
    files = folder / treatment
    files.mkdir()
    _write_recording(files, case.rows, TREATMENTS[treatment])
    record = RunRecord(
        name=run_name(treatment, 1),
        experiment=EXPERIMENT,
        start_ms=int(1000 * BEGIN_S),
        end_ms=int(1000 * (BEGIN_S + case.rows * INTERVAL_S)),
        status="finished",
        folder=files,
        metrics=_metrics(TREATMENTS[treatment]),
        params={"meter.interval_ms": str(1000 * INTERVAL_S), "hardware.name": "made up", "dataset.test_size": "360"},
        tags={"framework": treatment, "treatment": treatment, "meter": "energibridge", "energy_kind": "measured",
              "status": "finished", "run_uid": f"{treatment}/1", "sweep": "made up", "iteration": "1", "position": "1",
              "sequence": "1"},
    )  # fmt: skip
    record.write()
    return record


def _metrics(energy_j: float) -> dict[str, float]:
    rng = np.random.default_rng()
    energy_j *= float(rng.normal(1, 0.03))
    duration_s = energy_j / float(rng.normal(40, 0.5))
    metrics = {"energy_j": energy_j, "duration_s": duration_s, "power_w": energy_j / duration_s}
    metrics |= {
        "edp_js": energy_j * duration_s,
        "accuracy": float(rng.normal(0.97, 0.002)),
        "energy_package_j": energy_j,
    }
    metrics |= {f"energy_{name}_j": energy_j * (end - begin) for name, (begin, end) in PHASES.items()}
    return metrics | {f"duration_{name}_s": duration_s * (end - begin) for name, (begin, end) in PHASES.items()}


def _write_recording(folder: Path, rows: int, energy_j: float) -> None:
    """EnergiBridge's columns on twelve CPUs, and the events of a run as long."""
    cpus = range(12)
    header = ["Delta", "Time", "CPU_ENERGY (J)", *(f"CPU_USAGE_{cpu}" for cpu in cpus), "TOTAL_MEMORY", "USED_MEMORY"]
    lines = [",".join(header)]
    for row in range(rows):
        time_ms = int(1000 * (BEGIN_S + row * INTERVAL_S))
        usage = ",".join("87.5" for _ in cpus)
        lines.append(f"200,{time_ms},{1000 + energy_j * row / rows},{usage},33000000000,12000000000")
    (folder / "energy.csv").write_text("\n".join(lines) + "\n")
    length_s = (rows - 2) * INTERVAL_S
    events = [
        {"t": BEGIN_S + INTERVAL_S + length_s * share, "phase": name, "edge": edge}
        for name, shares in PHASES.items()
        for edge, share in zip(("begin", "end"), shares, strict=True)
    ]
    (folder / "events.jsonl").write_text("".join(json.dumps({"version": 1} | event) + "\n" for event in events))


def _copy(
    connection: sqlite3.Connection, run_id: str, treatment: str, iteration: int, position: int, number: int
) -> None:
    """Another run like `run_id`, with values and a place of its own."""
    copy_id = f"{number:032x}"
    columns = [row[1] for row in connection.execute("PRAGMA table_info(runs)")]
    begin_ms = int(1000 * BEGIN_S) + 60_000 * number
    own: dict[str, object] = {"run_uuid": copy_id, "name": run_name(treatment, iteration), "start_time": begin_ms}
    found = connection.execute("SELECT * FROM runs WHERE run_uuid = ?", [run_id]).fetchone()
    values = [own.get(column, value) for column, value in zip(columns, found, strict=True)]
    connection.execute(f"INSERT INTO runs VALUES ({','.join('?' * len(values))})", values)
    for table, names in COPIED.items():
        connection.execute(
            f"INSERT INTO {table} ({names}, run_uuid) SELECT {names}, ? FROM {table} WHERE run_uuid = ?",
            [copy_id, run_id],
        )
    place = {"iteration": iteration, "position": position, "sequence": number, "run_uid": f"{treatment}/{iteration}"}
    for key, value in place.items():
        connection.execute("UPDATE tags SET value = ? WHERE run_uuid = ? AND key = ?", [str(value), copy_id, key])
    for key, metric in _metrics(TREATMENTS[treatment]).items():
        connection.execute("UPDATE latest_metrics SET value = ? WHERE run_uuid = ? AND key = ?", [metric, copy_id, key])


if __name__ == "__main__":
    main()
