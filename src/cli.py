"""The outermost layer of every command: what a mistake, a failure or Ctrl-C looks like to the user."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable

from hydra.errors import HydraException
from omegaconf.errors import OmegaConfBaseException

from src.config.complaints import explain, explain_bare
from src.config.schema import register
from src.errors import ConfigError, JoulebenchError, told

INTERRUPTED = 130
SIGNALLED = 128
DEBUG = "HYDRA_FULL_ERROR"


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


def _end_in_order(number: int, _frame: object) -> None:
    """Let a sweep file its summary before it ends, as after Ctrl-C."""
    raise SystemExit(SIGNALLED + number)


def _complain(message: str, exit_code: int) -> int:
    print(f"joulebench: {message}", file=sys.stderr)
    return exit_code
