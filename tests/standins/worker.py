"""A stand-in for the measured worker: `worker.py FOLDER MODE` writes events and a result, or fails."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from src.contract.run_files import EVENTS_FILE, PHASES, RESULT_FILE, EventLog, Result

PHASE_S = 0.15
SLEEPER = "import os, sys, time; os.setsid(); open(sys.argv[1], 'a').write(f'{os.getpid()} '); time.sleep(300)"


def main(folder: Path, mode: str) -> int:
    if mode == "refuses":
        print("refusing to start: pandas is loaded", file=sys.stderr)
        return 2
    if "fork" in mode:
        fork_detached(folder / "pids")
    log = EventLog(folder / EVENTS_FILE)
    for phase in PHASES:
        with log.phase(phase):
            time.sleep(PHASE_S * (3 if phase == "train" else 1))
            if phase == "train":
                fail(mode)
    if mode != "no_result":
        result().write(folder / RESULT_FILE)
    return 3 if mode == "code_after_result" else 0


def fail(mode: str) -> None:
    if mode == "crash":
        raise ValueError("the loss is not a number")
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


def result() -> Result:
    return Result(
        framework="none",
        accuracy=0.9,
        loss=0.3,
        train_loss=[0.5],
        samples_per_s=100.0,
        parameter_count=1,
        shapes=[[1]],
        peak_memory_bytes=1,
        device="cpu",
        threads=1,
        affinity=[],
        versions={},
    )


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2]))
