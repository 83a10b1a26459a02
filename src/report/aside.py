"""Work that leaves files, done by processes forked from this one, as many at a time as there are CPUs."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

from src.errors import JoulebenchError


class Aside:
    """Does one thing after the other here where processes cannot be forked, or would have no CPU to themselves."""

    def __init__(self) -> None:
        """A thread may hold a lock that nobody opens in a fork, so beside other threads nothing is forked."""
        alone = sys.platform == "linux" and threading.active_count() == 1
        cpus = len(os.sched_getaffinity(0)) if alone else 1
        self._most = cpus if cpus > 1 else 0
        self._answers: list[Connection] = []

    def do(self, act: Callable[..., Any], *arguments: Any) -> None:
        """Do it some time before `wait` comes back."""
        if not self._most:
            act(*arguments)
            return
        while len(self._answers) >= self._most:
            self._one_done()
        fork = multiprocessing.get_context("fork")
        answer, there = fork.Pipe(duplex=False)
        fork.Process(target=_tell, args=(there, act, arguments)).start()
        there.close()
        self._answers.append(answer)

    def wait(self) -> None:
        """Until everything is done; raises the first error there was."""
        while self._answers:
            self._one_done()

    def _one_done(self) -> None:
        try:
            error = self._answers.pop(0).recv()
        except EOFError:
            raise JoulebenchError("A process that draws ended early; see that there is memory left") from None
        if error is not None:
            raise error


def _tell(answer: Connection, act: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    """Whoever asked hears of a stop, too, and waits until this is done."""
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        signal.signal(getattr(signal, name), signal.SIG_IGN)
    try:
        act(*arguments)
        answer.send(None)
    except (OSError, JoulebenchError) as error:  # raised where it is waited for
        answer.send(error)
