"""What the rest of the machine did while a command ran: read once before it and once after it, never in between.

Standard library only where Linux tells it, so that reading takes a millisecond; elsewhere psutil. Every run's guard
loads this file, so it imports no dataclasses, which would take longer than all the rest.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple, Self

LINUX = sys.platform == "linux"
PROC, CPUS, THERMAL, HWMON = (
    Path("/proc"),
    Path("/sys/devices/system/cpu"),
    Path("/sys/class/thermal"),
    Path("/sys/class/hwmon"),
)
PACKAGE_SENSORS = ("x86_pkg_temp", "coretemp", "k10temp", "zenpower", "cpu_thermal", "cpu-thermal", "soc_thermal")
"""What Linux calls the sensors of a processor's package."""


class Snapshot(NamedTuple):
    """The machine at one moment. CPU seconds are summed over all CPUs since boot; None where it does not show them.

    `wall_s` is epoch time, `monotonic_s` stands still while the machine is suspended, `boot_s` does not.
    """

    wall_s: float
    monotonic_s: float
    boot_s: float
    cpus: int
    busy_cpu_s: float | None
    steal_cpu_s: float | None
    swapped_in_pages: int | None
    throttled: int | None
    frequency_mhz: float | None
    temperature_c: float | None


class Disturbance(NamedTuple):
    """What happened between two snapshots, and the machine's state at both; None where it is not shown.

    `foreign_cpu_share` is the share of all CPU time that others than the command and its meter used; `steal_share`
    what a hypervisor gave to other machines. `clock_step_s` is how far the wall clock was set, `suspended_s` how long
    the machine slept.
    """

    foreign_cpu_share: float | None
    steal_share: float | None
    swapped_in_bytes: int | None
    throttled: int | None
    clock_step_s: float
    suspended_s: float
    frequency_begin_mhz: float | None
    frequency_end_mhz: float | None
    temperature_begin_c: float | None
    temperature_end_c: float | None

    @classmethod
    def between(cls, before: Snapshot, after: Snapshot, own_cpu_s: float) -> Self:
        """`own_cpu_s` is the CPU time of the command's and the meter's process tree, as the kernel counted it."""
        elapsed_s = max(after.monotonic_s - before.monotonic_s, 1e-3)
        capacity_s = elapsed_s * after.cpus
        busy_s, steal_s = _grown(before.busy_cpu_s, after.busy_cpu_s), _grown(before.steal_cpu_s, after.steal_cpu_s)
        pages = _grown(before.swapped_in_pages, after.swapped_in_pages)
        throttled = _grown(before.throttled, after.throttled)
        return cls(
            foreign_cpu_share=None if busy_s is None else max(0.0, busy_s - own_cpu_s) / capacity_s,
            steal_share=None if steal_s is None else steal_s / capacity_s,
            swapped_in_bytes=None if pages is None else int(pages) * os.sysconf("SC_PAGE_SIZE"),
            throttled=None if throttled is None else int(throttled),
            clock_step_s=(after.wall_s - before.wall_s) - (after.boot_s - before.boot_s),
            suspended_s=max(0.0, (after.boot_s - before.boot_s) - (after.monotonic_s - before.monotonic_s)),
            frequency_begin_mhz=before.frequency_mhz,
            frequency_end_mhz=after.frequency_mhz,
            temperature_begin_c=before.temperature_c,
            temperature_end_c=after.temperature_c,
        )

    @classmethod
    def of(cls, values: dict[str, Any]) -> Self:
        """From what `plain` made of it."""
        return cls(**{name: values[name] for name in cls._fields})

    def plain(self) -> dict[str, Any]:
        """As JSON takes it."""
        return self._asdict()


def snapshot() -> Snapshot:
    """Read the machine's state; takes a few milliseconds on Linux."""
    wall_s, monotonic_s = time.time(), time.monotonic()
    boot_s = time.clock_gettime(time.CLOCK_BOOTTIME) if LINUX else monotonic_s
    busy_s, steal_s = _cpu_linux(PROC) if LINUX else _cpu_elsewhere()
    return Snapshot(
        wall_s=wall_s,
        monotonic_s=monotonic_s,
        boot_s=boot_s,
        cpus=os.cpu_count() or 1,
        busy_cpu_s=busy_s,
        steal_cpu_s=steal_s,
        swapped_in_pages=_vmstat(PROC, "pswpin"),
        throttled=_total(CPUS.glob("cpu[0-9]*/thermal_throttle/*_throttle_count")),
        frequency_mhz=_mean_mhz(CPUS),
        temperature_c=package_temperature_c(),
    )


def package_temperature_c(thermal: Path = THERMAL, hwmon: Path = HWMON) -> float | None:
    """The hottest of the processor packages' own sensors, None where the system shows none."""
    zones = [zone / "temp" for zone in thermal.glob("thermal_zone*") if _text(zone / "type") in PACKAGE_SENSORS]
    chips = [chip for chip in hwmon.glob("hwmon*") if _text(chip / "name") in PACKAGE_SENSORS]
    readings = [_number(path) for path in (*zones, *(path for chip in chips for path in chip.glob("temp*_input")))]
    known = [reading / 1000 for reading in readings if reading is not None]
    return max(known, default=None)


def _cpu_linux(proc: Path) -> tuple[float | None, float | None]:
    """Busy and stolen seconds of all CPUs (proc(5)); `guest` is part of `user`."""
    try:
        with (proc / "stat").open(encoding="ascii") as file:
            ticks = [int(word) for word in file.readline().split()[1:]]
        user, nice, system, _, _, irq, softirq, steal = ticks[:8]
    except (OSError, ValueError):
        return None, None
    per_s = os.sysconf("SC_CLK_TCK")
    return (user + nice + system + irq + softirq) / per_s, steal / per_s


def _cpu_elsewhere() -> tuple[float | None, float | None]:
    import psutil

    times = psutil.cpu_times()
    return times.user + times.system + getattr(times, "nice", 0.0), None


def _vmstat(proc: Path, name: str) -> int | None:
    try:
        with (proc / "vmstat").open(encoding="ascii") as file:
            return next((int(line.split()[1]) for line in file if line.startswith(f"{name} ")), None)
    except (OSError, ValueError):
        return None


def _mean_mhz(cpus: Path) -> float | None:
    found = [_number(path) for path in cpus.glob("cpu[0-9]*/cpufreq/scaling_cur_freq")]
    known = [khz / 1000 for khz in found if khz is not None]
    return sum(known) / len(known) if known else None


def _total(paths: Iterable[Path]) -> int | None:
    known = [int(count) for count in map(_number, paths) if count is not None]
    return sum(known) if known else None


def _number(path: Path) -> float | None:
    try:
        return float(path.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except OSError:
        return ""


def _grown(before: float | None, after: float | None) -> float | None:
    return None if before is None or after is None else max(0.0, after - before)
