"""The outermost layer of every command: what a mistake, a failure or Ctrl-C looks like to the user."""

from __future__ import annotations

import codecs
import io
import os
import signal
import sys
import unicodedata
from collections.abc import Callable

from hydra.errors import HydraException
from omegaconf.errors import OmegaConfBaseException

from src.config.complaints import explain, explain_bare
from src.config.schema import register
from src.errors import ConfigError, JoulebenchError, told
from src.public import hide_in_tracebacks, shown

INTERRUPTED = 130
SIGNALLED = 128
DEBUG = "HYDRA_FULL_ERROR"
PLAIN = str.maketrans("−–—─━·×≤≥", "----=*x<>")
"""What stands for signs that a terminal of few characters lacks, and that Unicode itself knows no plain form of."""


def command_line(command: Callable[[], object]) -> int:
    """Run a Hydra command; returns its exit code: 2 for a user's mistake, 1 for failed runs, 130 after Ctrl-C.

    Errors that are the user's to mend are one line without a traceback, unless HYDRA_FULL_ERROR=1 asks for it.
    """
    wants_traceback = os.environ.get(DEBUG) == "1"
    os.environ[DEBUG] = "1"  # Hydra then lets exceptions through instead of printing them and ending with 1.
    for name in ("SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)  # Windows has no SIGHUP, and `nohup` ignores it.
        if number is not None and signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, _end_in_order)
    _write_what_the_terminal_knows()
    hide_in_tracebacks()
    register()
    try:
        command()
    except KeyboardInterrupt as stop:
        return _complain(f"stopped by Ctrl-C; what was finished is kept{told(stop)}", INTERRUPTED)
    except (JoulebenchError, HydraException, OmegaConfBaseException) as error:
        if wants_traceback:
            raise
        if isinstance(error, JoulebenchError):
            return _complain(told(error), error.exit_code)
        return _complain(explain(error), ConfigError.exit_code)
    except (AssertionError, ValueError) as error:  # which are bugs, but for a few of Hydra's and OmegaConf's
        line = explain_bare(error, sys.argv[1:])
        if wants_traceback or line is None:
            raise
        return _complain(line, ConfigError.exit_code)
    except OSError as error:  # after Hydra's: its MissingConfigException is one too
        if wants_traceback:
            raise
        return _complain(f"{error}; what was finished is kept", JoulebenchError.exit_code)
    return 0


def _write_what_the_terminal_knows() -> None:
    """Let no sign that standard output or error cannot encode end a command: a plainer one is written instead."""
    codecs.register_error("plainer", _plainer)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper) and stream.errors == "strict":
            stream.reconfigure(errors="plainer")


def _plainer(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    signs = unicodedata.normalize("NFKD", error.object[error.start : error.end]).translate(PLAIN)
    return "".join(sign if sign.isascii() else "?" for sign in signs), error.end


def _end_in_order(number: int, _frame: object) -> None:
    """Let a sweep file its summary before it ends, as after Ctrl-C."""
    raise SystemExit(SIGNALLED + number)


def _complain(message: str, exit_code: int) -> int:
    print(f"joulebench: {shown(message)}", file=sys.stderr)
    return exit_code
