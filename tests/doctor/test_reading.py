"""Reading a machine: made-up /sys and answers of commands, of Linux, macOS and Windows."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from src.doctor import read_commands, read_machine, try_meters
from src.doctor.examine import Examination, read_state
from src.doctor.read_commands import parse_timers
from src.doctor.state import MeterTrial, Supply, Timer
from src.measure.disturbance import Disturbance
from tests.measure.powercap_zones import zone

SEEN = Disturbance(0.02, 0.0, 4096, 0, 0.0, 0.0, 3000.0, 3100.0, 40.0, 41.0)
CPU = "devices/system/cpu"


def tree(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{text}\n")
    return root


INTEL = {
    f"{CPU}/cpu0/cpufreq/scaling_governor": "powersave",
    f"{CPU}/cpu1/cpufreq/scaling_governor": "performance",
    f"{CPU}/cpu0/cpufreq/scaling_driver": "intel_pstate",
    f"{CPU}/cpu0/cpufreq/cpuinfo_max_freq": "4700000",
    f"{CPU}/cpu1/cpufreq/cpuinfo_max_freq": "4500000",
    f"{CPU}/cpu0/cpufreq/scaling_max_freq": "3200000",
    f"{CPU}/cpu0/topology/physical_package_id": "0",
    f"{CPU}/cpu1/topology/physical_package_id": "1",
    f"{CPU}/intel_pstate/no_turbo": "0",
    f"{CPU}/smt/control": "on",
}


def test_an_intel_machine(tmp_path: Path) -> None:
    seen = read_machine.read_processor(SEEN, tree(tmp_path, INTEL))
    assert (seen.governors, seen.driver) == (("performance", "powersave"), "intel_pstate")
    assert (seen.turbo, seen.smt, seen.packages) == (True, "on", 2)
    assert (seen.most_mhz, seen.allowed_mhz, seen.now_mhz, seen.temperature_c) == (4600, 3200, 3100, 41)


@pytest.mark.parametrize(
    ("files", "turbo"),
    [
        pytest.param({f"{CPU}/intel_pstate/no_turbo": "1"}, False, id="Intel, off"),
        pytest.param({f"{CPU}/cpufreq/boost": "1"}, True, id="AMD, on"),
        pytest.param({f"{CPU}/cpufreq/boost": "0"}, False, id="AMD, off"),
        pytest.param({}, None, id="nobody tells"),
    ],
)
def test_turbo_as_either_driver_tells_it(tmp_path: Path, files, turbo) -> None:
    assert read_machine.read_processor(SEEN, tree(tmp_path, files)).turbo is turbo


@pytest.mark.parametrize(
    ("control", "smt"),
    [("off", "off"), ("forceoff", "off"), ("notsupported", "off"), ("notimplemented", ""), ("on", "on")],
)
def test_smt(tmp_path: Path, control, smt) -> None:
    assert read_machine.read_processor(SEEN, tree(tmp_path, {f"{CPU}/smt/control": control})).smt == smt


def test_displays_are_those_that_are_connected_and_awake(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(read_machine.sys, "platform", "linux")
    drm = "class/drm"
    states = {"card0-eDP-1": ("connected", "On"), "card0-HDMI-A-1": ("connected", "Off"),
              "card0-DP-2": ("disconnected", "Off")}  # fmt: skip
    files = {f"{drm}/{name}/status": status for name, (status, _) in states.items()}
    files |= {f"{drm}/{name}/dpms": dpms for name, (_, dpms) in states.items()}
    assert read_machine.displays(tree(tmp_path, files)) == ("eDP-1",)
    assert read_machine.displays(tmp_path / "no graphics") == ()
    monkeypatch.setattr(read_machine.sys, "platform", "darwin")
    assert read_machine.displays(tmp_path) is None


@pytest.mark.parametrize(
    ("battery", "supply"),
    [
        pytest.param(None, Supply(profile="low-power"), id="none"),
        pytest.param(SimpleNamespace(power_plugged=False, percent=63), Supply(True, False, 63.0, "low-power"), id="on"),
    ],
)
def test_the_battery(tmp_path: Path, monkeypatch, battery, supply) -> None:
    monkeypatch.setattr(read_machine.psutil, "sensors_battery", lambda: battery, raising=False)
    files = {"firmware/acpi/platform_profile": "low-power"}
    assert read_machine.read_supply(tree(tmp_path, files)) == supply


@pytest.mark.parametrize("error", [AttributeError, FileNotFoundError, RuntimeError], ids=lambda error: error.__name__)
def test_what_psutil_cannot_read_is_left_out(tmp_path: Path, monkeypatch, error) -> None:
    def fail() -> None:
        raise error

    for name in ("sensors_battery", "swap_memory", "net_if_stats", "cpu_freq"):
        monkeypatch.setattr(read_machine.psutil, name, fail, raising=False)
    assert read_machine.read_supply(tmp_path) == Supply()
    assert read_machine.read_room(SEEN, tmp_path).swap == 0
    assert read_machine.networks() == ()
    assert read_machine._mhz_of_psutil() is None


def test_networks_are_those_that_lead_out(monkeypatch) -> None:
    names = ("lo", "eth0", "wlan0", "docker0", "veth12", "eth1", "tun0")
    down, local = ("wlan0",), ("eth1",)
    stats = {name: SimpleNamespace(isup=name not in down) for name in names}
    family = SimpleNamespace(name="AF_INET")
    addresses = {
        name: [SimpleNamespace(family=family, address="fe80::1" if name in local else "10.0.0.2")] for name in names
    }
    monkeypatch.setattr(read_machine.psutil, "net_if_stats", lambda: stats)
    monkeypatch.setattr(read_machine.psutil, "net_if_addrs", lambda: addresses)
    assert read_machine.networks() == ("eth0", "tun0")


def test_who_used_the_processor_is_named_by_program() -> None:
    before = {(1, "a"): 1.0, (2, "b"): 5.0, (3, "a"): 0.0}
    after = {(1, "a"): 1.5, (2, "b"): 5.01, (3, "a"): 0.3, (4, "new"): 50.0}
    assert read_machine._grown(before, after, 2.0) == (("a", pytest.approx(0.4)),)


TIMERS = json.dumps(
    [
        {"next": 1_000_600_000_000, "left": 1, "unit": "apt-daily.timer", "activates": "apt-daily.service"},
        {"next": 0, "unit": "never.timer"},
        {"next": None, "unit": "not-yet.timer"},
        {"next": 999_999_000_000, "unit": "due.timer"},
    ]
)


@pytest.mark.parametrize(
    ("text", "timers"),
    [
        pytest.param(TIMERS, (Timer("apt-daily", 600.0), Timer("due", 0.0)), id="systemd"),
        pytest.param("[]", (), id="no timers"),
        pytest.param("", None, id="no systemd"),
        pytest.param("NEXT LEFT UNIT", None, id="an old systemd, which knows no JSON"),
    ],
)
def test_timers(text, timers) -> None:
    assert parse_timers(text, 1_000_000.0) == timers


W32TM = "Leap Indicator: 0(no warning)\nStratum: {} (primary)\n"


@pytest.mark.parametrize(
    ("system", "said", "synchronised"),
    [
        pytest.param("linux", "yes\n", True, id="Linux"),
        pytest.param("linux", "no\n", False, id="Linux, not"),
        pytest.param("linux", "", None, id="Linux without systemd"),
        pytest.param("win32", W32TM.format(3), True, id="Windows"),
        pytest.param("win32", W32TM.format(0), False, id="Windows, not"),
        pytest.param("win32", "The service has not been started.", None, id="Windows without the service"),
    ],
)
def test_synchronisation(monkeypatch, system, said, synchronised) -> None:
    monkeypatch.setattr(read_commands.sys, "platform", system)
    monkeypatch.setattr(read_commands, "answer", lambda *_: said)
    assert read_commands.synchronised() is synchronised


@pytest.mark.parametrize(
    ("system", "said", "kind"),
    [
        pytest.param("linux", "kvm\n", "kvm", id="Linux in KVM"),
        pytest.param("linux", "none\n", "", id="Linux by itself"),
        pytest.param("darwin", "1\n", "a hypervisor", id="a Mac's guest"),
        pytest.param("darwin", "0\n", "", id="a Mac"),
        pytest.param("win32", "Virtual Machine\r\n", "Virtual Machine", id="Hyper-V"),
        pytest.param("win32", "20XW00", "", id="a Windows laptop"),
    ],
)
def test_virtual_machines(monkeypatch, system, said, kind) -> None:
    monkeypatch.setattr(read_commands.sys, "platform", system)
    monkeypatch.setattr(read_commands, "answer", lambda *_: said)
    assert read_commands.virtual_kind() == kind


@pytest.mark.parametrize(("flags", "kind"), [("fpu hypervisor sse", "a hypervisor"), ("fpu sse", "")])
def test_without_systemd_the_processor_tells_of_a_hypervisor(monkeypatch, tmp_path, flags, kind) -> None:
    monkeypatch.setattr(read_commands.sys, "platform", "linux")
    monkeypatch.setattr(read_commands, "answer", lambda *_: "")
    monkeypatch.setattr(read_commands, "CPUINFO", tmp_path / "cpuinfo")
    (tmp_path / "cpuinfo").write_text(f"flags\t: {flags}\n")
    assert read_commands.virtual_kind() == kind


@pytest.mark.parametrize("command", [("no-such-program",), ("sleep", "30"), ("false",)])
def test_a_command_that_fails_or_hangs_says_nothing(monkeypatch, command) -> None:
    monkeypatch.setattr(read_commands, "PATIENCE_S", 0.2)
    assert read_commands.answer(*command) == ""


def test_updaters_count_only_while_they_work(monkeypatch) -> None:
    processes = [SimpleNamespace(info={"name": name}) for name in ("bash", "dpkg", "packagekitd", None)]
    monkeypatch.setattr(read_commands.psutil, "process_iter", lambda _: processes)
    assert read_commands.updaters() == ("dpkg",)


def test_the_counters_that_powercap_shows(tmp_path: Path, composed, monkeypatch) -> None:
    files = [zone(tmp_path, f"intel-rapl:{n}", f"package-0-die-{n}", 7_000_000) for n in range(2)]
    zone(tmp_path, "intel-rapl:0:0", "dram", 5)

    def grow(_: float) -> None:
        for file in files:
            file.write_text("19000000\n")

    monkeypatch.setattr(try_meters.time, "sleep", grow)
    meter = composed(f"meter.powercap={tmp_path}", "meter.binary=no-such-program").meter
    seen = try_meters.read_meters(meter, False, [MeterTrial("native")])
    assert (seen.rapl, seen.mirrored) == (("dram", "package"), ("package-0-die-1",))
    assert (seen.energibridge, seen.rapl_flags, seen.rapl_failure) == ("", (), "")
    assert "no program `no-such-program`" in seen.energibridge_failure


def test_no_powercap_says_why(tmp_path: Path, composed) -> None:
    seen = try_meters.read_meters(composed(f"meter.powercap={tmp_path}").meter, False, [])
    assert seen.rapl == ()
    assert "no RAPL package zone" in seen.rapl_failure


def test_each_meter_is_tried(composed, monkeypatch) -> None:
    monkeypatch.setattr(try_meters, "AUTO", ("native", "estimate"))
    monkeypatch.setattr(try_meters, "packages", lambda: 1)
    broken, works = try_meters.try_meters(composed("meter.powercap=/nowhere").meter, False)
    assert "no RAPL package zone" in broken.failure
    assert (works.name, works.energy_kind, works.domains, works.flags) == ("estimate", "estimated", ("package",), ())
    assert works.power_w > 0


def test_this_machine_is_read_within_two_seconds_or_so(composed, tmp_path) -> None:
    state = read_state(composed(), tmp_path)
    assert state.held.cpus >= 1
    assert state.room.memory > 0
    assert state.busy.foreign_share is not None
    assert json.dumps(Examination.of(state).plain())
