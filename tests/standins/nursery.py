"""Starts joulebench again and again without its imports: each line of standard input is a command line in JSON.

Answers with the process's id, in a session of its own; that has ended once this process has waited for it, which the
line `ended ID CODE` says.
"""

from __future__ import annotations

import json
import os
import runpy
import signal
import sys
import threading
import warnings

import matplotlib.pyplot  # noqa: F401

import src.cli
import src.protocol.sweep
import src.report.make
from src.track import open_store  # noqa: F401

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import src.track.store  # noqa: F401


def born(words: list[str], folder: str, log: str) -> int:
    """A child that does what `python -m src.main WORDS` does in `folder`."""
    child = os.fork()
    if child:
        return child
    code = 99
    try:
        os.setsid()
        os.chdir(folder)
        output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        nothing = os.open(os.devnull, os.O_RDONLY)
        for place, descriptor in enumerate((nothing, output, output)):
            os.dup2(descriptor, place)
        sys.argv = ["main.py", *words]
        runpy.run_module("src.main", run_name="__main__", alter_sys=True)
    except SystemExit as ending:
        code = int(ending.code or 0)
    finally:
        sys.stdout.flush()
        os._exit(code)


def tell(text: str) -> None:
    os.write(1, f"{text}\n".encode())


def wait_for(child: int) -> None:
    tell(f"ended {child} {os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])}")


if __name__ == "__main__":
    if hasattr(signal, "SIGHUP"):
        signal.signal(signal.SIGHUP, signal.SIG_DFL)  # which `nohup` would have them ignore
    signal.signal(signal.SIGINT, signal.default_int_handler)  # whoever runs tests in the background may ignore it
    tell("ready")
    for line in sys.stdin:
        pid = born(*json.loads(line))
        tell(f"born {pid}")
        threading.Thread(target=wait_for, args=(pid,), daemon=True).start()
