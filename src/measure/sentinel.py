"""Outlives a guard that is killed or stopped: ends what belongs to its run, and sleeps until then."""

from __future__ import annotations

import os
import select
import signal
from collections.abc import Callable

DONE = b"d"


def stand_by(clean_up: Callable[[], object], grace_s: float) -> Callable[[], None]:
    """Fork a process that cleans up once the caller is gone; returns what tells it that there is nothing to do.

    Where only whoever holds the other end of the caller's standard input is gone, the caller has `grace_s` to end; one
    that is stopped cannot, and is killed. To be called before there are threads, and before orphans are adopted.
    """
    ours, its = os.pipe()
    caller = os.getpid()
    first = os.fork()
    if first == 0:
        if os.fork() == 0:
            os.close(its)
            _wait(ours, caller, clean_up, grace_s)
        os._exit(0)
    os.waitpid(first, 0)
    os.close(ours)
    return lambda: _tell(its)


def _wait(pipe: int, caller: int, clean_up: Callable[[], object], grace_s: float) -> None:
    """Never returns: whatever happens here, this process ends."""
    try:
        os.setsid()
        nowhere = os.open(os.devnull, os.O_RDWR)
        os.dup2(nowhere, 1)  # else whoever reads the guard's report would wait for this process too
        ready, _, _ = select.select([pipe, 0], [], [])
        if pipe not in ready:
            ready, _, _ = select.select([pipe], [], [], grace_s)
        if pipe in ready and os.read(pipe, 1) == DONE:
            os._exit(0)
        if pipe not in ready:
            os.kill(caller, signal.SIGKILL)
        clean_up()
    finally:
        os._exit(0)


def _tell(pipe: int) -> None:
    try:
        os.write(pipe, DONE)
    except BrokenPipeError:  # it was killed, and there is nothing left for it to do
        return
