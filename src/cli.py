"""The outermost layer of every command: what a mistake, a failure or Ctrl-C looks like to the user."""

from __future__ import annotations

import codecs
import io
import os
import sys
import unicodedata
from collections.abc import Callable
from pathlib import Path

from hydra.errors import HydraException
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from src import stops
from src.config.complaints import explain, explain_bare, explain_yaml
from src.config.schema import register
from src.errors import ConfigError, JoulebenchError, told
from src.public import hide_in_tracebacks, shown

INTERRUPTED = 130
DEBUG = "HYDRA_FULL_ERROR"
PLAIN = str.maketrans("−–—─━·×≤≥", "----=*x<>")
"""What stands for signs that a terminal of few characters lacks, and that Unicode itself knows no plain form of."""


def command_line(command: Callable[[], object]) -> int:
    """Run a Hydra command; returns its exit code: 2 for a user's mistake, 1 for failed runs, 130 after Ctrl-C.

    Errors that are the user's to mend are one line without a traceback, unless HYDRA_FULL_ERROR=1 asks for it.
    """
    wants_traceback = os.environ.get(DEBUG) == "1"
    os.environ[DEBUG] = "1"  # Hydra then lets exceptions through instead of printing them and ending with 1.
    _write_what_the_terminal_knows()
    hide_in_tracebacks()
    register()
    try:
        stops.begin()
        command()
        sys.stdout.flush()
        stops.check()
    except (KeyboardInterrupt, SystemExit) as stop:
        code = stops.asked()
        if code is not None:
            return _complain(stops.told() + _noted(stop), code)
        if isinstance(stop, SystemExit):
            raise
        return _complain(f"stopped by Ctrl-C; {stops.KEPT}{_noted(stop)}", INTERRUPTED)
    except (JoulebenchError, HydraException, OmegaConfBaseException) as error:
        if wants_traceback:
            raise
        if isinstance(error, JoulebenchError):
            return _complain(told(error), error.exit_code)
        is_main = Path(sys.argv[0]).name == "main.py"
        return _complain(explain(error, sys.argv[1:] if is_main else ()), ConfigError.exit_code)
    except YAMLError as error:
        if wants_traceback:
            raise
        return _complain(explain_yaml(error), ConfigError.exit_code)
    except (AssertionError, ValueError) as error:  # which are bugs, but for a few of Hydra's and OmegaConf's
        line = explain_bare(error, sys.argv[1:])
        if wants_traceback or line is None:
            raise
        return _complain(line, ConfigError.exit_code)
    except OSError as error:  # after Hydra's: its MissingConfigException is one too
        if wants_traceback:
            raise
        where = f"{error.filename}: {error.strerror}" if error.filename else str(error)
        line = f"{where}; see to that, then give the same command again: what was finished is kept"
        return _complain(line, JoulebenchError.exit_code)
    return 0


def _write_what_the_terminal_knows() -> None:
    """Let no sign that standard output or error cannot encode end a command: a plainer one is written instead."""
    codecs.register_error("plainer", _plainer)
    for stream in (sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__):
        if isinstance(stream, io.TextIOWrapper) and stream.errors == "strict":
            stream.reconfigure(errors="plainer")


def _plainer(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    signs = unicodedata.normalize("NFKD", error.object[error.start : error.end]).translate(PLAIN)
    return "".join(sign if sign.isascii() else "?" for sign in signs), error.end


def _noted(stop: BaseException) -> str:
    return "".join(f"\n{note}" for note in getattr(stop, "__notes__", ()))


def _complain(message: str, exit_code: int) -> int:
    stops.say(shown(message))
    return exit_code
