"""Read the machine itself: psutil where it knows, Linux' own files where it does not."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TypeVar

import psutil

from src.config.cpus import allowed_cpus, cpu_quota
from src.doctor.read_commands import container_kind, virtual_kind
from src.doctor.state import Busy, Held, Processor, Room, Supply
from src.measure.disturbance import Disturbance, snapshot
from src.measure.meters.processor import packages

T = TypeVar("T")
SYS = Path("/sys")
CPU = "devices/system/cpu"
SHOWN, LEAST_SHARE = 3, 0.01
"""How many programs are named, and from which share of all CPUs on."""
READABLE_SMT = {"1": "on", "0": "off", "on": "on", "off": "off", "forceoff": "off", "notsupported": "off"}


def look(seconds: float, most_foreign_share: float) -> tuple[Busy, Disturbance]:
    """Let `seconds` pass without doing anything, and see what others did."""
    before, programs, own_s = snapshot(), _cpu_by_program(), _own_cpu_s()
    time.sleep(seconds)
    after, own_s = snapshot(), _own_cpu_s() - own_s
    seen = Disturbance.between(before, after, own_s)
    elapsed_s = max(after.monotonic_s - before.monotonic_s, 1e-3)
    shares = _grown(programs, _cpu_by_program(), elapsed_s * after.cpus)
    busy = Busy(seen.foreign_cpu_share, seen.steal_share, shares, seen.clock_step_s, most_foreign_share)
    return busy, seen


def _own_cpu_s() -> float:
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def _cpu_by_program() -> dict[tuple[int, str], float]:
    """CPU seconds of every process that may be looked at but this one, by number and name."""
    found = {}
    for process in psutil.process_iter(["pid", "name", "cpu_times"]):
        times = process.info["cpu_times"]
        if times is not None and process.info["pid"] != os.getpid():
            found[process.info["pid"], process.info["name"] or "?"] = times.user + times.system
    return found


def _grown(
    before: Mapping[tuple[int, str], float], after: Mapping[tuple[int, str], float], capacity_s: float
) -> tuple[tuple[str, float], ...]:
    """The programs that used most, the first one first."""
    used: dict[str, float] = {}
    for (pid, name), cpu_s in after.items():
        used[name] = used.get(name, 0.0) + (cpu_s - before.get((pid, name), cpu_s)) / capacity_s
    most = sorted(used.items(), key=lambda item: item[1], reverse=True)[:SHOWN]
    return tuple((name, share) for name, share in most if share >= LEAST_SHARE)


def read_processor(seen: Disturbance, root: Path = SYS) -> Processor:
    """What stands in /sys, and what was seen during the look."""
    cpus = root / CPU
    now = snapshot()
    most, allowed = (_mean_mhz(cpus, f"{name}_max_freq") for name in ("cpuinfo", "scaling"))
    return Processor(
        packages=packages(cpus),
        governors=tuple(sorted(set(_of_each(cpus, "scaling_governor")))),
        driver=next(iter(_of_each(cpus, "scaling_driver")), ""),
        turbo=_turbo(cpus),
        smt=READABLE_SMT.get(_text(cpus / "smt/control"), ""),
        most_mhz=most,
        allowed_mhz=allowed,
        now_mhz=seen.frequency_end_mhz or (None if sys.platform == "linux" else _mhz_of_psutil()),
        temperature_c=seen.temperature_end_c,
        throttled=seen.throttled,
        throttled_since_boot=now.throttled,
    )


def _mhz_of_psutil() -> float | None:
    frequency = _told(lambda: psutil.cpu_freq())
    return frequency.current if frequency else None


def _told(ask: Callable[[], T]) -> T | None:
    """What psutil tells; systems lack some of its functions, and containers some of the files that it reads."""
    try:
        return ask()
    except (AttributeError, NotImplementedError, OSError, RuntimeError, psutil.Error):
        return None


def _turbo(cpus: Path) -> bool | None:
    """Intel's driver says whether there is none, all others whether there is some."""
    none, some = _text(cpus / "intel_pstate/no_turbo"), _text(cpus / "cpufreq/boost")
    return none == "0" if none else some == "1" if some else None


def read_supply(root: Path = SYS) -> Supply:
    """Battery by psutil, the platform's profile by Linux."""
    battery = _told(lambda: psutil.sensors_battery())
    profile = _text(root / "firmware/acpi/platform_profile")
    if battery is None:
        return Supply(profile=profile)
    return Supply(True, battery.power_plugged, float(battery.percent), profile)


def read_room(seen: Disturbance, folder: Path) -> Room:
    """`folder` is where runs are kept."""
    memory, disk = psutil.virtual_memory(), psutil.disk_usage(str(folder))
    swap = _told(lambda: psutil.swap_memory())
    return Room(
        memory=memory.total,
        memory_free=memory.available,
        swap=swap.total if swap else 0,
        swap_used=swap.used if swap else 0,
        swapped_in=seen.swapped_in_bytes,
        disk_free=disk.free,
        disk_place=folder.name,
    )


def read_held() -> Held:
    """What holds this system."""
    quota = cpu_quota()
    return Held(
        virtual=virtual_kind(),
        container=container_kind(),
        cpus=os.cpu_count() or 1,
        allowed_cpus=len(allowed_cpus()),
        quota_cpus=quota if quota < float("inf") else None,
    )


def displays(root: Path = SYS) -> tuple[str, ...] | None:
    """Connectors of graphics cards with a screen that is not asleep; None where the system shows no cards."""
    if sys.platform != "linux":
        return None
    if not (root / "class/drm").is_dir():
        return ()
    return tuple(
        sorted(
            folder.name.partition("-")[2]
            for folder in (root / "class/drm").glob("card*-*")
            if _text(folder / "status") == "connected" and _text(folder / "dpms") != "Off"
        )
    )


def networks() -> tuple[str, ...]:
    """Interfaces that are up and have an address of their own, but loopback and bridges within this machine."""
    up = {name for name, stats in (_told(lambda: psutil.net_if_stats()) or {}).items() if stats.isup}
    addressed = {
        name
        for name, addresses in (_told(lambda: psutil.net_if_addrs()) or {}).items()
        for address in addresses
        if address.family.name in ("AF_INET", "AF_INET6") and not address.address.startswith(("127.", "::1", "fe80"))
    }
    inner = ("lo", "docker", "veth", "br-", "virbr", "utun", "awdl", "Loopback")
    return tuple(sorted(name for name in up & addressed if not name.startswith(inner)))


def clock_step_ns() -> int:
    """The smallest step of the wall clock, which events are stamped with."""
    steps = set()
    for _ in range(200):
        begin = time.time_ns()
        while (end := time.time_ns()) == begin:
            pass
        steps.add(end - begin)
    return max(1, min(steps))


def clock_source(root: Path = SYS) -> str:
    """What Linux takes its time from."""
    return _text(root / "devices/system/clocksource/clocksource0/current_clocksource")


def _mean_mhz(cpus: Path, name: str) -> float | None:
    found = [float(text) / 1000 for text in _of_each(cpus, name) if text.isdecimal()]
    return sum(found) / len(found) if found else None


def _of_each(cpus: Path, name: str) -> Iterator[str]:
    texts = (_text(path) for path in sorted(cpus.glob(f"cpu[0-9]*/cpufreq/{name}")))
    return (text for text in texts if text)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except OSError:
        return ""
