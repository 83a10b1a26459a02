"""Linux powercap: the kernel's RAPL counters of all sockets (Documentation/power/powercap/powercap.rst)."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from src.contract.flags import Flag
from src.measure.meters.remarks import Remarks
from src.measure.meters.remedies import POWERCAP_HIDDEN, POWERCAP_RIGHTS
from src.measure.meters.sampler import ReaderError

POWERCAP = Path("/sys/class/powercap")
COLUMNS = {
    "package": "PACKAGE_ENERGY (J)",
    "dram": "DRAM_ENERGY (J)",
    "core": "PP0_ENERGY (J)",
    "uncore": "PP1_ENERGY (J)",
}
"""EnergiBridge's names. `psys`, the whole platform, contains the package and is left out."""
PACKAGE = COLUMNS["package"]
TOTAL = (PACKAGE, COLUMNS["dram"])
"""What adds up to a run's energy; the others lie within the package."""
SAME_UJ = 200_000
"""Two views of one counter differ by no more: it may be refreshed between two reads (1 ms of 200 W)."""


@dataclass(frozen=True)
class _Place:
    """A zone's folder and what it calls itself (`package-0`, `package-1-die-0`, `dram`, `core`...)."""

    folder: Path
    name: str

    @property
    def column(self) -> str | None:
        return COLUMNS.get(self.name.split("-")[0])

    def __str__(self) -> str:
        return f"{self.name} ({self.folder.name})"


class Powercap:
    """Sums each domain over all sockets; the sums start at 0 and never wrap.

    A domain of which a zone cannot be read is left out as a whole, as half a sum under its name would be wrong; without
    the package there is nothing to read. Of zones that show one counter, only the first is added up.
    """

    def __init__(self, root: Path = POWERCAP) -> None:
        self._flags: list[Flag] = []
        self._lost: list[str] = []
        places = self._places(root)
        found = sorted({place.column for place in places if place.column})
        if PACKAGE not in found:
            raise ReaderError(
                f"{root} has no RAPL package zone; needs Linux on an Intel or AMD processor (not a "
                "virtual machine or container without access), with `sudo modprobe intel_rapl_msr`"
            )
        opened = {column: self._open([p for p in places if p.column == column], column) for column in found}
        self._domains = {column: domain for column, domain in opened.items() if domain is not None}
        self.columns: Sequence[str] = list(self._domains)

    def read(self) -> list[float]:
        """Energy of each column in J since the first read; raises ReaderError where the package's is not there."""
        return [self._energy_j(column, domain) for column, domain in self._domains.items()]

    def remarks(self) -> Remarks:
        """What was left out and why, and which zones turned out to show one counter."""
        mirrors = [flag for domain in self._domains.values() for flag in domain.mirror_flags()]
        return Remarks((*self._flags, *mirrors), tuple(self._lost))

    def _energy_j(self, column: str, domain: _Domain) -> float:
        if column not in self._lost:
            try:
                domain.update()
            except _ZoneError as error:
                self._lose(column, error, "could not be read any more during the run")
        return domain.energy_uj / 1e6

    def _open(self, places: Sequence[_Place], column: str) -> _Domain | None:
        try:
            return _Domain([_Zone(place) for place in places])
        except _ZoneError as error:
            self._lose(column, error, "cannot be read")
            return None

    def _lose(self, column: str, error: _ZoneError, what: str) -> None:
        """Do without a domain, but never without the package."""
        if column == PACKAGE:
            raise ReaderError(f"{error.place} {what}: {error}") from error
        self._lost.append(column)
        text = f"{error.place} {what} ({error.reason}): `{column}` is left out"
        self._flags.append(Flag("zone_left_out", text, grave=column in TOTAL))

    def _places(self, root: Path) -> list[_Place]:
        """The zones, which the kernel's class folder shows side by side and its device folder within each other."""
        folders = {path.name: path for path in (*root.glob("intel-rapl:*/intel-rapl:*"), *root.glob("intel-rapl:*"))}
        if folders and not any(path.exists() for path in folders.values()):
            raise ReaderError(f"the links in {root} lead nowhere, as in a container: {POWERCAP_HIDDEN}")
        places = (self._place(folders[name]) for name in sorted(folders))
        return [place for place in places if place is not None]

    def _place(self, folder: Path) -> _Place | None:
        """One zone; of one that does not tell its name only a part of a package (`intel-rapl:0:1`) can be spared."""
        try:
            return _Place(folder, _text(folder / "name"))
        except OSError as error:
            if folder.name.count(":") < 2:
                raise ReaderError(f"{folder} does not tell its name ({error.strerror})") from error
            text = f"{folder.name} does not tell its name ({error.strerror}) and is left out"
            self._flags.append(Flag("zone_left_out", text, grave=True))
            return None


