"""How many runs a second a shared store takes from 8 clients at once: `python -m benchmarks.filing_rate`.

Beside it, on the same machine: one client with a database of SQLite, as a single machine has it, and one client with
the shared store. Each client files the same number of runs, each as large as one of a study, one after the other.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from scripts.mlflow_server import free_port
from scripts.shared_store import ADMIN, SharedStore
from src.contract.record import Point, RunRecord
from src.paths import ROOT
from src.track import open_store

RUNS = 30
"""Of each client."""
CLIENTS = 8
WORKERS = 4
FILES = {
    "energy.csv": 60_000,
    "events.jsonl": 2_000,
    "outcome.json": 3_000,
    "job.json": 3_000,
    "config.yaml": 4_000,
    "power.png": 40_000,
}
"""Bytes of a run's artifacts in a study."""


def main(arguments: Sequence[str]) -> int:
    """Print one Markdown row a case; with arguments, be one of the clients."""
    if arguments:
        return _client(Path(arguments[0]), arguments[1])
    folder = Path(tempfile.mkdtemp(prefix="joulebench-filing-"))
    shared = SharedStore(folder / "shared")
    folder.chmod(0o711)  # PostgreSQL's account has to pass through
    try:
        address = shared.start("127.0.0.1", free_port(), WORKERS)
        os.environ |= {"MLFLOW_TRACKING_USERNAME": ADMIN, "MLFLOW_TRACKING_PASSWORD": shared.secrets["admin"]}
        cases = {
            "SQLite, 1 client": (f"sqlite:///{folder / 'mlflow.db'}", 1),
            "shared store, 1 client": (address, 1),
            f"shared store, {CLIENTS} clients": (address, CLIENTS),
        }
        rates = {name: _rate(folder / name, *case) for name, case in cases.items()}
    finally:
        shared.stop()
        shutil.rmtree(folder)
    first = next(iter(rates.values()))
    print("| case | runs/s | of SQLite's |\n| --- | ---: | ---: |")
    for name, rate in rates.items():
        print(f"| {name} | {rate:.2f} | {rate / first:.2f} |")
    return 0


def _rate(folder: Path, store: str, clients: int) -> float:
    """Runs a second of so many clients at once, until the last one is done."""
    open_store(store).check("rate")
    command = [sys.executable, "-m", "benchmarks.filing_rate"]
    filing = [
        subprocess.Popen(
            [*command, str(folder / str(number)), store], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        for number in range(clients)
    ]
    for each in filing:
        assert each.stdout is not None
        each.stdout.readline()  # MLflow is imported, the store open
    begin = time.time()
    for each in filing:
        assert each.stdin is not None
        each.stdin.close()
    ends = [float(each.stdout.read()) for each in filing if each.stdout is not None]
    for each in filing:
        each.wait()
    return clients * RUNS / (max(ends) - begin)


def _client(folder: Path, address: str) -> int:
    records = [_record(folder, number) for number in range(RUNS)]
    store = open_store(address)
    parent = store.start_sweep("rate", f"{folder.parent.name} {folder.name}", {}, {})
    print("ready", flush=True)
    sys.stdin.readline()
    for record in records:
        store.file_run(record, parent)
    print(time.time())
    return 0


def _record(folder: Path, number: int) -> RunRecord:
    run = folder / f"{number:04}-torch"
    run.mkdir(parents=True)
    for name, size in FILES.items():
        (run / name).write_bytes(os.urandom(size))
    about = {"iteration": number, "position": 1, "sequence": number, "sweep": folder.name, "status": "finished"}
    work = {"treatment": "torch", "framework": "torch", "meter": "native", "energy_kind": "measured"}
    tags = {**{name: str(value) for name, value in about.items()}, **work, "run_uid": f"{folder}/{run.name}"}
    return RunRecord(
        name=run.name,
        experiment="rate",
        start_ms=1000 * number,
        end_ms=1000 * number + 900,
        status="finished",
        folder=run,
        tags=tags,
        metrics={f"metric_{index}": index / 7 for index in range(30)},
        series={"power_trace_w": [Point(step, 1000 * number + step, step / 3) for step in range(200)]},
        params={f"group.key_{index}": f"value {index}" for index in range(60)},
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
