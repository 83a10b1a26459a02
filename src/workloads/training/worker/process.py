"""What the worker asks of its operating system: die with its parent, run on certain CPUs, tell its memory."""

from __future__ import annotations

import ctypes
import os
import signal
import sys

from src.contract.events import STOPPED, EventLog

PR_SET_PDEATHSIG = 1


def die_with_parent() -> None:
    """Have the kernel kill this process when its parent ends (Linux; elsewhere the launcher sees to it)."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def tell_stops(log: EventLog) -> None:
    """Note whenever this process goes on after it was stopped; nothing is called before. Windows has no such signal."""
    if sys.platform != "win32":
        signal.signal(signal.SIGCONT, lambda *_: log.emit(STOPPED, "end"))


def set_affinity(cpus: list[int]) -> list[int]:
    """Run on these CPUs only (none given: on all); returns those in force, none where no one can say."""
    if sys.platform != "linux":
        return []
    if cpus:
        os.sched_setaffinity(0, cpus)
    return sorted(os.sched_getaffinity(0))


def peak_memory_bytes() -> int:
    """Largest resident set that this process has had."""
    if sys.platform == "win32":
        return _peak_working_set_bytes()
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # macOS reports bytes, Linux KiB.
    return peak if sys.platform == "darwin" else peak * 1024


def _peak_working_set_bytes() -> int:
    """Peak working set from PROCESS_MEMORY_COUNTERS, whose first two 32-bit fields come before it."""
    fields = (ctypes.c_size_t * 9)()
    windll = ctypes.windll  # type: ignore[attr-defined,unused-ignore]
    process = ctypes.c_void_p(windll.kernel32.GetCurrentProcess())
    if not windll.psapi.GetProcessMemoryInfo(process, ctypes.byref(fields), ctypes.sizeof(fields)):
        raise OSError("Windows did not tell this process's memory")
    return int(fields[1])
