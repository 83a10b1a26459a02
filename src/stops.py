"""What ends a command from outside: Ctrl-C, a signal, a terminal or a pipe that nobody reads any more.

The first ends it in order, a second Ctrl-C or SIGTERM at once. What was asked is remembered, since an exception that is
raised within somebody else's callback may be swallowed: `check` raises it again.
"""

from __future__ import annotations

import importlib.util
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import current_thread, main_thread
from typing import Any, NoReturn

SIGNALLED = 128
PIPE = 13
REASONS = {
    "SIGINT": "by Ctrl-C",
    "SIGTERM": "by SIGTERM",
    "SIGHUP": "by SIGHUP, as its terminal was closed",
    "SIGUSR2": "by SIGUSR2, as its time on the cluster is over",
}
UNREAD = "because nobody reads its output any more"
KEPT = "what was finished is kept"

way_on = ""
"""What the command says last, where it has not said so yet: how to go on."""
_asked: list[int] = []
_begun = False
_deferring = 0


def heed() -> None:
    """From here on a stop ends the process with one line that says why; to be called before imports that take long."""
    for name in REASONS:
        number = getattr(signal, name, None)  # Windows has no SIGHUP, and `nohup` ignores it.
        if number is not None and signal.getsignal(number) in (signal.SIG_DFL, signal.default_int_handler):
            signal.signal(number, _stop)
    if not isinstance(sys.stdout, _Heard):
        sys.stdout = _Heard(sys.stdout)
        sys.unraisablehook = _without_stops(sys.unraisablehook)


def require_packages() -> None:
    """End with one line where this Python is not the project's: it lacks what every command needs."""
    if importlib.util.find_spec("hydra") is None:
        say(f"{sys.executable} lacks joulebench's packages; start with .venv/bin/python (`make setup` makes it)")
        os._exit(2)


def begin() -> None:
    """From here on a stop is an exception, so that what was begun is ended in order."""
    global _begun
    heed()
    _begun = True


def leave(code: int) -> NoReturn:
    """End the process; a stop that comes now changes nothing of what it came to."""
    for name in REASONS:
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) == _stop:
            signal.signal(number, lambda *_: os._exit(code))
    # A Ctrl-C that fell into an `exec`, as dataclasses and named tuples use it, has Python die by that signal in the
    # end, though it was heeded: the next `exec` forgets it.
    exec("")
    sys.exit(code)


@contextmanager
def deferred() -> Iterator[None]:
    """Let a stop that comes during the body wait for its end: a store that is left in the middle stays locked."""
    global _deferring
    before = len(_asked)
    _deferring += 1
    try:
        yield
    finally:
        _deferring -= 1
    if len(_asked) > before:
        check()


def check() -> None:
    """Raise again what a stop raised, in case that was swallowed."""
    if _asked:
        _raise(_asked[0])


def asked() -> int | None:
    """The exit code of the first stop; None where there was none."""
    return SIGNALLED + _asked[0] if _asked else None


def is_read() -> bool:
    """Whether somebody is left to read standard output."""
    return PIPE not in _asked


def told() -> str:
    """Why the command ended, and how to go on."""
    return f"stopped {_reason(_asked[0])}; {KEPT}" + (f"; {way_on}" if way_on else "")


def in_order(command: Callable[[], int]) -> int:
    """Run a command; returns its exit code, that of a stop where there was one."""
    begin()
    try:
        code = command()
        sys.stdout.flush()
        check()
    except (KeyboardInterrupt, SystemExit):
        if not _asked:
            raise
        say(told())
        return SIGNALLED + _asked[0]
    return code


def say(message: str) -> None:
    """One line on standard error, if anybody reads that."""
    try:
        print(f"joulebench: {message}", file=sys.stderr, flush=True)
    except OSError:
        _silence(2)


def _stop(number: int, _frame: object) -> None:
    if not _begun:
        _end_now(number, f"stopped {_reason(number)} before anything was begun")
    if _asked and number != getattr(signal, "SIGHUP", None):
        _end_now(number, f"stopped {_reason(number)} at once; {KEPT}" + (f"; {way_on}" if way_on else ""))
    _asked.append(number)
    if not _deferring:
        _raise(number)


def _raise(number: int) -> None:
    if number == signal.SIGINT:
        raise KeyboardInterrupt
    raise SystemExit(SIGNALLED + number)


def _end_now(number: int, why: str) -> None:
    """Whatever was started sees this process end, and ends itself."""
    say(why)
    os._exit(SIGNALLED + number)


def _reason(number: int) -> str:
    return UNREAD if number == PIPE else REASONS[signal.Signals(number).name]


def _without_stops(hook: Callable[[Any], object]) -> Callable[[Any], None]:
    """The hook for exceptions that nobody can catch, but for stops, which `check` raises again."""

    def seen(unraisable: Any) -> None:
        if not (_asked and isinstance(unraisable.exc_value, KeyboardInterrupt | SystemExit)):
            hook(unraisable)

    return seen


class _Heard:
    """Standard output; a write that fails because nobody is left to read it is a stop, and the last one to fail."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        return int(self._tried(lambda: self._stream.write(text)) or 0)

    def flush(self) -> None:
        self._tried(self._stream.flush)

    def _tried(self, do: Callable[[], Any]) -> Any:
        try:
            return do()
        except OSError:
            _silence(self._stream.fileno())
            if not _begun:
                os._exit(SIGNALLED + PIPE)
            if not _asked:
                _asked.append(PIPE)
                if current_thread() is main_thread() and not _deferring:
                    _raise(PIPE)
            return None


def _silence(descriptor: int) -> None:
    """What is still written there goes nowhere, what waits in buffers too."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, descriptor)
    os.close(nowhere)
