"""Linux powercap: the kernel's RAPL counters of all sockets (Documentation/power/powercap/powercap.rst)."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from src.measure.meters.sampler import ReaderError

POWERCAP = Path("/sys/class/powercap")
COLUMNS = {
    "package": "PACKAGE_ENERGY (J)",
    "dram": "DRAM_ENERGY (J)",
    "core": "PP0_ENERGY (J)",
    "uncore": "PP1_ENERGY (J)",
}
"""EnergiBridge's names. `psys`, the whole platform, contains the package and is left out."""


class Powercap:
    """Sums each domain over all sockets; the sums start at 0 and never wrap."""

    def __init__(self, root: Path = POWERCAP) -> None:
        zones = [(_column(zone), zone) for zone in sorted(root.glob("intel-rapl:*"))]
        known = [(column, zone) for column, zone in zones if column]
        if not any(column == COLUMNS["package"] for column, _ in known):
            raise ReaderError(
                f"{root} has no RAPL package zone; needs Linux on an Intel or AMD processor (not a "
                "virtual machine or container without access), with `sudo modprobe intel_rapl_msr`"
            )
        self._zones = [(column, _Zone(zone)) for column, zone in known]
        self.columns: Sequence[str] = sorted({column for column, _ in known})

    def read(self) -> list[float]:
        """Energy of each column in J since the first read."""
        sums_uj = dict.fromkeys(self.columns, 0)
        for column, zone in self._zones:
            sums_uj[column] += zone.energy_uj()
        return [energy_uj / 1e6 for energy_uj in sums_uj.values()]


class _Zone:
    """One counter, unwrapped: it restarts at 0 after `max_energy_range_uj`."""

    def __init__(self, folder: Path) -> None:
        self._range_uj = int((folder / "max_energy_range_uj").read_text())
        try:
            self._file = os.open(folder / "energy_uj", os.O_RDONLY)
        except PermissionError as error:
            raise ReaderError(
                f"{error}. Since 2020 only root may read RAPL; allow it until the next boot with: "
                "sudo chmod a+r /sys/class/powercap/intel-rapl*/energy_uj "
                "/sys/class/powercap/intel-rapl*/*/energy_uj"
            ) from error
        self._last_uj = self._raw_uj()
        self._sum_uj = 0

    def energy_uj(self) -> int:
        """Energy since this object was made."""
        now_uj = self._raw_uj()
        step_uj = now_uj - self._last_uj
        self._sum_uj += step_uj if step_uj >= 0 else step_uj + self._range_uj
        self._last_uj = now_uj
        return self._sum_uj

    def _raw_uj(self) -> int:
        os.lseek(self._file, 0, os.SEEK_SET)
        return int(os.read(self._file, 64))


def _column(zone: Path) -> str | None:
    """The column that a zone belongs to, by its name (`package-0`, `package-1-die-0`, `dram`, `core`...)."""
    return COLUMNS.get((zone / "name").read_text().strip().split("-")[0])
