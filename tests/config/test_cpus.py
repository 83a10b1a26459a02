"""The CPUs that a process may use, by the quotas of cgroups that were seen in the wild."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from src.config import cpus
from src.config.check import check
from src.config.cpus import cpu_quota, usable_cpus

V2 = "30 23 0:26 {within} /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n"
V1 = "32 31 0:29 {within} /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n"
OTHERS = "23 28 0:21 / /proc rw - proc proc rw\n35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
HYBRID = OTHERS + V1 + "41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n"

CASES = [
    pytest.param("0::/\n", V2, {"": "100000 100000"}, 1, id="v2: a container"),
    pytest.param("0::/\n", V2, {"": "max 100000"}, math.inf, id="v2: max"),
    pytest.param("0::/\n", V2, {}, math.inf, id="v2: the root has no quota"),
    pytest.param("0::/\n", V2, {"": "250000 100000"}, 2.5, id="v2: a broken number"),
    pytest.param("0::/\n", V2, {"": "50000 100000"}, 0.5, id="v2: half a CPU"),
    pytest.param("0::/a/b\n", V2, {"a/b": "max 100000", "a": "300000 100000"}, 3, id="v2: a nested group's parent"),
    pytest.param("0::/a/b\n", V2, {"a/b": "200000 100000", "a": "300000 100000"}, 2, id="v2: nested, the inner one"),
    pytest.param("0::/a\n", V2, {"a": "max 100000", "other": "100000 100000"}, math.inf, id="v2: somebody else's"),
    pytest.param("0::/../../a\n", V2, {"": "100000 100000"}, 1, id="v2: from outside the namespace"),
    pytest.param("4:memory:/\n3:cpu,cpuacct:/\n", OTHERS + V1, {"": "150000"}, 1.5, id="v1"),
    pytest.param("3:cpu,cpuacct:/\n", V1, {"": "-1"}, math.inf, id="v1: none"),
    pytest.param("3:cpu,cpuacct:/a/b\n", V1, {"a/b": "-1", "a": "100000"}, 1, id="v1: nested"),
    pytest.param("3:cpuset:/a\n", V1, {"a": "100000"}, math.inf, id="v1: another controller"),
    pytest.param("3:cpu,cpuacct:/\n0::/\n", HYBRID, {"": "100000"}, 1, id="v1 beside v2"),
]


@pytest.mark.parametrize(("cgroups", "mounts", "quotas", "found"), CASES)
def test_the_quota(tmp_path: Path, cgroups: str, mounts: str, quotas: dict[str, str], found: float) -> None:
    assert cpu_quota(*machine(tmp_path, cgroups, mounts, "/", quotas)) == found


def test_a_container_that_sees_its_hosts_paths(tmp_path: Path) -> None:
    """Version 1 without a namespace: the mount shows the container's own cgroup, whose path is the host's."""
    where = machine(tmp_path, "3:cpu,cpuacct:/docker/1f/inner\n", V1, "/docker/1f", {"": "300000", "inner": "200000"})
    assert cpu_quota(*where) == 2


def machine(folder: Path, cgroups: str, mounts: str, within: str, quotas: dict[str, str]) -> tuple[Path, Path]:
    """A process' folder in /proc, and the root below which its cgroups are mounted."""
    (folder / "proc").mkdir()
    (folder / "proc" / "cgroup").write_text(cgroups)
    (folder / "proc" / "mountinfo").write_text(mounts.format(within=within))
    for path, quota in quotas.items():
        name = "sys/fs/cgroup" if mounts == V2 else "sys/fs/cgroup/cpu,cpuacct"
        group = folder / "root" / name / path
        group.mkdir(parents=True, exist_ok=True)
        if mounts == V2:
            (group / "cpu.max").write_text(f"{quota}\n")
        else:
            (group / "cpu.cfs_quota_us").write_text(f"{quota}\n")
            (group / "cpu.cfs_period_us").write_text("100000\n")
    return folder / "proc", folder / "root"


@pytest.mark.parametrize("damaged", ["", "nonsense\n", "0:cpu\n"])
def test_what_cannot_be_read_is_no_quota(tmp_path: Path, damaged: str) -> None:
    assert cpu_quota(tmp_path / "absent", tmp_path) == math.inf
    proc, root = machine(tmp_path, damaged, V2, "/", {"": "100000 100000"})
    assert cpu_quota(proc, root) == math.inf


@pytest.fixture
def four_cpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A process that may run on four CPUs, in a container."""
    proc, root = machine(tmp_path, "0::/\n", V2, "/", {"": "max 100000"})
    monkeypatch.setattr(cpus, "PROC", proc)
    monkeypatch.setattr(cpus, "ROOT", root)
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {0, 1, 2, 3}, raising=False)
    monkeypatch.setattr("os.cpu_count", lambda: 4)
    return root / "sys/fs/cgroup/cpu.max"


@pytest.mark.parametrize(
    ("quota", "count"), [("max", 4), ("100000", 1), ("50000", 1), ("290000", 2), ("800000", 4)], ids=str
)
def test_threads_are_what_affinity_and_quota_allow(four_cpus: Path, composed, quota: str, count: int) -> None:
    four_cpus.write_text(f"{quota} 100000\n")
    assert usable_cpus() == count
    # A composition is kept by its words, and this machine differs each time: so an experiment of its own for each.
    config = composed("framework=torch", f"experiment=quota-{quota}")
    assert config.hardware.threads == count
    check(config)


def test_a_command_under_a_quota_is_not_blamed_for_threads_it_did_not_ask_for(four_cpus: Path, composed) -> None:
    four_cpus.write_text("100000 100000\n")
    # Like no other test's, as compositions are kept, and this one's threads are those of the quota.
    check(composed("workload=command", "workload.command=ls", "experiment=quota"))
