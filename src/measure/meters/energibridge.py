"""The meter `energibridge`: EnergiBridge itself (Durieux, github.com/tdurieux/EnergiBridge), found and asked."""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from src.errors import MeterError
from src.measure.meters.program import Program

RELEASES = "https://github.com/tdurieux/EnergiBridge/releases"


@dataclass(kw_only=True)
class Settings:
    """What stands in `conf/meter/`."""

    # EnergiBridge's program; null looks for `energibridge` on the PATH.
    binary: str | None = None


def program(settings: Settings, _gpu: bool) -> Program:
    """EnergiBridge, wherever it is; raises MeterError, naming where to get it, where it is not."""
    binary = _find(settings.binary or "energibridge")
    version = _version(binary)
    return Program((binary,), "measured", f"EnergiBridge {version}", version, fails(binary))


def fails(binary: str, platform: str = sys.platform) -> str:
    """What to do where EnergiBridge is there but cannot read the counters; `platform` as in sys.platform."""
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


def _find(binary: str) -> str:
    found = shutil.which(binary)
    if found is None:
        raise MeterError(
            f"there is no program `{binary}` here or on PATH. Get EnergiBridge from {RELEASES}, then put it on "
            "PATH or name it with meter.binary=PATH"
        )
    return str(Path(found).resolve())


def _version(binary: str) -> str:
    """What `--version` says after the program's name."""
    try:
        done = subprocess.run([binary, "--version"], capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise MeterError(f"{binary} cannot be run ({error}); is it made for this system and executable?") from error
    return done.stdout.split()[-1] if done.stdout.split() else "of unknown version"
