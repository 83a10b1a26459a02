"""Owns one command and everything it starts: `python -m src.measure.guard TIMEOUT_S LOG -- COMMAND...`.

The guard ends with nothing of the command's process tree left alive, whatever ends first: the command, the
timeout, a SIGTERM, or whoever holds the other end of the guard's standard input (the launcher, whose death
closes it). It writes how it ended, and what the rest of the machine did meanwhile, to standard output as one line of
JSON. Until then it sleeps: no polling beside a measured run.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Thread
from typing import TYPE_CHECKING, Any

from src.measure.disturbance import Disturbance, snapshot

if TYPE_CHECKING:
    import psutil

MARKER = "JOULEBENCH_RUN"
"""Variable whose value all processes of one run share: it finds orphans where there are no subreapers."""
LINUX = sys.platform == "linux"
PR_SET_CHILD_SUBREAPER = 36
KILL_WITHIN_S = 10.0


def main(arguments: list[str]) -> int:
    """Run the command, clean up after it, and report."""
    timeout_s, log, command = float(arguments[0]), Path(arguments[1]), arguments[3:]
    endings: SimpleQueue[str] = SimpleQueue()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: endings.put("stopped"))
    _adopt_orphans()
    before = snapshot()
    try:
        with log.open("ab") as output:
            child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT)
    except OSError as error:
        return _report("not started", None, [], str(error))
    _watch(lambda: child.wait(), "exit", endings)
    _watch(lambda: os.read(0, 1), "stopped", endings)
    try:
        ending = endings.get(timeout=timeout_s)
    except Empty:
        ending = "timeout"
    ended = snapshot()
    killed = kill_descendants(ending)
    returncode = child.wait()
    _reap()
    return _report(ending, returncode, killed, disturbance=Disturbance.between(before, ended, _own_cpu_s()).plain())


def _own_cpu_s() -> float:
    """CPU seconds of all that this process started and has waited for, orphans that it adopted among them."""
    if sys.platform == "win32":
        return 0.0
    import resource

    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def kill_descendants(ending: str) -> list[str]:
    """Kill all that descends from this process until nothing is left; returns who they were."""
    if LINUX and ending == "exit" and _childless():
        return []
    import psutil

    own = psutil.Process()
    return kill_all(lambda: own.children(recursive=True) + ([] if LINUX else marked(os.environ[MARKER])))


def kill_all(find: Callable[[], list[psutil.Process]]) -> list[str]:
    """Kill what `find` finds until nothing is alive: a process may start others while it is being killed."""
    import psutil

    killed: dict[int, str] = {}
    deadline = time.monotonic() + KILL_WITHIN_S
    while time.monotonic() < deadline:
        alive = 0
        for process in find():
            try:
                if process.pid == os.getpid() or process.status() == psutil.STATUS_ZOMBIE:
                    continue
                alive += 1
                killed.setdefault(process.pid, f"{process.name()} ({process.pid})")
                process.kill()
            except psutil.NoSuchProcess:
                continue
        if not alive:
            break
        time.sleep(0.01)
    return list(killed.values())


def marked(marker: str) -> list[psutil.Process]:
    """Every process whose environment carries the marker of this run, except the caller."""
    import psutil

    found = []
    for process in psutil.process_iter():
        try:
            if process.pid != os.getpid() and process.environ().get(MARKER) == marker:
                found.append(process)
        except (psutil.Error, OSError):
            continue
    return found


def _adopt_orphans() -> None:
    """Become the parent of all grandchildren whose parents end (Linux; prctl(2), PR_SET_CHILD_SUBREAPER)."""
    if LINUX:
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def _childless() -> bool:
    """Whether a subreaper whose direct child was waited for has no other child."""
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return True
    return False


def _reap() -> None:
    """Take the dead out of the process table: not every container's first process does."""
    deadline = time.monotonic() + KILL_WITHIN_S
    while LINUX and not _childless() and time.monotonic() < deadline:
        if os.waitpid(-1, os.WNOHANG)[0] == 0:
            time.sleep(0.005)


def _watch(block: Callable[[], object], ending: str, endings: SimpleQueue[str]) -> None:
    """Put an ending into the queue once the blocking call returns."""

    def wait() -> None:
        block()
        endings.put(ending)

    Thread(target=wait, daemon=True).start()


def _report(
    ending: str, returncode: int | None, killed: list[str], error: str = "", disturbance: dict[str, Any] | None = None
) -> int:
    told = {"ending": ending, "returncode": returncode, "killed": killed, "error": error, "disturbance": disturbance}
    json.dump(told, sys.stdout)
    sys.stdout.flush()
    # A thread may still be blocked in a read of standard input, which an ordinary exit would wait for.
    os._exit(0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
