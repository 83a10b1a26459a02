"""Starts a command under a guard that owns its process tree, and sleeps until it has ended."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from src.measure.disturbance import Disturbance
from src.measure.guard import KILL_WITHIN_S, MARKER, kill_all, marked
from src.paths import ROOT


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

    That holds for a timeout, for a KeyboardInterrupt here (raised on), and for the death of this process.
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
            assert process.stdout is not None
            report = process.stdout.read()
        finally:
            _release(process)
    if not report:
        return Ending("lost", process.returncode, tuple(kill_all(lambda: marked(marker))))
    values = json.loads(report)
    seen = values["disturbance"]
    return Ending(
        values["ending"],
        values["returncode"],
        tuple(values["killed"]),
        values["error"],
        None if seen is None else Disturbance.of(seen),
    )


def _release(guard: subprocess.Popen[bytes]) -> None:
    """Close the guard's standard input, which tells it to clean up, and wait until it has."""
    assert guard.stdin is not None
    guard.stdin.close()
    try:
        guard.wait(KILL_WITHIN_S + 5)
    except subprocess.TimeoutExpired:
        guard.kill()
