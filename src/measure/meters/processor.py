"""What the system shows of its processors that decides which meter tells the truth about them."""

from __future__ import annotations

import platform
import re
from collections.abc import Mapping
from pathlib import Path

CPUS = Path("/sys/devices/system/cpu")
CPUINFO = Path("/proc/cpuinfo")

FIXED_DRAM_UNIT = {
    0x3F: "Haswell-EP",
    0x4F: "Broadwell-EP",
    0x55: "Skylake-SP",
    0x6A: "Ice Lake-SP",
    0x6C: "Ice Lake-D",
    0x57: "Knights Landing",
    0x85: "Knights Mill",
}
"""Intel's family 6 models whose DRAM counter has the unit 15.3 µJ, whatever the package's is: those of
`rapl_defaults_hsw_server` in Linux' drivers/powercap/intel_rapl_common.c. (0x55 is Cascade and Cooper Lake as well.)"""
WINDOWS_NAME = re.compile(r"Family (?P<family>\d+) Model (?P<model>\d+) .*(?P<vendor>GenuineIntel)")


def packages(cpus: Path | None = None) -> int:
    """How many processor packages (sockets) the system shows; 1 where it does not tell."""
    found = {_text(path) for path in (cpus or CPUS).glob("cpu[0-9]*/topology/physical_package_id")}
    return max(len(found - {""}), 1)


def fixed_dram_unit(cpuinfo: Path | None = None) -> str:
    """The kind of processor where its DRAM counter has a unit of its own, else nothing."""
    facts = _facts(_text(cpuinfo or CPUINFO)) or _facts_of_windows(platform.processor())
    if (facts.get("vendor_id"), facts.get("cpu family")) != ("GenuineIntel", "6"):
        return ""
    return FIXED_DRAM_UNIT.get(int(facts.get("model", "-1")), "")


def _facts(cpuinfo: str) -> Mapping[str, str]:
    """Of the first CPU in /proc/cpuinfo."""
    pairs = (line.partition(":") for line in cpuinfo.split("\n\n")[0].splitlines())
    return {key.strip(): value.strip() for key, _, value in pairs}


def _facts_of_windows(name: str) -> Mapping[str, str]:
    """Of `Intel64 Family 6 Model 85 Stepping 7, GenuineIntel`."""
    found = WINDOWS_NAME.search(name)
    if found is None:
        return {}
    return {"vendor_id": found["vendor"], "cpu family": found["family"], "model": found["model"]}


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except OSError:
        return ""
