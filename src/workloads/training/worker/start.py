"""How a measured process begins: it reads its job and goes to its CPUs before it imports anything that computes."""

from __future__ import annotations

import importlib
import os
import sys
from pathlib import Path

from src.contract.events import EVENTS_FILE, EVENTS_VARIABLE, EventLog
from src.contract.job import Job
from src.contract.json_files import ContractError, take
from src.contract.outcome import OUTCOME_FILE, OUTCOME_VARIABLE, Outcome
from src.workloads.training.network import NetworkError
from src.workloads.training.worker.process import die_with_parent, set_affinity, tell_stops
from src.workloads.training.worker.worker_error import WorkerError


def start(arguments: list[str], program: str, began: float) -> int:
    """Do the job that the only argument names; the exit code is 0 only if the outcome is written.

    `program` is the module whose `run(settings, log, affinity)` gives the outcome; `began` is when the process started
    (epoch seconds).
    """
    die_with_parent()
    if len(arguments) != 1:
        print(f"usage: python -m {program.rpartition('.')[0]} FOLDER/job.json", file=sys.stderr)
        return 2
    path = Path(arguments[0])
    try:
        job = Job.read(path)
        log = EventLog(_named(EVENTS_VARIABLE, path.with_name(EVENTS_FILE)))
        log.emit("import", "begin", began)
        tell_stops(log)
        affinity = set_affinity(take(job.settings, "affinity", list, f"{path}: `settings`"))
        # Only now: NumPy and the frameworks size their thread pools by the affinity when they are imported.
        outcome: Outcome = importlib.import_module(program).run(job.settings, log, affinity)
        outcome.write(_named(OUTCOME_VARIABLE, path.with_name(OUTCOME_FILE)))
    except (WorkerError, ContractError, NetworkError) as error:
        print(f"worker: {error}", file=sys.stderr)
        return 1
    return 0


def _named(variable: str, otherwise: Path) -> Path:
    """The file that the environment names, else the one beside the job."""
    return Path(os.environ.get(variable) or otherwise)
