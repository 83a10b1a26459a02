"""How long a report takes, and how much memory: `python -m benchmarks.report_scale`.

Wanted: at most 3 s for 15 runs, 5 s for 90 with recordings of 3 000 rows, 30 s for 10 000, and at most 180 s for 18 000
runs of 100 machines (30 blocks of 6 treatments each), with memory that does not grow with the recordings. Where the
store is read by a process of its own, the memory is that of the one that writes the report; the other's is about as
much. The runs are made up: one of each treatment is filed as usual, the others are copied within the database, because
filing 10 000 takes MLflow ten minutes. Copies share their treatment's recording.
"""

from __future__ import annotations

import itertools
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

from src.contract.record import POWER_SERIES, Point, RunRecord, run_name
from src.track import open_store

TREATMENTS = {"torch": 120.0, "tf": 100.0, "jax": 240.0, "torch_tuned": 104.0, "tf_tuned": 96.0, "jax_tuned": 180.0}
"""Median energies in J."""
OF_MACHINE = 0.05
"""How far a treatment's energy moves from machine to machine (standard deviation of its logarithm)."""
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
TRACE_POINTS = 200
"""As many of a run's power over time are filed in MLflow."""
COPIED = {
    "latest_metrics": "key, value, timestamp, step, is_nan",
    "metrics": "key, value, timestamp, step, is_nan",
    "params": "key, value",
    "tags": "key, value",
}


@dataclass(frozen=True)
class Case:
    """One measurement: runs of `treatments`, dealt to `machines` in whole blocks, each machine's a sweep of its own."""

    runs: int
    rows: int
    treatments: int = 3
    machines: int = 1

    @property
    def names(self) -> list[str]:
        """The treatments."""
        return list(TREATMENTS)[: self.treatments]


CASES = (
    Case(90, 3000),
    Case(10_000, 300),
    Case(10_000, 3000),
    Case(18_000, 3000, treatments=6, machines=100),
    Case(15, 300),
)


def main() -> None:
    """Print a table: runs, machines, rows of each recording, seconds, highest memory; of one case by its number."""
    print(f"{'runs':>7} {'machines':>8} {'rows':>6} {'s':>8} {'MiB':>7}")
    for case in [CASES[int(word)] for word in sys.argv[1:]] or CASES:
        with tempfile.TemporaryDirectory() as folder:
            make_store(Path(folder), case)
            seconds, memory_mib = report(Path(folder))
        print(f"{case.runs:>7} {case.machines:>8} {case.rows:>6} {seconds:>8.1f} {memory_mib:>7.0f}", flush=True)


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
    originals = {name: store.file_run(_record(folder, name, case)) for name in case.names}
    with sqlite3.connect(folder / "mlflow.db") as connection:
        for place in _places(case):
            if place.number > len(originals):
                _copy(connection, originals[place.treatment], place)
            else:
                _put(connection, originals[place.treatment], place)


def uri(folder: Path) -> str:
    """The store's address."""
    return f"sqlite:///{folder}/mlflow.db"


@dataclass(frozen=True)
class Place:
    """Where a run stands: `number` over all machines and `iteration` on its own one count from 1."""

    number: int
    treatment: str
    machine: int
    iteration: int
    position: int
    energy_j: float


def _places(case: Case) -> Iterator[Place]:
    """All machines' blocks, in the order in which they begin everywhere at once."""
    rng = np.random.default_rng(1)
    own = np.exp(OF_MACHINE * rng.standard_normal((case.machines, case.treatments)))
    blocks = -(-case.runs // (case.treatments * case.machines))
    number = 0
    for iteration, machine in itertools.product(range(1, blocks + 1), range(case.machines)):
        for position, which in enumerate(rng.permutation(case.treatments), start=1):
            number += 1
            if number <= case.runs:
                name = case.names[which]
                yield Place(number, name, machine + 1, iteration, position, TREATMENTS[name] * own[machine, which])


def _record(folder: Path, treatment: str, case: Case) -> RunRecord:
    files = folder / treatment
    files.mkdir()
    _write_recording(files, case.rows, TREATMENTS[treatment])
    length_s = case.rows * INTERVAL_S
    record = RunRecord(
        name=run_name(treatment, 1),
        experiment=EXPERIMENT,
        start_ms=int(1000 * BEGIN_S),
        end_ms=int(1000 * (BEGIN_S + length_s)),
        status="finished",
        folder=files,
        metrics=_metrics(TREATMENTS[treatment]),
        series={POWER_SERIES: _trace(case.rows)},
        windows={name: (length_s * begin, length_s * end) for name, (begin, end) in PHASES.items()},
        params={"meter.interval_ms": str(1000 * INTERVAL_S), "hardware.name": "made up", "dataset.test_size": "360"},
        tags={"framework": treatment, "treatment": treatment, "meter": "energibridge", "energy_kind": "measured",
              "status": "finished", "run_uid": f"{treatment}/1", "sweep": "made up", "iteration": "1", "position": "1",
              "sequence": "1", "machine": "made up"},
    )  # fmt: skip
    record.write()
    return record


def _trace(rows: int) -> list[Point]:
    """As thinned as a run's is."""
    length_s, many = rows * INTERVAL_S, min(rows, TRACE_POINTS)
    times_ms = [round(1000 * length_s * place / many) for place in range(many)]
    return [Point(time_ms, int(1000 * BEGIN_S) + time_ms, 40.0 + time_ms % 7) for time_ms in times_ms]


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


def _copy(connection: sqlite3.Connection, run_id: str, place: Place) -> None:
    """Another run like `run_id`, with values and a place of its own."""
    copy_id = f"{place.number:032x}"
    columns = [row[1] for row in connection.execute("PRAGMA table_info(runs)")]
    name = run_name(place.treatment, place.iteration)
    own: dict[str, object] = {"run_uuid": copy_id, "name": name}
    found = connection.execute("SELECT * FROM runs WHERE run_uuid = ?", [run_id]).fetchone()
    values = [own.get(column, value) for column, value in zip(columns, found, strict=True)]
    connection.execute(f"INSERT INTO runs VALUES ({','.join('?' * len(values))})", values)
    for table, names in COPIED.items():
        connection.execute(
            f"INSERT INTO {table} ({names}, run_uuid) SELECT {names}, ? FROM {table} WHERE run_uuid = ?",
            [copy_id, run_id],
        )
    _put(connection, copy_id, place)


def _put(connection: sqlite3.Connection, run_id: str, place: Place) -> None:
    """Give a run its place, its time and values of its own."""
    begin_ms = int(1000 * BEGIN_S) + 60_000 * place.number
    connection.execute("UPDATE runs SET start_time = ? WHERE run_uuid = ?", [begin_ms, run_id])
    tags = {"iteration": place.iteration, "position": place.position, "sequence": place.number,
            "sweep": f"share {place.machine}", "machine": f"node{place.machine}",
            "run_uid": f"{place.machine}/{place.treatment}/{place.iteration}"}  # fmt: skip
    for key, value in tags.items():
        connection.execute("UPDATE tags SET value = ? WHERE run_uuid = ? AND key = ?", [str(value), run_id, key])
    for key, metric in _metrics(place.energy_j).items():
        connection.execute("UPDATE latest_metrics SET value = ? WHERE run_uuid = ? AND key = ?", [metric, run_id, key])


if __name__ == "__main__":
    main()
