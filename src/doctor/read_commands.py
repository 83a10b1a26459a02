"""What only commands of the system tell. One that is not there, fails or hangs tells nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import psutil

from src.doctor.state import Timer

PATIENCE_S = 5.0
CONTAINER_FILES = {Path("/.dockerenv"): "docker", Path("/run/.containerenv"): "podman"}
CPUINFO = Path("/proc/cpuinfo")
REBOOT = Path("/var/run/reboot-required")
UPDATERS = frozenset(
    ("apt", "apt-get", "aptitude", "dpkg", "unattended-upgr", "unattended-upgrade", "packagekitd", "dnf", "yum",
     "zypper", "pacman", "snap", "softwareupdated", "TiWorker.exe", "MoUsoCoreWorker.exe", "wuauclt.exe")
)  # fmt: skip
ON_DEMAND = frozenset(("packagekitd", "softwareupdated", "MoUsoCoreWorker.exe"))
"""These wait for orders most of the time; they count while they compute."""
WINDOWS_MODEL = "(Get-CimInstance Win32_ComputerSystem).Model"


def virtual_kind() -> str:
    """The hypervisor's name, nothing on a machine of its own."""
    if sys.platform == "darwin":
        return "a hypervisor" if answer("sysctl", "-n", "kern.hv_vmm_present").strip() == "1" else ""
    if sys.platform == "win32":
        model = answer("powershell", "-NoProfile", "-Command", WINDOWS_MODEL).strip()
        return model if "virtual" in model.lower() else ""
    said = answer("systemd-detect-virt", "--vm").strip()
    if said:
        return "" if said == "none" else said
    flags = CPUINFO.read_text(encoding="utf-8") if CPUINFO.is_file() else ""
    return "a hypervisor" if " hypervisor" in flags else ""


def container_kind() -> str:
    """The container's kind, nothing outside of one."""
    said = answer("systemd-detect-virt", "--container").strip() if sys.platform == "linux" else ""
    if said:
        return "" if said == "none" else said
    return next((kind for path, kind in CONTAINER_FILES.items() if path.exists()), "")


def timers() -> tuple[Timer, ...] | None:
    """What systemd starts by itself; None where there is no systemd."""
    return parse_timers(answer("systemctl", "list-timers", "--all", "--output=json"), time.time())


def parse_timers(text: str, now_s: float) -> tuple[Timer, ...] | None:
    """`next` is in µs since the epoch, 0 or null for a timer that is not going to start."""
    try:
        rows = json.loads(text)
        pending = [(str(row["unit"]), row["next"]) for row in rows if row["next"]]
        return tuple(Timer(unit.removesuffix(".timer"), max(0.0, next_us / 1e6 - now_s)) for unit, next_us in pending)
    except (ValueError, KeyError, TypeError):
        return None


def synchronised() -> bool | None:
    """Whether the clock follows a time server."""
    if sys.platform == "win32":
        said = answer("w32tm", "/query", "/status")
        return None if "Stratum" not in said else "Stratum: 0" not in said
    said = answer("timedatectl", "show", "--property=NTPSynchronized", "--value").strip()
    return {"yes": True, "no": False}.get(said)


def updaters() -> tuple[str, ...]:
    """Programs that install updates right now."""
    found = {process.info["name"] or "" for process in psutil.process_iter(["name"])}
    return tuple(sorted((found & UPDATERS) - ON_DEMAND))


def reboot_wanted() -> bool:
    """Whether Debian and its kin ask for a restart."""
    return REBOOT.exists()


def is_remote() -> bool:
    """Whether somebody works here through the network."""
    return "SSH_CONNECTION" in os.environ


def answer(*command: str) -> str:
    """What the command prints."""
    try:
        done = subprocess.run(command, capture_output=True, timeout=PATIENCE_S, check=False, stdin=subprocess.DEVNULL)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.decode("utf-8", errors="replace")
