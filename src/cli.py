"""The outermost layer of every command: what a mistake, a failure or Ctrl-C looks like to the user."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable

from hydra import compose, initialize_config_dir
from hydra._internal.utils import get_args_parser
from hydra.errors import HydraException
from omegaconf.errors import OmegaConfBaseException

from src.config.complaints import explain
from src.config.schema import Config, register, typed
from src.errors import ConfigError, JoulebenchError, told
from src.paths import CONF

INTERRUPTED = 130
SIGNALLED = 128
DEBUG = "HYDRA_FULL_ERROR"


def command_line(command: Callable[[], object], check: Callable[[Config], object]) -> int:
    """Run a Hydra command; returns its exit code: 2 for a user's mistake, 1 for failed runs, 130 after Ctrl-C.

    `check` sees the configuration of a single run before Hydra makes an output folder for it; a sweep is checked by
    its sweeper.

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
        _check_single(sys.argv[1:], check)
        command()
    except KeyboardInterrupt as stop:
        return _complain(f"stopped by Ctrl-C; what was finished is kept{told(stop)}", INTERRUPTED)
    except (JoulebenchError, HydraException, OmegaConfBaseException) as error:
        if wants_traceback:
            raise
        if isinstance(error, JoulebenchError):
            return _complain(told(error), error.exit_code)
        return _complain(explain(error), ConfigError.exit_code)
    except OSError as error:  # after Hydra's: its MissingConfigException is one too
        if wants_traceback:
            raise
        return _complain(f"{error}; what was finished is kept", JoulebenchError.exit_code)
    return 0


def _check_single(arguments: list[str], check: Callable[[Config], object]) -> None:
    args = get_args_parser().parse_args(arguments)
    asks_otherwise = args.multirun or args.cfg or args.help or args.hydra_help or args.info or args.shell_completion
    elsewhere = args.config_name or args.config_path or args.config_dir
    mode = any(override.lstrip("+").startswith("hydra.mode=") for override in args.overrides)
    if asks_otherwise or elsewhere or mode:
        return
    with initialize_config_dir(str(CONF), version_base="1.3"):
        check(typed(compose("config", overrides=args.overrides)))


def _end_in_order(number: int, _frame: object) -> None:
    """Let a sweep file its summary before it ends, as after Ctrl-C."""
    raise SystemExit(SIGNALLED + number)


def _complain(message: str, exit_code: int) -> int:
    print(f"joulebench: {message}", file=sys.stderr)
    return exit_code
