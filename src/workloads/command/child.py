"""Runs the measured command: `python -m src.workloads.command.child FOLDER/job.json`.

Between the two events of the whole process there is the command and nothing else. Its exit code, and what it wrote to
$JOULEBENCH_OUTCOME, decide whether the run counts; only then is there an outcome.json.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from src.contract.events import EVENTS_VARIABLE, EventLog
from src.contract.job import Job
from src.contract.json_files import ContractError
from src.contract.metrics import TOTAL, Metric
from src.contract.outcome import OUTCOME_VARIABLE, Outcome

OURS = ("PYTHONPATH", "PYTHONNOUSERSITE", "PYTHONUNBUFFERED", "PYTHONIOENCODING")
"""Variables that joulebench sets for its own programs, and a command must not see."""


def main(arguments: list[str]) -> int:
    """Run the job's command; the exit code is 0 only if outcome.json is there."""
    job = Job.read(Path(arguments[0]))
    outcome_path = Path(os.environ[OUTCOME_VARIABLE])
    try:
        usage = _run(job.settings, EventLog(Path(os.environ[EVENTS_VARIABLE])))
        _complete(outcome_path, usage, job.settings["metrics"]).write(outcome_path)
    except (_CommandError, ContractError) as error:
        outcome_path.unlink(missing_ok=True)
        print(f"command: {error}", file=sys.stderr)
        return 1
    return 0


class _CommandError(Exception):
    """The command did not end as it should have."""


def _run(settings: Mapping[str, Any], log: EventLog) -> dict[str, float]:
    """Run the command to its end between two events; returns its CPU time and largest memory, where they are told."""
    inherited = {name: value for name, value in os.environ.items() if name not in OURS}
    if settings["affinity"] and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, settings["affinity"])
    log.emit(TOTAL, "begin")
    try:
        done = subprocess.run(
            settings["words"],
            cwd=settings["working_directory"],
            env={**inherited, **settings["environment"]},
            stdin=subprocess.DEVNULL,
            check=False,
        )
    except OSError as error:
        raise _CommandError(f"it cannot be started: {error}") from error
    log.emit(TOTAL, "end")
    if done.returncode != settings["exit_code"]:
        raise _CommandError(f"it ended with {_told(done.returncode)}, not with exit code {settings['exit_code']}")
    return _usage()


def _told(code: int) -> str:
    return f"exit code {code}" if code >= 0 else f"signal {signal.Signals(-code).name}"


def _usage() -> dict[str, float]:
    if sys.platform == "win32":
        return {}
    import resource

    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    unit = 1 if sys.platform == "darwin" else 1024
    return {"cpu_time_s": used.ru_utime + used.ru_stime, "peak_memory_bytes": float(used.ru_maxrss * unit)}


USAGE = {
    "cpu_time_s": Metric("cpu_time_s", "s", "CPU time", "lower"),
    "peak_memory_bytes": Metric("peak_memory_bytes", "B", "Peak memory", "lower"),
}


def _complete(path: Path, usage: Mapping[str, float], wanted: Mapping[str, Any]) -> Outcome:
    """What the command wrote itself, if it did, with what was asked of it described, and what it used."""
    told = Outcome.read(path.parent) if path.exists() else Outcome()
    missing = [name for name in wanted if name not in told.values]
    if missing:
        raise ContractError(
            f"workload.metrics names {', '.join(missing)}, which the command did not write to ${OUTCOME_VARIABLE}"
        )
    described = {name: Metric.of(name, {**values, "title": values["title"] or name}) for name, values in wanted.items()}
    own = {name: replace(metric, headline=True) for name, metric in told.metrics.items()}
    return replace(
        told,
        values={**usage, **told.values},
        metrics={**own, **described, **{name: USAGE[name] for name in usage if name not in told.values}},
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
