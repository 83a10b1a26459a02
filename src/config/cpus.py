"""How many CPUs this process may really use: its affinity, and the CPU quotas of its cgroups (cgroups(7))."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from pathlib import Path

PROC = Path("/proc/self")
ROOT = Path("/")


def allowed_cpus() -> list[int]:
    """The CPUs this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count() or 1))


def usable_cpus() -> int:
    """How many CPUs' time this process may use: threads beyond a quota would only be throttled. At least 1."""
    return max(1, int(min(len(allowed_cpus()), cpu_quota())))


def cpu_quota(proc: Path | None = None, root: Path | None = None) -> float:
    """The least quota of this process' cgroup and those above it, in CPUs; infinite where there is none.

    `proc` is its folder in /proc, `root` the folder in which the mounts of its cgroups lie.
    """
    proc, root = proc or PROC, root or ROOT
    try:
        folders = list(_cgroup_folders((proc / "cgroup").read_text(), (proc / "mountinfo").read_text(), root))
    except (OSError, ValueError):
        return math.inf
    return min((_quota(folder) for folder in folders), default=math.inf)


def _cgroup_folders(cgroups: str, mountinfo: str, root: Path) -> Iterator[Path]:
    """The folders of the cgroups that this process is in, and of those above, as far as they are mounted here."""
    for line in cgroups.splitlines():
        _, controllers, own = line.split(":", 2)
        if controllers and "cpu" not in controllers.split(","):
            continue
        for within, mounted_at in _mounts(mountinfo, "cpu" if controllers else ""):
            top = root / mounted_at.lstrip("/")
            folder = _below(top, own, within)
            yield from (folder, *(above for above in folder.parents if above.is_relative_to(top)))


def _mounts(mountinfo: str, controller: str) -> Iterator[tuple[str, str]]:
    """Where a controller (none: version 2) is mounted, and which cgroup shows there (proc_pid_mountinfo(5))."""
    for line in mountinfo.splitlines():
        mount, _, kind = line.partition(" - ")
        fields, (name, _, options) = mount.split(), kind.split(maxsplit=2)
        if name == ("cgroup" if controller else "cgroup2") and (not controller or controller in options.split(",")):
            yield fields[3], fields[4]


def _below(top: Path, own: str, within: str) -> Path:
    """The folder of cgroup `own` in a mount that shows `within`; the mount itself where that lies elsewhere."""
    try:
        return top / Path(own).relative_to(within)
    except ValueError:
        return top


def _quota(folder: Path) -> float:
    """CPUs: quota by period, of version 2 (`cpu.max`) or 1; infinite where there is none."""
    try:
        quota, period = (folder / "cpu.max").read_text().split()
    except (OSError, ValueError):
        try:
            quota = (folder / "cpu.cfs_quota_us").read_text().strip()
            period = (folder / "cpu.cfs_period_us").read_text().strip()
        except OSError:
            return math.inf
    if not quota.isdecimal() or not period.isdecimal() or int(period) == 0:
        return math.inf
    return int(quota) / int(period)
