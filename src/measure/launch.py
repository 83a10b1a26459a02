"""Starts a command under a guard that owns its process tree, and sleeps until it has ended."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING
from uuid import uuid4

from src.errors import SetupError
from src.measure.disturbance import Disturbance
from src.measure.guard import KILL_WITHIN_S, MARKER, kill_all, marked
from src.paths import ROOT

if TYPE_CHECKING:
    import psutil


LATE_S = 15.0
"""How much later than the guard the launcher acts on a limit, in case the guard itself is held up."""


@dataclass(frozen=True)
class Ending:
    """How a command ended.

    `ending` is `exit`, `timeout`, `stopped` (the guard was told to), `not started` (`error` says why) or
    `lost` (the guard itself was killed). `returncode` is negative where a signal ended the command. `killed`
    names the processes that had to be killed: after an `exit` these are the ones it left behind. `disturbance` is what
    the rest of the machine did meanwhile, None where the command did not start or the guard was lost.
    """

    ending: str
    returncode: int | None
    killed: tuple[str, ...]
    error: str = ""
    disturbance: Disturbance | None = None


def launch(command: Sequence[str], log: Path, environment: Mapping[str, str], timeout_s: float) -> Ending:
    """Run a command to its end with its output appended to `log`; nothing it started outlives this call.

    That holds for a timeout, for a KeyboardInterrupt here (raised on), for the death of this process, of the guard, or
    of both. Raises SetupError where a process belongs to another user and lives on: nothing can be measured beside it.
    """
    marker = uuid4().hex
    guard = [sys.executable, "-m", "src.measure.guard", str(timeout_s), str(log.resolve()), "--", *command]
    with log.open("ab") as errors:
        process = subprocess.Popen(
            guard,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            cwd=ROOT,
            env={**environment, MARKER: marker},
            start_new_session=True,
        )
    with process:
        try:
            report = _read(process, timeout_s + LATE_S)
            late = report is None
        finally:
            killed, left = _release(process, marker)
    if not report:
        ending = Ending("timeout" if late else "lost", process.returncode, tuple(killed))
    else:
        values = json.loads(report)
        left += values["left"]
        seen = values["disturbance"]
        ending = Ending(
            values["ending"],
            values["returncode"],
            tuple(values["killed"]),
            values["error"],
            None if seen is None else Disturbance.of(seen),
        )
    if left:
        raise SetupError(
            f"{', '.join(left)} cannot be stopped from here and still runs, so nothing can be measured beside it; end "
            "it as that user, and start the meter without another user's rights"
        )
    return ending


def _read(guard: subprocess.Popen[bytes], timeout_s: float) -> bytes | None:
    """What the guard reports, which is nothing where it was killed; None where it does not report in time."""
    told: list[bytes] = []
    assert guard.stdout is not None
    descriptor = os.dup(guard.stdout.fileno())

    def read() -> None:
        with os.fdopen(descriptor, "rb") as pipe:
            told.append(pipe.read())

    reader = Thread(target=read, daemon=True)
    reader.start()
    reader.join(timeout_s)
    return told[0] if told else None


def _release(guard: subprocess.Popen[bytes], marker: str) -> tuple[list[str], list[str]]:
    """Close the guard's standard input, which tells it to clean up, and wait until it has; else do it for it.

    Returns who was killed here, and who could not be.
    """
    assert guard.stdin is not None
    guard.stdin.close()
    with suppress(subprocess.TimeoutExpired):
        if guard.wait(KILL_WITHIN_S + 5) == 0:
            return [], []
    tree = _descendants(guard.pid)
    guard.kill()
    return kill_all(lambda: [*tree, *marked(marker)])


def _descendants(pid: int) -> list[psutil.Process]:
    import psutil

    try:
        return psutil.Process(pid).children(recursive=True)
    except psutil.Error:
        return []
