"""What a user can type so that a meter works on this system."""

from __future__ import annotations

import sys

RELEASES = "https://github.com/tdurieux/EnergiBridge/releases"


def energibridge_missing(binary: str) -> str:
    """EnergiBridge is not where it was looked for."""
    return (
        f"there is no program `{binary}` here or on PATH. Get EnergiBridge from {RELEASES}, then put it on "
        "PATH or name it with meter.binary=PATH"
    )


def energibridge_fails(binary: str, platform: str = sys.platform) -> str:
    """EnergiBridge is there but cannot read the counters; `platform` as in sys.platform."""
    if platform == "win32":
        return (
            "EnergiBridge needs its driver and an administrator's shell. In a terminal opened with `Run as "
            "administrator`:\n"
            '  sc.exe create rapl type=kernel binPath="C:\\FULL\\PATH\\TO\\LibreHardwareMonitor.sys"\n'
            "  sc.exe start rapl\n"
            "and start this program from the same terminal"
        )
    if platform == "darwin":
        return (
            "EnergiBridge reads the system management controller and needs no rights beyond being "
            "allowed to run:\n"
            f"  chmod +x {binary}\n"
            f"  xattr -d com.apple.quarantine {binary}\n"
            f"and a release made for this processor ({RELEASES})"
        )
    return (
        "EnergiBridge reads /dev/cpu/*/msr and needs the right to. Type (again after every boot, and "
        "setcap after every move of the binary):\n"
        "  sudo modprobe msr\n"
        "  sudo chmod a+r /dev/cpu/*/msr\n"
        f"  sudo setcap cap_sys_rawio=ep {binary}\n"
        "Virtual machines and containers usually have no such counters at all"
    )


def sample_too_slow(log: str, interval_ms: int) -> str:
    """What to do where EnergiBridge's output says that a sample took longer than the interval, else nothing."""
    if "subtracting durations" not in log:
        return ""
    return f"taking a sample took longer than the interval of {interval_ms} ms; raise meter.interval_ms"
