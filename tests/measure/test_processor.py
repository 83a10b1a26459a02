"""Processors that one of the meters cannot measure whole."""

from __future__ import annotations

import platform
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from src.errors import ConfigError, MeterError
from src.measure.meters.processor import fixed_dram_unit, packages
from src.measure.meters.select import select_meter
from src.measure.run import measure
from src.paths import ROOT

CPUINFO = "processor\t: {}\nvendor_id\t: {vendor}\ncpu family\t: {family}\nmodel\t\t: {model}\nmodel name\t: X\n\n"


@pytest.fixture
def cpus(tmp_path: Path) -> Callable[..., None]:
    """Makes the system show CPUs of these packages, and what kind of processor they are."""

    def make(*package_ids: str, vendor: str = "GenuineIntel", family: int = 6, model: int = 158) -> None:
        for number, package in enumerate(package_ids):
            topology = tmp_path / "cpus" / f"cpu{number}" / "topology"
            topology.mkdir(parents=True)
            (topology / "physical_package_id").write_text(f"{package}\n")
        text = "".join(CPUINFO.format(n, vendor=vendor, family=family, model=model) for n in range(len(package_ids)))
        (tmp_path / "cpuinfo").write_text(text)

    return make


@pytest.mark.parametrize(
    ("package_ids", "count"),
    [
        (("0", "0"), 1),
        (("0", "1", "0", "1"), 2),
        (("0", "36"), 2),
        (("-1", "-1"), 1),
        ((), 1),
    ],
    ids=["one", "two", "two with odd numbers", "a virtual machine", "nothing is shown"],
)
def test_packages_are_counted(cpus: Any, package_ids: tuple[str, ...], count: int) -> None:
    cpus(*package_ids)
    assert packages() == count


@pytest.mark.parametrize(
    ("vendor", "family", "model", "kind"),
    [
        ("GenuineIntel", 6, 63, "Haswell-EP"),
        ("GenuineIntel", 6, 79, "Broadwell-EP"),
        ("GenuineIntel", 6, 85, "Skylake-SP"),
        ("GenuineIntel", 6, 106, "Ice Lake-SP"),
        ("GenuineIntel", 6, 108, "Ice Lake-D"),
        ("GenuineIntel", 6, 87, "Knights Landing"),
        ("GenuineIntel", 6, 133, "Knights Mill"),
        ("GenuineIntel", 6, 86, ""),
        ("GenuineIntel", 6, 143, ""),
        ("GenuineIntel", 6, 158, ""),
        ("GenuineIntel", 15, 85, ""),
        ("AuthenticAMD", 6, 85, ""),
    ],
)
def test_servers_whose_dram_has_a_unit_of_its_own(cpus: Any, vendor: str, family: int, model: int, kind: str) -> None:
    cpus("0", vendor=vendor, family=family, model=model)
    assert fixed_dram_unit() == kind


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("Intel64 Family 6 Model 85 Stepping 7, GenuineIntel", "Skylake-SP"),
        ("Intel64 Family 6 Model 158 Stepping 10, GenuineIntel", ""),
        ("AMD64 Family 25 Model 85 Stepping 2, AuthenticAMD", ""),
    ],
)
def test_windows_tells_it_as_well(monkeypatch: pytest.MonkeyPatch, name: str, kind: str) -> None:
    monkeypatch.setattr(platform, "processor", lambda: name)
    assert fixed_dram_unit() == kind


@pytest.mark.parametrize(
    ("package_ids", "taken"), [(("0", "0"), "energibridge"), (("0", "1"), "native")], ids=["one socket", "two sockets"]
)
def test_auto_takes_what_reads_every_socket(
    tmp_path: Path, cpus: Any, energibridge: Any, meter_config: Any, moving_powercap: Path, package_ids: Any, taken: str
) -> None:
    cpus(*package_ids)
    meter = select_meter(meter_config("auto", binary=energibridge(), powercap=str(moving_powercap)), gpu=False)
    assert (meter.name, meter.rejected) == (taken, ())


@pytest.fixture
def moving_powercap(tmp_path: Path) -> Iterator[Path]:
    """Counters that go on while the test runs."""
    command = [sys.executable, str(ROOT / "tests" / "standins" / "counters.py"), str(tmp_path / "powercap")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        yield tmp_path / "powercap"
        process.kill()


def test_where_nothing_reads_both_sockets_half_of_them_is_grave(
    tmp_path: Path, cpus: Any, energibridge: Any, meter_config: Any, job: Any, environment: dict[str, str]
) -> None:
    cpus("0", "1")
    config = meter_config("auto", binary=energibridge(), powercap=str(tmp_path / "absent"))
    meter = select_meter(config, gpu=False)
    assert meter.name == "energibridge"
    assert "native: " in meter.rejected[0]
    measured = measure(meter, job("good"), tmp_path / "run", environment, 20)
    (flag,) = [flag for flag in measured.energy.flags if flag.code == "one_socket"]
    assert flag.grave
    assert "one of this machine's 2 processor packages" in flag.text


@pytest.mark.parametrize("name", ["energibridge", "auto"])
def test_strict_refuses_to_read_half_of_them(
    tmp_path: Path, cpus: Any, energibridge: Any, meter_config: Any, name: str
) -> None:
    cpus("0", "1")
    config = meter_config(name, binary=energibridge(), powercap=str(tmp_path / "absent"), strict=True)
    refused = r"one of this machine's 2 processor packages.*use meter=native, or meter\.strict=false"
    if name == "auto":
        meter = select_meter(config, gpu=False)
        assert meter.name == "estimate"
        assert re.search(refused, meter.rejected[1])
    else:
        with pytest.raises(MeterError, match=refused):
            select_meter(config, gpu=False)


def test_strict_takes_nothing_from_one_package(cpus: Any, energibridge: Any, meter_config: Any) -> None:
    cpus("0", "0")
    assert select_meter(meter_config("energibridge", binary=energibridge(), strict=True), gpu=False).remarks.flags == ()


@pytest.mark.parametrize(("model", "power_w", "codes"), [(85, 40.0, ["dram_unit"]), (158, 44.0, [])])
def test_dram_in_a_wrong_unit_is_left_out(
    tmp_path: Path,
    cpus: Any,
    energibridge: Any,
    meter_config: Any,
    job: Any,
    environment: dict[str, str],
    model: int,
    power_w: float,
    codes: list[str],
) -> None:
    cpus("0", model=model)
    meter = select_meter(meter_config("energibridge", binary=energibridge()), gpu=False)
    measured = measure(meter, job("good"), tmp_path / "run", environment, 20)
    assert measured.energy.power_w == pytest.approx(power_w, rel=0.02)
    assert [flag.code for flag in measured.energy.flags if flag.code == "dram_unit"] == codes
    assert ("dram" in measured.energy.domains_j) == (codes == [])


def test_to_name_the_wrong_column_is_refused(cpus: Any, energibridge: Any, meter_config: Any) -> None:
    cpus("0", model=85)
    config = meter_config("energibridge", binary=energibridge(), columns=["PACKAGE_ENERGY (J)", "DRAM_ENERGY (J)"])
    with pytest.raises(ConfigError, match=r"^meter.columns names `DRAM_ENERGY \(J\)`, but on Skylake-SP .*; leave it"):
        select_meter(config, gpu=False)
