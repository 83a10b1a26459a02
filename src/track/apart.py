"""A store in a process of its own, for who only reads it: MLflow takes as long to load as all else that a report needs.

Both load side by side. Where there is one CPU only, or processes are not forked (Windows, macOS), it is opened here.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from src.contract.record import Point
from src.errors import JoulebenchError, TrackError
from src.track import open_store

if TYPE_CHECKING:
    from src.track.store import Store

T = TypeVar("T")
LEFT_ALONE = ("SIGINT", "SIGHUP")
"""What a terminal sends to both processes; the one that reads ends when the other one does, or by its SIGTERM."""


def reader(uri: str | None = None) -> Store | StoreApart:
    """A store to read; one apart raises what `open_store` raises as soon as it is asked."""
    if sys.platform == "linux" and len(os.sched_getaffinity(0)) > 1:
        return StoreApart(uri)
    return open_store(uri)


class StoreApart:
    """What of a `Store` a report asks for; raises what that raises."""

    def __init__(self, uri: str | None) -> None:
        """Fork a process that opens the store at once."""
        fork = multiprocessing.get_context("fork")
        self._here, there = fork.Pipe()
        fork.Process(target=_serve, args=(self._here, there, uri), daemon=True).start()
        there.close()

    @property
    def uri(self) -> str:
        """The store's address as it may be shown."""
        return self.at_store(_uri)

    @property
    def left_out(self) -> str:
        """What the last reading left out, in a sentence."""
        return self.at_store(_left_out)

    def trace(self, run_id: str) -> list[Point]:
        """A run's power over time."""
        return self.at_store(_trace, run_id)

    def artifact(self, run_id: str, name: str) -> Path:
        """A file of a run, on this machine."""
        return self.at_store(_artifact, run_id, name)

    def at_store(self, act: Callable[..., T], *arguments: Any) -> T:
        """What a function of a module says of the store and the arguments."""
        try:
            self._here.send((act, arguments))
            done, answer = self._here.recv()
        except (EOFError, OSError) as error:
            raise TrackError("The process that reads the store ended; see that there is memory left") from error
        if not done:
            raise answer
        found: T = answer
        return found


def _uri(store: Store) -> str:
    return store.uri


def _left_out(store: Store) -> str:
    return store.left_out


def _trace(store: Store, run_id: str) -> list[Point]:
    return store.trace(run_id)


def _artifact(store: Store, run_id: str, name: str) -> Path:
    return store.artifact(run_id, name)


def _serve(others: Connection, own: Connection, uri: str | None) -> NoReturn:
    """Answer until nobody is left to ask."""
    others.close()
    for name in LEFT_ALONE:
        signal.signal(getattr(signal, name), signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    try:
        store, failed = open_store(uri), None
    except TrackError as error:
        store, failed = None, error
    while True:
        try:
            act, arguments = own.recv()
            own.send(_answer(act, store, arguments) if failed is None else (False, failed))
        except (EOFError, OSError):
            os._exit(0)


def _answer(act: Callable[..., Any], store: Store | None, arguments: tuple[Any, ...]) -> tuple[bool, Any]:
    try:
        return True, act(store, *arguments)
    except JoulebenchError as error:  # raised where it is waited for
        return False, error
