"""How long a store may keep us waiting: MLflow's own limits are for people who have nothing else to do."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import Engine

TIMEOUT = "MLFLOW_HTTP_REQUEST_TIMEOUT"
"""Seconds that MLflow waits for one answer of a server; read anew for each request."""
SQLITE_WAIT = "PRAGMA busy_timeout"
"""What MLflow says to SQLite at the begin of each transaction, with 20 seconds."""

_usual_s = os.environ.get(TIMEOUT, "10")
_ends: list[float] = []


@contextmanager
def waiting_at_most(seconds: float) -> Iterator[None]:
    """During the body, all requests of a store together get this long; what is left undone raises TimeoutError."""
    _ends.append(time.monotonic() + seconds)
    try:
        yield
    finally:
        _ends.pop()


@contextmanager
def no_waiting() -> Iterator[None]:
    """What the body takes is work of our own, for which no store is to blame."""
    began = time.monotonic()
    try:
        yield
    finally:
        took_s = time.monotonic() - began
        _ends[:] = [end + took_s for end in _ends]


def hurry() -> None:
    """To be called before each request; raises TimeoutError where no time is left for it."""
    if not _ends:
        os.environ[TIMEOUT] = _usual_s
    elif (left_s := min(_ends) - time.monotonic()) > 0:
        os.environ[TIMEOUT] = str(max(1, int(left_s)))
    else:
        raise TimeoutError("it does not answer in time")


def _sqlite_wait_ms() -> int:
    return math.ceil(1000 * min([10.0, *(max(0.5, end - time.monotonic()) for end in _ends)]))


@event.listens_for(Engine, "before_cursor_execute", retval=True)
def _shorten_sqlite_wait(_c: Any, _cursor: Any, statement: str, values: Any, _context: Any, _many: Any) -> Any:
    """A locked database is to be waited for no longer than a silent server."""
    if statement.startswith(SQLITE_WAIT):
        statement = f"{SQLITE_WAIT} = {_sqlite_wait_ms()}"
    return statement, values
