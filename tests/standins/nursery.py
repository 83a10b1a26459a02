"""Does again and again what `python -m MODULE WORDS` does, without its imports: each line of standard input is one.

It is a JSON object with `module`, `words`, `folder` (where it runs), `out` and `errors` (files that get what it says)
and `environment`. Answers with the process's id, in a session of its own; that has ended once this process has waited
for it, which the line `ended ID CODE` says.
"""

from __future__ import annotations

import gc
import json
import os
import runpy
import signal
import sys
import tempfile
import threading
import warnings
from typing import Any

import matplotlib.pyplot  # noqa: F401

import src.cli
import src.protocol.sweep
import src.report.make
from src.track import open_store  # noqa: F401

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import src.track.store  # noqa: F401


def born(asked: dict[str, Any]) -> int:
    """A child that does it, and ends as Python ends."""
    child = os.fork()
    if child:
        return child
    os.setsid()
    os.chdir(asked["folder"])
    os.environ.clear()
    os.environ.update(asked["environment"])
    tempfile.tempdir = None  # which may be known by now
    appending = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    out, errors = (os.open(asked[name], appending) for name in ("out", "errors"))
    for place, descriptor in enumerate((os.open(os.devnull, os.O_RDONLY), out, errors)):
        os.dup2(descriptor, place)
    sys.argv = [asked["module"], *asked["words"]]
    runpy.run_module(asked["module"], run_name="__main__", alter_sys=True)
    sys.exit()


def tell(text: str) -> None:
    os.write(1, f"{text}\n".encode())


def wait_for(child: int) -> None:
    tell(f"ended {child} {os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])}")


if __name__ == "__main__":
    if hasattr(signal, "SIGHUP"):
        signal.signal(signal.SIGHUP, signal.SIG_DFL)  # which `nohup` would have them ignore
    signal.signal(signal.SIGINT, signal.default_int_handler)  # whoever runs tests in the background may ignore it
    gc.collect()
    gc.freeze()  # what was imported is neither looked at nor copied in the children
    tell("ready")
    for line in sys.stdin:
        pid = born(json.loads(line))
        tell(f"born {pid}")
        threading.Thread(target=wait_for, args=(pid,), daemon=True).start()
