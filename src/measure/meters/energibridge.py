"""The meter `energibridge`: EnergiBridge itself (Durieux, github.com/tdurieux/EnergiBridge), found and asked."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from src.contract.flags import Flag
from src.errors import MeterError
from src.measure.meters.gpus import visible_gpus
from src.measure.meters.processor import fixed_dram_unit, packages
from src.measure.meters.program import Program
from src.measure.meters.remarks import NONE, Remarks
from src.measure.meters.remedies import MSR_RIGHTS, WINDOWS_DRIVER

ONE_SOCKET = "one_socket"
DRAM = "DRAM_ENERGY (J)"
RELEASES = "https://github.com/tdurieux/EnergiBridge/releases"
VERSION = re.compile(r"\d+(\.\d+)+[\w.+-]*", re.ASCII)
VERSION_S = 10
NAME = "energibridge"
"""Longer than any program takes to tell its version."""


@dataclass(kw_only=True)
class Settings:
    """What stands in `conf/meter/`."""

    # EnergiBridge's program; null looks for `energibridge` on the PATH.
    binary: str | None = None
    # Refuse a machine of several processor packages, of which it reads one, instead of flagging every run.
    strict: bool = False


def program(settings: Settings, gpu: bool) -> Program:
    """EnergiBridge, wherever it is; raises MeterError, naming where to get it, where it is not.

    With `strict`, a machine of which it would miss energy is refused.
    """
    binary = _find(settings.binary or "energibridge")
    version, remarks = _version(binary), _of_processor()
    missed = [flag.text for flag in remarks.flags if flag.code == ONE_SOCKET]
    if settings.strict and missed:
        raise MeterError(f"{missed[0]}, or meter.strict=false to have its runs flagged")
    return Program(
        (binary,),
        "measured",
        f"EnergiBridge {version}",
        version,
        fails(binary),
        remarks + (_of_gpus() if gpu else NONE),
    )


def _of_gpus() -> Remarks:
    """EnergiBridge reads all GPUs: those that a run may not see are left out."""
    import pynvml

    try:
        pynvml.nvmlInit()
        visible = visible_gpus(pynvml, os.environ)
        pynvml.nvmlShutdown()
    except pynvml.NVMLError:
        return NONE
    return Remarks(visible.flags, tuple(f"GPU{index}_POWER (mWatts)" for index in visible.hidden))


def _of_processor() -> Remarks:
    """What EnergiBridge gets wrong on this machine: it reads one package, and all counters in the package's unit."""
    flags, left_out = [], []
    if (count := packages()) > 1:
        text = f"EnergiBridge reads one of this machine's {count} processor packages, so energy is missing"
        flags.append(Flag(ONE_SOCKET, f"{text}: use meter=native", grave=True))
    if kind := fixed_dram_unit():
        text = f"on {kind} EnergiBridge shows about four times the DRAM's energy: `{DRAM}` is left out"
        flags.append(Flag("dram_unit", f"{text}; meter=native reads it right"))
        left_out.append(DRAM)
    return Remarks(tuple(flags), tuple(left_out))


def fails(binary: str, platform: str = sys.platform) -> str:
    """What to do where EnergiBridge is there but cannot read the counters; `platform` as in sys.platform."""
    if platform == "win32":
        return WINDOWS_DRIVER
    if platform == "darwin":
        return (
            "EnergiBridge reads the system management controller and needs no rights beyond being "
            "allowed to run:\n"
            f"  chmod +x {binary}\n"
            f"  xattr -d com.apple.quarantine {binary}\n"
            f"and a release made for this processor ({RELEASES})"
        )
    return MSR_RIGHTS.format(binary=binary)


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
        done = subprocess.run([binary, "--version"], capture_output=True, timeout=VERSION_S, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise MeterError(f"{binary} cannot be run ({error}); is it made for this system and executable?") from error
    said = done.stdout.decode("utf-8", errors="replace").strip()
    if said[:1].isalpha() and NAME not in said.lower():
        raise MeterError(
            f"{binary} is another program (its --version says `{said.splitlines()[0]}`); name EnergiBridge's with "
            f"meter.binary=PATH, from {RELEASES}"
        )
    found = VERSION.search(said)
    return found.group() if found else "of unknown version"
