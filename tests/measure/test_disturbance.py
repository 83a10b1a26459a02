"""What the rest of the machine did: from two moments to shares, and from the kernel's files to a moment."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from src.measure import disturbance as module
from src.measure.disturbance import Disturbance, Snapshot, package_temperature_c, snapshot
from src.measure.environment import worker_environment
from src.measure.launch import launch
from src.paths import ROOT

BEFORE = Snapshot(
    wall_s=1_000_000.0,
    monotonic_s=500.0,
    boot_s=600.0,
    cpus=4,
    busy_cpu_s=10_000.0,
    steal_cpu_s=100.0,
    swapped_in_pages=7,
    throttled=3,
    frequency_mhz=2400.0,
    temperature_c=41.0,
)


def after(**changes: float) -> Snapshot:
    """Ten quiet seconds later."""
    later = BEFORE._replace(wall_s=1_000_010.0, monotonic_s=510.0, boot_s=610.0)
    return later._replace(**changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changes", "own_cpu_s", "field", "value"),
    [
        pytest.param({"busy_cpu_s": 10_012.0}, 10.0, "foreign_cpu_share", 2 / 40, id="others' 2 s of 40"),
        pytest.param({"busy_cpu_s": 10_009.9}, 10.0, "foreign_cpu_share", 0.0, id="ticks are coarse"),
        pytest.param({"steal_cpu_s": 104.0}, 0.0, "steal_share", 0.1, id="steal"),
        pytest.param({"swapped_in_pages": 9}, 0.0, "swapped_in_bytes", 2 * os.sysconf("SC_PAGE_SIZE"), id="swap"),
        pytest.param({"throttled": 5}, 0.0, "throttled", 2, id="throttling"),
        pytest.param({"wall_s": 1_000_011.5}, 0.0, "clock_step_s", 1.5, id="clock set forward"),
        pytest.param({"wall_s": 1_000_009.85}, 0.0, "clock_step_s", -0.15, id="clock set back"),
        pytest.param({"boot_s": 630.0, "wall_s": 1_000_030.0}, 0.0, "suspended_s", 20.0, id="suspended"),
        pytest.param({"boot_s": 630.0, "wall_s": 1_000_030.0}, 0.0, "clock_step_s", 0.0, id="suspended: no step"),
        pytest.param({"frequency_mhz": 1200.0}, 0.0, "frequency_end_mhz", 1200.0, id="frequency"),
        pytest.param({"frequency_mhz": 1200.0}, 0.0, "frequency_begin_mhz", 2400.0, id="frequency before"),
        pytest.param({"temperature_c": 77.0}, 0.0, "temperature_end_c", 77.0, id="temperature"),
        pytest.param({"temperature_c": 77.0}, 0.0, "temperature_begin_c", 41.0, id="temperature before"),
    ],
)
def test_what_happened_in_between(changes: dict[str, float], own_cpu_s: float, field: str, value: float) -> None:
    found = Disturbance.between(BEFORE, after(**changes), own_cpu_s)
    assert getattr(found, field) == pytest.approx(value, abs=1e-6)
    assert Disturbance.of(found.plain()) == found


@pytest.mark.parametrize("field", ["busy_cpu_s", "steal_cpu_s", "swapped_in_pages", "throttled"])
def test_what_the_system_does_not_show_is_none(field: str) -> None:
    shares = {
        "busy_cpu_s": "foreign_cpu_share",
        "steal_cpu_s": "steal_share",
        "swapped_in_pages": "swapped_in_bytes",
        "throttled": "throttled",
    }
    found = Disturbance.between(BEFORE, after(**{field: None}), 0.0)  # type: ignore[arg-type]
    assert getattr(found, shares[field]) is None


@pytest.mark.skipif(sys.platform != "linux", reason="reads Linux' files")
def test_a_moment_is_read_from_the_kernels_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = {
        "proc/stat": "cpu  1000 200 300 9000 50 10 20 400 77 0\ncpu0 1 2 3\n",
        "proc/vmstat": "nr_free_pages 5\npswpin 42\npswpout 9\n",
        "cpus/cpu0/thermal_throttle/core_throttle_count": "3\n",
        "cpus/cpu1/thermal_throttle/package_throttle_count": "4\n",
        "cpus/cpu0/cpufreq/scaling_cur_freq": "1000000\n",
        "cpus/cpu1/cpufreq/scaling_cur_freq": "3000000\n",
        "thermal/thermal_zone0/type": "acpitz\n",
        "thermal/thermal_zone0/temp": "99000\n",
        "hwmon/hwmon0/name": "k10temp\n",
        "hwmon/hwmon0/temp1_input": "55500\n",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.setattr(module, "PROC", tmp_path / "proc")
    monkeypatch.setattr(module, "CPUS", tmp_path / "cpus")
    found = snapshot()
    per_s = os.sysconf("SC_CLK_TCK")
    assert found.busy_cpu_s == pytest.approx((1000 + 200 + 300 + 10 + 20) / per_s)
    assert found.steal_cpu_s == pytest.approx(400 / per_s)
    assert (found.swapped_in_pages, found.throttled, found.frequency_mhz) == (42, 7, 2000.0)
    assert package_temperature_c(tmp_path / "thermal", tmp_path / "hwmon") == 55.5


def test_a_load_beside_the_command_is_seen(tmp_path: Path) -> None:
    burn = "import os\nwhile os.getppid() > 1: pass"
    others = [subprocess.Popen([sys.executable, "-c", burn]) for _ in range(os.cpu_count() or 1)]
    try:
        command = [sys.executable, "-c", "import time; time.sleep(1)"]
        ending = launch(command, tmp_path / "log", worker_environment(os.environ, {}, ROOT), 30)
    finally:
        for other in others:
            other.kill()
            other.wait()
    assert ending.disturbance is not None
    assert (ending.disturbance.foreign_cpu_share or 0.0) > 0.5


def test_the_commands_own_load_is_not_foreign(tmp_path: Path) -> None:
    burn = "import time\nend = time.monotonic() + 1.5\nwhile time.monotonic() < end: pass"
    shares = []
    for code in (burn, "import time; time.sleep(1.5)"):
        ending = launch([sys.executable, "-c", code], tmp_path / "log", worker_environment(os.environ, {}, ROOT), 30)
        assert ending.disturbance is not None
        shares.append(ending.disturbance.foreign_cpu_share or 0.0)
    # The machine's own noise is in both; the load itself would add the share of one CPU.
    assert shares[0] - shares[1] < 0.6 / (os.cpu_count() or 1)