class _ZoneError(Exception):
    """A zone that cannot be read; `reason` is short, the text holds the remedy as well."""

    def __init__(self, place: _Place, reason: str, remedy: str = "") -> None:
        super().__init__(f"{reason}. {remedy}" if remedy else reason)
        self.place, self.reason = place, reason


class _Domain:
    """One column's zones, and what they add up to."""

    def __init__(self, zones: Sequence[_Zone]) -> None:
        self._zones = zones
        # Pairs (zone, an earlier one) whose readings were the same so far.
        self._twins = [(b, a) for n, b in enumerate(zones) for a in zones[:n]]
        self._tell_apart()

    def update(self) -> None:
        """Read every zone once, and once more as long as some of them may show one counter."""
        for zone in self._zones:
            zone.update()
        self._tell_apart()

    @property
    def energy_uj(self) -> int:
        """Energy since this object was made."""
        mirrors = {id(zone) for zone, _ in self._twins}
        return sum(zone.sum_uj for zone in self._zones if id(zone) not in mirrors)

    def mirror_flags(self) -> list[Flag]:
        """Zones that moved, and always showed what an earlier one showed."""
        same = {zone.place.name: first.place.name for zone, first in reversed(self._twins) if zone.sum_uj > 0}
        return [
            Flag("mirrored", f"{name} always showed what {first} showed: one counter, counted once")
            for name, first in same.items()
        ]

    def _tell_apart(self) -> None:
        """Distinct counters differ from the first readings on, as they count since the machine started."""
        if not self._twins:
            return
        before = {id(zone): zone.last_uj for zone in self._zones}
        for zone in self._zones:
            zone.update()
        self._twins = [
            (b, a) for b, a in self._twins if a.shows(before[id(b)], before[id(a)]) and b.range_uj == a.range_uj
        ]


class _Zone:
    """One counter, unwrapped: it restarts at 0 after `max_energy_range_uj`."""

    def __init__(self, place: _Place) -> None:
        self.place = place
        self._file = self._opened()
        try:
            self.range_uj = int(_text(place.folder / "max_energy_range_uj"))
        except (OSError, ValueError) as error:
            raise _ZoneError(place, f"max_energy_range_uj: {_reason(error)}") from error
        self.last_uj = self._raw_uj()
        self.sum_uj = 0

    def __del__(self) -> None:
        if hasattr(self, "_file"):
            os.close(self._file)

    def update(self) -> None:
        """Add what the counter grew by since it was last read."""
        now_uj = self._raw_uj()
        step_uj = now_uj - self.last_uj
        self.sum_uj += step_uj if step_uj >= 0 else step_uj + self.range_uj
        self.last_uj = now_uj

    def shows(self, other_uj: int, before_uj: int) -> bool:
        """Whether a reading taken between `before_uj` and this zone's last one can be of this zone's counter."""
        passed_uj = (self.last_uj - before_uj) % max(self.range_uj, 1)
        return (other_uj - before_uj + SAME_UJ) % max(self.range_uj, 1) <= passed_uj + 2 * SAME_UJ

    def _opened(self) -> int:
        try:
            return os.open(self.place.folder / "energy_uj", os.O_RDONLY)
        except PermissionError as error:
            raise _ZoneError(self.place, str(error), POWERCAP_RIGHTS) from error
        except OSError as error:
            raise _ZoneError(self.place, str(error)) from error

    def _reopen(self) -> None:
        """Follow a file that was replaced; one that is gone is an error."""
        old, self._file = self._file, self._opened()
        os.close(old)

    def _raw_uj(self) -> int:
        try:
            if os.fstat(self._file).st_nlink == 0:
                self._reopen()
            os.lseek(self._file, 0, os.SEEK_SET)
            return int(os.read(self._file, 64))
        except (OSError, ValueError) as error:
            raise _ZoneError(self.place, _reason(error)) from error


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8").strip()


def _reason(error: OSError | ValueError) -> str:
    return str(error.strerror) if isinstance(error, OSError) else "it holds no number"
