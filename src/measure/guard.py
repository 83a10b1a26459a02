"""Owns one command and everything it starts: `python -m src.measure.guard TIMEOUT_S LOG -- COMMAND...`.

The guard ends with nothing of the command's process tree left alive, whatever ends first: the command, the
timeout, a SIGTERM, or whoever holds the other end of the guard's standard input (the launcher, whose death
closes it). It writes how it ended, and what the rest of the machine did meanwhile, to standard output as one line of
JSON. Until then it sleeps: no polling beside a measured run.

On Linux it is two processes: a keeper that only waits, and its child that does the work. Whichever of them is killed,
the other ends the tree, so that not even the loss of the launcher and the guard at once leaves a command running.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
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
PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
KILL_WITHIN_S = 10.0
UNKILLABLE_WAIT_S = 1.0
"""How long to wait for the exit code of a command that belongs to another user and cannot be killed."""


def main(arguments: list[str]) -> int:
    """Run the command, clean up after it, and report."""
    timeout_s, log, command = float(arguments[0]), Path(arguments[1]), arguments[3:]
    endings: SimpleQueue[str] = SimpleQueue()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: endings.put("stopped"))
    if LINUX:
        _keep()
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
    killed, left = kill_descendants(ending)
    try:
        returncode = child.wait(UNKILLABLE_WAIT_S if left else None)
    except subprocess.TimeoutExpired:
        returncode = None
    _reap(KILL_WITHIN_S if not left else 0.0)
    disturbance = Disturbance.between(before, ended, _own_cpu_s()).plain()
    return _report(ending, returncode, killed, left=left, disturbance=disturbance)


def _own_cpu_s() -> float:
    """CPU seconds of all that this process started and has waited for, orphans that it adopted among them."""
    if sys.platform == "win32":
        return 0.0
    import resource

    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def kill_descendants(ending: str) -> tuple[list[str], list[str]]:
    """Kill all that descends from this process until nothing is left; returns who they were, as `kill_all` does."""
    if LINUX and ending == "exit" and _childless():
        return [], []
    import psutil

    own = psutil.Process()
    return kill_all(lambda: own.children(recursive=True) + ([] if LINUX else marked(os.environ[MARKER])))


def kill_all(find: Callable[[], list[psutil.Process]]) -> tuple[list[str], list[str]]:
    """Kill what `find` finds until nothing is alive: a process may start others while it is being killed.

    Returns who was killed, and who still lives because it belongs to another user.
    """
    import psutil

    killed: dict[int, str] = {}
    left: dict[int, str] = {}
    deadline = time.monotonic() + KILL_WITHIN_S
    while time.monotonic() < deadline:
        alive = 0
        left.clear()
        for process in find():
            try:
                if process.pid == os.getpid() or process.status() == psutil.STATUS_ZOMBIE:
                    continue
                name = f"{process.name()} ({process.pid})"
                process.kill()
                killed.setdefault(process.pid, name)
                alive += 1
            except psutil.NoSuchProcess:
                continue
            except psutil.AccessDenied:
                left[process.pid] = f"{process.name()} ({process.pid}) of {_owner(process)}"
        if not alive:
            break
        time.sleep(0.01)
    return list(killed.values()), list(left.values())


def _owner(process: psutil.Process) -> str:
    import psutil

    try:
        return process.username()
    except (psutil.Error, KeyError):
        return "another user"


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


def _keep() -> None:
    """Go on as the child of a keeper, which ends as this process does, and ends the tree where it is killed.

    Both become the parent of all whose own parents end (prctl(2), PR_SET_CHILD_SUBREAPER). The keeper's end sends the
    child a SIGTERM (PR_SET_PDEATHSIG).
    """
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    keeper = os.getpid()
    child = os.fork()
    if child == 0:
        prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
        if os.getppid() != keeper:
            os.kill(os.getpid(), signal.SIGTERM)
        return
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, _: os.kill(child, number))
    status = os.waitpid(child, 0)[1]
    if os.waitstatus_to_exitcode(status) != 0:
        kill_descendants("lost")
        _reap(KILL_WITHIN_S)
    os._exit(0)


def _childless() -> bool:
    """Whether a subreaper whose direct child was waited for has no other child."""
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return True
    return False


def _reap(within_s: float) -> None:
    """Take the dead out of the process table: not every container's first process does."""
    deadline = time.monotonic() + within_s
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
    ending: str,
    returncode: int | None,
    killed: list[str],
    error: str = "",
    left: Sequence[str] = (),
    disturbance: dict[str, Any] | None = None,
) -> int:
    told: dict[str, Any] = {
        "ending": ending,
        "returncode": returncode,
        "killed": killed,
        "left": list(left),
        "error": error,
    }
    told["disturbance"] = disturbance
    json.dump(told, sys.stdout)
    sys.stdout.flush()
    # A thread may still be blocked in a read of standard input, which an ordinary exit would wait for.
    os._exit(0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
