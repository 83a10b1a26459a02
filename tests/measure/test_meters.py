"""The project's own meters, started as programs like EnergiBridge."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from src.measure.energy import whole_file
from src.measure.meters import estimate
from src.measure.meters.powercap import Powercap
from src.measure.meters.remarks import Remarks
from src.measure.meters.replay import Replay
from src.measure.recording import Recording, read_recording
from src.paths import ROOT
from tests.measure.powercap_zones import RANGE_UJ, zone

ESTIMATE = ("estimate", "--idle-w", "1", "--busy-w", "3")
FAKE_NVML = str(ROOT / "tests" / "standins" / "fake_nvml")
FAKE_GPUS = json.dumps([{"watts": 100}, {"watts": 50, "fault": "no_counter"}])


def start(meter: Sequence[str], out: Path, command: Sequence[str], *options: str, path: str = "") -> list[str]:
    """The finished meter's exit code and output."""
    name, *own = meter
    line = [
        sys.executable,
        "-m",
        f"src.measure.meters.{name}",
        *own,
        "-o",
        str(out),
        "-i",
        "50",
        *options,
        "--",
    ]
    environment = {**os.environ, "PYTHONPATH": path, "FAKE_GPUS": FAKE_GPUS}
    done = subprocess.run([*line, *command], cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    return [str(done.returncode), done.stdout + done.stderr]


def read_all(path: Path) -> Recording:
    return read_recording(path, kept=lambda _: True)


@pytest.mark.parametrize(
    ("script", "code"),
    [("exit 0", "0"), ("exit 7", "7"), ("kill -15 $$", "143"), ("kill -9 $$", "137")],
)
def test_exit_codes_are_the_commands(tmp_path: Path, script: str, code: str) -> None:
    assert start(ESTIMATE, tmp_path / "e.csv", ["sh", "-c", script])[0] == code
    assert len(read_all(tmp_path / "e.csv").time_s) >= 2


def test_a_command_that_is_no_program(tmp_path: Path) -> None:
    code, said = start(ESTIMATE, tmp_path / "e.csv", [str(tmp_path / "absent")])
    assert (code, "cannot start" in said) == ("127", True)


def test_samples_come_on_schedule_from_begin_to_end(tmp_path: Path) -> None:
    begin_s = time.time()
    start(ESTIMATE, tmp_path / "e.csv", ["sleep", "1"])
    end_s = time.time()
    time_s = read_all(tmp_path / "e.csv").time_s
    assert begin_s - 0.001 <= time_s[0] <= time_s[-1] - 1.0
    assert time_s[-1] <= end_s
    # An absolute schedule: lateness does not add up over the 20 samples.
    late_s = (time_s[1:-1] - time_s[1] + 0.025) % 0.05 - 0.025
    assert 15 <= len(time_s) <= 23
    assert np.median(np.abs(late_s)) < 0.015


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signals_are_handed_to_the_command(tmp_path: Path, number: int) -> None:
    name, *own = ESTIMATE
    line = [sys.executable, "-m", f"src.measure.meters.{name}", *own, "-o", str(tmp_path / "e.csv"), "--"]
    script = "trap 'exit 5' TERM INT; echo ready; while :; do sleep 0.02; done"
    with subprocess.Popen([*line, "sh", "-c", script], cwd=ROOT, stdout=subprocess.PIPE) as meter:
        assert meter.stdout is not None
        meter.stdout.readline()
        meter.send_signal(number)
        assert meter.wait(10) == 5


def test_estimate_follows_the_load_and_says_what_it_is(tmp_path: Path) -> None:
    start(ESTIMATE, tmp_path / "e.csv", ["sleep", "0.5"])
    recording = read_all(tmp_path / "e.csv")
    cpus = os.cpu_count() or 1
    energy = whole_file(recording)
    assert 0.9 * cpus <= energy.power_w <= 3.3 * cpus
    assert "estimated" in {flag.code for flag in energy.flags}
    assert {f"CPU_USAGE_{n}" for n in range(cpus)} <= set(recording.columns)
    assert set(recording.columns["ESTIMATED"]) == {1}


def test_estimate_is_load_times_model(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, busy = iter([10.0, 12.0]), iter([[5.0, 7.0], [7.0, 8.0]])
    monkeypatch.setattr("time.monotonic", lambda: next(clock))
    monkeypatch.setattr(estimate, "_busy_seconds", lambda: next(busy))
    values = estimate.Estimate(idle_w=10, busy_w=30, gpu=False).read()
    # Two CPUs idle for 2 s: 40 J; 3 s of work at 20 W above idle: 60 J.
    assert values == [100, 100, 50, 1]


@pytest.mark.parametrize(
    ("later", "energy_j", "flags"),
    [
        # Two CPUs idle for 2 s: 40 J, and 3 s of work: 60 J; then as many CPUs as are there, with the load of before.
        pytest.param([9.0], 100 + 20 + 30, ["cpus_changed"], id="one goes offline"),
        pytest.param([9.0, 9.0, 0.5], 100 + 60 + 90, ["cpus_changed"], id="one comes"),
        pytest.param([9.0, 900.0], 100 + 40 + 60, ["cpus_changed"], id="one goes and another comes"),
        pytest.param([9.0, 8.0], 100 + 40 + 40, [], id="none"),
    ],
)
def test_estimate_outlives_a_cpu_that_goes_or_comes(
    monkeypatch: pytest.MonkeyPatch, later: list[float], energy_j: float, flags: list[str]
) -> None:
    clock, busy = iter([10.0, 12.0, 14.0]), iter([[5.0, 7.0], [7.0, 8.0], later])
    monkeypatch.setattr("time.monotonic", lambda: next(clock))
    monkeypatch.setattr(estimate, "_busy_seconds", lambda: next(busy))
    meter = estimate.Estimate(idle_w=10, busy_w=30, gpu=False)
    meter.read()
    values = meter.read()
    assert len(values) == len(meter.columns)
    assert values[0] == pytest.approx(energy_j)
    assert [flag.code for flag in meter.remarks().flags] == flags


def test_native_sums_sockets_and_mends_wraps(tmp_path: Path) -> None:
    first = zone(tmp_path, "intel-rapl:0", "package-0", RANGE_UJ - 1_000_000)
    second = zone(tmp_path, "intel-rapl:1", "package-1", 5_000_000)
    dram = zone(tmp_path, "intel-rapl:0:0", "dram", 7)
    twice = [zone(tmp_path, "intel-rapl:2", "psys", 1), zone(tmp_path, "intel-rapl-mmio:0", "package-0", 1)]
    reader = Powercap(tmp_path)
    assert list(reader.columns) == ["DRAM_ENERGY (J)", "PACKAGE_ENERGY (J)"]
    assert reader.read() == [0, 0]
    first.write_text("3000000\n")
    second.write_text("6000000\n")
    dram.write_text("500007\n")
    for other in twice:
        other.write_text("9000000\n")
    assert reader.read() == [0.5, 1 + 3 + 1]


def test_native_as_a_program_with_gpus(tmp_path: Path) -> None:
    zone(tmp_path / "cap", "intel-rapl:0", "package-0", 1)
    meter = ("native", "--powercap", str(tmp_path / "cap"))
    code, said = start(meter, tmp_path / "e.csv", ["sleep", "0.5"], "-g", path=FAKE_NVML)
    reason = "as its counter cannot be read (Not Supported)"
    assert (code, said) == ("0", f"native: GPU 1's energy is the sum of its power over time, {reason}\n")
    energy = whole_file(read_recording(tmp_path / "e.csv"), ["GPU0_ENERGY (J)", "GPU1_POWER (mWatts)"])
    assert energy.power_w == pytest.approx(150, rel=0.02)
    assert "PACKAGE_ENERGY (J)" in read_recording(tmp_path / "e.csv").columns


@pytest.mark.parametrize("gpu", [False, True], ids=["without a GPU", "with a GPU"])
def test_native_without_rapl(tmp_path: Path, gpu: bool) -> None:
    meter = ("native", "--powercap", str(tmp_path / "absent"))
    options = ["-g"] if gpu else []
    code, said = start(meter, tmp_path / "e.csv", ["sleep", "1.2"], *options, path=FAKE_NVML)
    assert "no RAPL package zone" in said
    if gpu:
        flags = {flag.code for flag in whole_file(read_recording(tmp_path / "e.csv")).flags}
        assert (code, flags) == ("0", {"gpu_only"})
    else:
        assert (code, (tmp_path / "e.csv").exists()) == ("101", False)


SPOIL = "sleep 0.3; rm {}; sleep 0.7; exit 5"


def test_a_part_that_breaks_is_said_and_left_beside_the_recording(tmp_path: Path) -> None:
    zone(tmp_path, "intel-rapl:0", "package-0", 1)
    dram = zone(tmp_path, "intel-rapl:0:0", "dram", 1)
    code, said = start(("native", "--powercap", str(tmp_path)), tmp_path / "e.csv", ["sh", "-c", SPOIL.format(dram)])
    assert code == "5"
    assert said.startswith("native: dram (intel-rapl:0:0) could not be read any more during the run (")
    remarks = Remarks.beside(tmp_path / "e.csv")
    assert ([flag.code for flag in remarks.flags], remarks.left_out) == (["zone_left_out"], ("DRAM_ENERGY (J)",))
    assert len(read_all(tmp_path / "e.csv").time_s) >= 15


def test_a_package_that_breaks_ends_the_recording_but_not_the_command(tmp_path: Path) -> None:
    package = zone(tmp_path, "intel-rapl:0", "package-0", 1)
    begin_s = time.time()
    code, said = start(("native", "--powercap", str(tmp_path)), tmp_path / "e.csv", ["sh", "-c", SPOIL.format(package)])
    assert code == "5"
    assert said.count("native: a sample is missing: package-0 (intel-rapl:0) could not be read any more") == 1
    assert read_all(tmp_path / "e.csv").time_s[-1] < time.time() - 0.5
    assert time.time() - begin_s > 1.0


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root reads everything")
def test_native_without_permission(tmp_path: Path) -> None:
    zone(tmp_path, "intel-rapl:0", "package-0", 1).chmod(0)
    code, said = start(("native", "--powercap", str(tmp_path)), tmp_path / "e.csv", ["true"])
    assert (code, "sudo chmod a+r" in said) == ("101", True)


def csv(path: Path, counter: list[float]) -> Path:
    rows = [f"0,{1000 + 200 * n},{value},{n}" for n, value in enumerate(counter)]
    path.write_text("\n".join(["Delta,Time,CPU_ENERGY (J),CPU_USAGE_0", *rows, ""]))
    return path


def test_replay_keeps_the_pace_and_goes_on_after_the_end(tmp_path: Path) -> None:
    replay = Replay(csv(tmp_path / "a.csv", [100, 108, 116, 120]))
    assert list(replay.columns) == ["CPU_ENERGY (J)", "CPU_USAGE_0", "REPLAYED"]
    assert replay.at(0.0) == pytest.approx([100, 0])
    assert replay.at(0.3) == pytest.approx([112, 1])
    assert replay.at(0.6 + 0.2) == pytest.approx([128, 1])
    assert replay.at(6.1) == pytest.approx([304, 0])


def test_replay_wraps_where_the_recording_does(tmp_path: Path) -> None:
    replay = Replay(csv(tmp_path / "a.csv", [65_520, 65_530, 4, 14]))
    assert replay.at(0.5)[0] == pytest.approx(9)
    assert replay.at(1.2)[0] == pytest.approx((65_520 + 60) % 65_536)
    assert replay.at(0.6 * 3000)[0] == pytest.approx((65_520 + 30 * 3000) % 65_536, abs=0.01)


def test_replay_as_a_program_of_a_real_recording(tmp_path: Path) -> None:
    source = ROOT / "tests" / "data" / "energibridge" / "windows-amd-wrap.csv"
    code, _ = start(("replay", "--recording", str(source)), tmp_path / "e.csv", ["sleep", "1"])
    recording = read_all(tmp_path / "e.csv")
    assert code == "0"
    assert abs(recording.time_s[0] - time.time()) < 10
    original = read_recording(source)
    begin_s = float(original.time_s[0])
    counter_j = original.columns["CPU_ENERGY (J)"] - original.columns["CPU_ENERGY (J)"][0]
    expected_j = np.interp(begin_s + recording.time_s[-1] - recording.time_s[0], original.time_s, counter_j)
    assert whole_file(recording).energy_j == pytest.approx(expected_j, abs=0.3)
    assert "replayed" in {flag.code for flag in whole_file(recording).flags}


@pytest.mark.parametrize("meter", ["native", "estimate", "replay"])
def test_meters_say_what_is_wrong_with_their_options(tmp_path: Path, meter: str) -> None:
    code, said = start((meter,), tmp_path / "e.csv", [])
    assert code == "2"
    assert "usage:" in said
