"""Runs the measured command: `python -m src.workloads.command.child FOLDER/job.json`.

Between the two events of the whole process there is the command and nothing else. Its exit code, and what it wrote to
$JOULEBENCH_EVENTS and $JOULEBENCH_OUTCOME, decide whether the run counts. It is given files of its own there, so that
whatever it does to them, and whatever ends this process, nothing passes for a result that was not checked here.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from threading import Thread
from typing import Any

from src.contract.events import EVENTS_FILE, EVENTS_VARIABLE, STOPPED, EventLog
from src.contract.job import Job
from src.contract.json_files import ContractError
from src.contract.metrics import TOTAL
from src.contract.outcome import OUTCOME_FILE, OUTCOME_VARIABLE, write_failure
from src.workloads.command.told import told_events, told_outcome

OURS = ("PYTHONPATH", "PYTHONNOUSERSITE", "PYTHONUSERBASE", "PYTHONUNBUFFERED", "PYTHONIOENCODING")
"""Variables that joulebench sets for its own programs, and a command must not see."""
TOLD = ".told"
"""The folder, beside the run's files, in which the command finds its own."""
LOG_LIMIT_BYTES = 100_000_000
LOG_INTERVAL_S = 1.0
STANDARD_OUTPUT = 1


def main(arguments: list[str]) -> int:
    """Run the job's command; the exit code is 0 only if outcome.json holds what it came to, else it says why not."""
    settings = Job.read(Path(arguments[0])).settings
    outcome_path, events_path = Path(os.environ[OUTCOME_VARIABLE]), Path(os.environ[EVENTS_VARIABLE])
    told = outcome_path.with_name(TOLD)
    shutil.rmtree(told, ignore_errors=True)
    told.mkdir()
    try:
        usage = _run(settings, told, events_path)
        told_outcome(told, settings["metrics"], usage).write(outcome_path)
    except (_CommandError, ContractError) as error:
        write_failure(outcome_path, str(error))
        return 1
    shutil.rmtree(told, ignore_errors=True)
    return 0


class _CommandError(Exception):
    """The command did not end as it should have."""


def _run(settings: Mapping[str, Any], told: Path, events_path: Path) -> dict[str, float]:
    """Run the command to its end and file its events between those of the whole process; returns what it used."""
    environment = _environment(settings, told)
    if settings["affinity"]:
        os.sched_setaffinity(0, settings["affinity"])
    Thread(target=keep_small, args=(STANDARD_OUTPUT,), daemon=True).start()
    log, least = EventLog(events_path), _peak_memory_bytes()
    begin_s = time.time()
    try:
        process = subprocess.Popen(settings["words"], cwd=settings["working_directory"], env=environment)
    except OSError as error:
        raise _CommandError(f"{settings['words'][0]} cannot be started: {error.strerror}") from error
    log.emit(TOTAL, "begin", begin_s)
    code = _ended(process, log)
    end_s = time.time()
    if code != settings["exit_code"]:
        raise _CommandError(f"the command ended with {_named(code)}, not with exit code {settings['exit_code']}")
    with events_path.open("a", encoding="utf-8") as file:
        file.writelines(json.dumps(asdict(e)) + "\n" for e in told_events(told / EVENTS_FILE, begin_s, end_s))
    log.emit(TOTAL, "end", end_s)
    return _usage(least)


def _ended(process: subprocess.Popen[bytes], log: EventLog) -> int:
    """Wait for the command's end; returns its exit code. The kernel tells a parent when its child is stopped."""
    if sys.platform == "win32":
        return process.wait()
    while True:
        _, status = os.waitpid(process.pid, os.WUNTRACED | os.WCONTINUED)
        if os.WIFSTOPPED(status):
            log.emit(STOPPED, "begin")
        elif os.WIFCONTINUED(status):
            log.emit(STOPPED, "end")
        else:
            process.returncode = os.waitstatus_to_exitcode(status)
            return process.returncode


def _environment(settings: Mapping[str, Any], told: Path) -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if name not in OURS}
    own = {EVENTS_VARIABLE: str(told / EVENTS_FILE), OUTCOME_VARIABLE: str(told / OUTCOME_FILE)}
    return {**inherited, **own, **settings["environment"]}


def keep_small(descriptor: int, limit_bytes: int = LOG_LIMIT_BYTES, interval_s: float = LOG_INTERVAL_S) -> None:
    """Empty the file whenever it has grown beyond the limit: no command fills the disk with what it says."""
    while True:
        time.sleep(interval_s)
        if os.fstat(descriptor).st_size > limit_bytes:
            os.ftruncate(descriptor, 0)


def _named(code: int) -> str:
    if code >= 0:
        return f"exit code {code}"
    killed = signal.Signals(-code)
    return f"signal {killed.name}{' (out of memory?)' if killed is signal.SIGKILL else ''}"


def _usage(least_bytes: float) -> dict[str, float]:
    """CPU time and peak memory of the command, where they are told.

    A process inherits the peak of the one that started it, here this Python's: below that, nothing is known.
    """
    if sys.platform == "win32":
        return {}
    import resource

    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    usage = {"cpu_time_s": used.ru_utime + used.ru_stime}
    peak = _bytes(used.ru_maxrss)
    return usage | ({"peak_memory_bytes": peak} if peak > least_bytes else {})


def _peak_memory_bytes() -> float:
    if sys.platform == "win32":
        return 0.0
    import resource

    return _bytes(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)


def _bytes(maxrss: int) -> float:
    """macOS tells bytes, Linux KiB."""
    return float(maxrss if sys.platform == "darwin" else maxrss * 1024)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
