"""What the project's own meters share: run a command, sample every interval, write EnergiBridge's CSV."""

from __future__ import annotations

import argparse
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol, TextIO, runtime_checkable

from src.measure.meters.remarks import Remarks, remarks_file

METER_FAILED = 101
"""Exit code of a meter that fails before it starts the command, as EnergiBridge's panic has it."""


class Reader(Protocol):
    """Where samples come from; `read` returns one value for each of `columns`, quickly."""

    columns: Sequence[str]

    def read(self) -> Sequence[float]:
        """Take one sample."""
        ...


@runtime_checkable
class RemarkingReader(Reader, Protocol):
    """A reader that has something to say of its own numbers once it has read them all."""

    def remarks(self) -> Remarks:
        """What it has to say."""
        ...


class ReaderError(Exception):
    """A reader that cannot read; its text says why and what to do."""


def parser(description: str) -> argparse.ArgumentParser:
    """The options that every meter has; a meter adds its own."""
    options = argparse.ArgumentParser(description=description)
    options.add_argument("-o", "--output", type=Path, required=True, help="CSV file to write")
    options.add_argument("-i", "--interval", type=int, default=200, help="milliseconds between two samples")
    options.add_argument("-g", "--gpu", action="store_true", help="measure NVIDIA GPUs as well")
    options.add_argument("command", nargs="+", help="the command to run, after --")
    return options


def run_meter(name: str, options: argparse.Namespace, make_reader: Callable[[], Reader]) -> int:
    """Meter a command and return its exit code: 128 + n after signal n, 127 where it cannot be started."""
    try:
        reader = make_reader()
        first = reader.read()
    except (OSError, ReaderError) as error:
        print(f"{name}: {error}", file=sys.stderr)
        return METER_FAILED
    remarks_file(options.output).unlink(missing_ok=True)
    with options.output.open("w", encoding="utf-8", buffering=1, newline="\n") as file:
        rows = _Rows(file, reader, name)
        rows.write(first)
        code = _meter(options.command, options.interval / 1000, rows)
    if isinstance(reader, RemarkingReader) and (remarks := reader.remarks()):
        for flag in remarks.flags:
            print(f"{name}: {flag.text}", file=sys.stderr)
        remarks.write(options.output)
    return code


def _meter(command: Sequence[str], interval_s: float, rows: _Rows) -> int:
    """Sample on an absolute schedule from the command's start on, and once after it has ended."""
    sleeper = _Sleeper()
    start_s = time.monotonic()
    try:
        child = subprocess.Popen(command)
    except OSError as error:
        print(f"cannot start {command[0]}: {error}", file=sys.stderr)
        return 127
    sleeper.hand_signals_to(child)
    tick = 1
    while not sleeper.ended(child, start_s + tick * interval_s):
        rows.sample()
        tick = int((time.monotonic() - start_s) / interval_s) + 1
    rows.sample()
    return child.returncode if child.returncode >= 0 else 128 - child.returncode


class _Rows:
    """Writes samples as EnergiBridge does: milliseconds since the last row, epoch milliseconds, values."""

    def __init__(self, file: TextIO, reader: Reader, name: str) -> None:
        self._file, self._reader, self._name = file, reader, name
        self._last_ms = int(time.time() * 1000)
        self._failed = False
        file.write(",".join(("Delta", "Time", *reader.columns)) + "\n")

    def sample(self) -> None:
        """Write a row, or none where there is nothing to read: no fault of a meter may end the measured command."""
        try:
            self.write(self._reader.read())
        except (OSError, ReaderError) as error:
            if not self._failed:
                print(f"{self._name}: a sample is missing: {error}", file=sys.stderr)
            self._failed = True

    def write(self, values: Sequence[float]) -> None:
        now_ms = int(time.time() * 1000)
        self._file.write(",".join(map(str, (now_ms - self._last_ms, now_ms, *values))) + "\n")
        self._last_ms = now_ms


class _Sleeper:
    """Sleeps until a moment or until the child ends, without polling."""

    def __init__(self) -> None:
        self._wakeup = -1
        if os.name == "posix":
            self._wakeup, write = os.pipe()
            os.set_blocking(self._wakeup, False)
            os.set_blocking(write, False)
            # Without a handler of its own a SIGCHLD would be dropped before it reaches the pipe.
            signal.signal(signal.SIGCHLD, lambda *_: None)
            signal.set_wakeup_fd(write)
        self._child: subprocess.Popen[bytes] | None = None
        self._early: list[int] = []
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda received, _: self._hand_on(received))

    def hand_signals_to(self, child: subprocess.Popen[bytes]) -> None:
        """Hand SIGTERM and SIGINT on to the child, whose end then ends the meter; early ones follow now."""
        self._child = child
        for number in self._early:
            child.send_signal(number)

    def _hand_on(self, number: int) -> None:
        if self._child is None:
            self._early.append(number)
        else:
            self._child.send_signal(number)

    def ended(self, child: subprocess.Popen[bytes], until_s: float) -> bool:
        """Wait until the monotonic clock shows `until_s`; True as soon as the child has ended."""
        while (left_s := until_s - time.monotonic()) > 0:
            if os.name != "posix":
                return _ended_within(child, left_s)
            if child.poll() is not None:
                return True
            if select.select([self._wakeup], [], [], left_s)[0]:
                os.read(self._wakeup, 512)
        return child.poll() is not None


def _ended_within(child: subprocess.Popen[bytes], timeout_s: float) -> bool:
    """Windows waits on the process itself; POSIX's version of this would poll 20 times a second."""
    try:
        child.wait(timeout_s)
    except subprocess.TimeoutExpired:
        return False
    return True
