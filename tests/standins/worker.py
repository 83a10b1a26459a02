"""A stand-in for the measured worker: `worker.py MODE FOLDER/job.json` writes events and an outcome, or fails."""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

from src.contract.events import EVENTS_VARIABLE, EventLog
from src.contract.metrics import Metric
from src.contract.outcome import OUTCOME_VARIABLE, Outcome

PHASES = ("import", "data", "build", "train", "evaluate")
PHASE_S = 0.15
SLEEPER = "import os, sys, time; os.setsid(); open(sys.argv[1], 'a').write(f'{os.getpid()} '); time.sleep(300)"


def main(folder: Path, mode: str) -> int:
    if mode == "refuses":
        print("refusing to start: pandas is loaded", file=sys.stderr)
        return 2
    if "fork" in mode:
        fork_detached(folder / "pids")
    log = EventLog(Path(os.environ[EVENTS_VARIABLE]))
    for phase in PHASES:
        with log.phase(phase):
            time.sleep(PHASE_S * (3 if phase == "train" else 1))
            if phase == "train":
                fail(mode)
    if mode.startswith("raw:"):
        Path(os.environ[OUTCOME_VARIABLE]).write_text(mode.removeprefix("raw:"))
    elif mode != "no_result":
        outcome().write(Path(os.environ[OUTCOME_VARIABLE]))
    return 3 if mode == "code_after_result" else 0


def fail(mode: str) -> None:
    if mode == "crash":
        raise ValueError("the loss is not a number")
    if mode == "exits":
        sys.exit(1)
    if mode == "segfault":
        ctypes.string_at(0)
    if mode == "memory":
        resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))
        bytearray(1 << 31)
    if mode == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    if "hang" in mode:
        time.sleep(300)


def fork_detached(pids: Path) -> None:
    """Leave a grandchild behind whose parent has ended, in a session of its own."""
    if os.fork() == 0:
        os.setsid()
        subprocess.Popen([sys.executable, "-c", SLEEPER, str(pids)])
        os._exit(0)
    os.wait()
    while not pids.exists() or not pids.read_text().endswith(" "):
        time.sleep(0.01)


def outcome() -> Outcome:
    accuracy = Metric("accuracy", "1", "Test accuracy", "higher", headline=True)
    return Outcome(values={"accuracy": 0.9}, metrics={"accuracy": accuracy}, series={"train_loss": [0.5]})


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[2]).parent, sys.argv[1]))
