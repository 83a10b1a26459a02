"""Has further meters record until a metered command ends: `python -m src.measure.beside METERS -- COMMAND...`.

METERS is JSON: for each one the file of its output, a file that appears once it records, and its command line, whose
own command waits for the end of its standard input. The command's exit code is this program's own; nothing that
happens to a meter beside it ends the command, or keeps it from starting.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

READY_S = 10.0
"""How long the command waits for the meters beside it to record."""
LOOK_AGAIN_S = 0.01
ENDING_S = 5.0
"""How long a meter may take to end once its command has; then it is killed."""
NOT_STARTED = 127


@dataclass
class Beside:
    """A meter beside the command; `process` is None where it could not be started."""

    ready: Path
    process: subprocess.Popen[bytes] | None

    @property
    def settled(self) -> bool:
        """Whether it records, or never will."""
        return self.process is None or self.ready.exists() or self.process.poll() is not None


def main(arguments: Sequence[str]) -> int:
    """Start the meters, run the command to its end, then end them."""
    others = [start(Path(log), Path(ready), command) for log, ready, *command in json.loads(arguments[0])]
    deadline = time.monotonic() + READY_S
    while not all(other.settled for other in others) and time.monotonic() < deadline:
        time.sleep(LOOK_AGAIN_S)
    try:
        code = subprocess.run(arguments[2:], check=False).returncode
    except OSError as error:
        print(f"cannot start {arguments[2]}: {error}", file=sys.stderr)
        code = NOT_STARTED
    end(others)
    return code if code >= 0 else 128 - code


def start(log: Path, ready: Path, command: Sequence[str]) -> Beside:
    """Start one; why it could not be stands in its log."""
    ready.unlink(missing_ok=True)
    with log.open("wb") as output:
        try:
            process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=output, stderr=output)
        except OSError as error:
            output.write(f"cannot start {command[0]}: {error}".encode())
            return Beside(ready, None)
    return Beside(ready, process)


def end(others: Sequence[Beside]) -> None:
    """End what they wait for; each then takes its last sample and ends."""
    running = [other.process for other in others if other.process is not None]
    for process in running:
        assert process.stdin is not None
        with suppress(OSError):
            process.stdin.close()
    for process in running:
        try:
            process.wait(ENDING_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    for other in others:
        other.ready.unlink(missing_ok=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
