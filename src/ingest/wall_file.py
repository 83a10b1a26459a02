"""Reading the CSV of a wall meter: whatever columns it has, its power or its counter, on its own clock."""

from __future__ import annotations

import csv
import hashlib
import re
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
import pandas as pd

from src.contract.flags import Flag
from src.errors import ConfigError, EnergyError
from src.measure.counters import accumulate, unwrap
from src.measure.curve import Curve
from src.measure.recording import Array

POWERS_W = {"mw": 1e-3, "w": 1.0, "watt": 1.0, "watts": 1.0, "kw": 1e3}
ENERGIES_J = {"mj": 1e-3, "j": 1.0, "joule": 1.0, "joules": 1.0, "kj": 1e3, "wh": 3600.0, "kwh": 3.6e6}
UNITS = POWERS_W | ENERGIES_J
WORDS = {"power": "w", "activepower": "w", "apower": "w"}
"""Names that mean a power in W where no unit stands beside them."""
TIMES = frozenset({"time", "timestamp", "date", "datetime", "epoch", "ts", "t", "elapsed", "zeit", "seconds"})
TIME_UNITS_S = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}
EPOCH_S = 9e8
"""1998: smaller times count from the recording's own begin."""
LATEST_S = 1e10
GAP_INTERVALS = 10.0
"""So many usual intervals without a sample are a gap, about which nothing is known."""
FEWEST = 10


@dataclass(frozen=True)
class WallRecording:
    """Energy (n,) in J since the first sample at times (n,) in s on the meter's own clock, rising.

    `is_relative` says that these count from its own begin and tell no time of day. `uid` identifies what was read.
    """

    name: str
    uid: str
    column: str
    time_s: Array
    energy_j: Array
    is_relative: bool
    flags: tuple[Flag, ...]

    @property
    def interval_s(self) -> float:
        """The usual distance of two samples."""
        return float(np.median(np.diff(self.time_s)))

    @property
    def power_w(self) -> Array:
        """Mean power of each step, (n - 1,)."""
        return np.asarray(np.diff(self.energy_j) / np.diff(self.time_s))

    def between(self, begin_s: float, end_s: float) -> float:
        """Energy between two times of its own clock."""
        return Curve(self.time_s, self.energy_j, self.interval_s).between((begin_s, end_s))

    def covered(self, begin_s: float, end_s: float) -> float:
        """The share of a window between samples that are no gap apart."""
        begins, ends = self.time_s[:-1], self.time_s[1:]
        known = ends - begins <= GAP_INTERVALS * self.interval_s
        within = np.clip(np.minimum(ends, end_s) - np.maximum(begins, begin_s), 0.0, None)
        return float(within[known].sum() / (end_s - begin_s))


def read_wall(
    path: Path, column: str | None = None, time: str | None = None, unit: str | None = None, zone: str | None = None
) -> WallRecording:
    """Read it; the columns are found by their names and units where they are not given.

    Times may be ISO 8601 (without a zone they are of `zone`, else of this machine's), seconds or milliseconds since
    the epoch, or seconds since the begin. Raises ConfigError where a column has to be named, EnergyError where the
    file tells no energy.
    """
    table = _table(path)
    named = _time_column(table, time, path)
    power = _energy_column([name for name in table.columns if name != named], column, unit, path)
    scale_unit = _unit_of(power, unit, path)
    values = _numbers(table[power]) * UNITS[scale_unit]
    time_s = _seconds(table[named], named, zone, path)
    kept = np.isfinite(values) & np.isfinite(time_s)
    time_s, values = time_s[kept], values[kept]
    rising = np.concatenate(([True], np.diff(time_s) > 0))
    if (np.diff(time_s) < 0).any():
        raise EnergyError(f"{path}: `{named}` runs backwards; the meter's clock was set, so cut the file there")
    time_s, values = time_s[rising], values[rising]
    if time_s.size < FEWEST:
        raise EnergyError(f"{path} holds {time_s.size} samples of `{power}`; name another column with column=NAME")
    energy_j, flags = _energy(time_s, values, power, scale_unit in POWERS_W)
    uid = hashlib.sha256(path.read_bytes() + f"\0{named}\0{power}\0{scale_unit}\0{zone}".encode()).hexdigest()[:16]
    return WallRecording(path.name, uid, power, time_s, energy_j, bool(time_s[0] < EPOCH_S), flags)


def _energy(time_s: Array, values: Array, name: str, is_power: bool) -> tuple[Array, tuple[Flag, ...]]:
    """Since the first sample; wraps and restarts of a counter are mended as a recording's are."""
    if is_power:
        return accumulate(time_s, values, name), ()
    mended = unwrap(time_s, values, name)
    flags = []
    if mended.wraps:
        flags.append(Flag("wrap", f"`{name}` wrapped {mended.wraps} times, which was mended"))
    if mended.resets.size:
        flags.append(Flag("reset", f"`{name}` started anew {mended.resets.size} times within gaps"))
    return mended.energy_j, tuple(flags)


def _table(path: Path) -> pd.DataFrame:
    """All fields as text; a comma may part fields or decimals."""
    try:
        text = path.read_text(encoding="utf-8-sig", errors="replace")
    except OSError as error:
        raise ConfigError(f"path={path}: it cannot be read ({error.strerror}); name the wall meter's CSV") from error
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    if len(lines) < 2:
        raise EnergyError(f"{path} holds no table; export the wall meter's samples as CSV")
    delimiter = max(";\t,", key=lambda mark: (lines[0].count(mark) > 0, -";\t,".index(mark)))
    rows = list(csv.reader(lines, delimiter=delimiter))
    header = [name.strip() for name in rows[0]]
    body = [row for row in rows[1:] if len(row) == len(header)]
    return pd.DataFrame(body, columns=header, dtype=str)


def _words(name: str) -> list[str]:
    return [word for word in re.split(r"[^a-z0-9]+", name.lower()) if word]


def _time_column(table: pd.DataFrame, given: str | None, path: Path) -> str:
    """The one that was given, the only one that is called like a time, or the first one."""
    names = list(table.columns)
    if given is not None:
        return _known(given, names, "time", path)
    found = [name for name in names if set(_words(name)) & TIMES]
    if len(found) > 1:
        raise ConfigError(f"{path}: several columns may tell the time; choose one with time=NAME: {', '.join(found)}")
    return found[0] if found else names[0]


def _energy_column(names: list[str], given: str | None, unit: str | None, path: Path) -> str:
    """The one that was given, or the only one whose name tells a power or an energy, a power first."""
    if given is not None:
        return _known(given, names, "column", path)
    of_unit = {name: found for name in names if (found := _told_unit(name)) is not None}
    powers = [name for name, found in of_unit.items() if found in POWERS_W]
    likely = powers or list(of_unit) or (names if unit and len(names) == 1 else [])
    if len(likely) == 1:
        return likely[0]
    what = "several columns hold" if likely else "no column's name tells"
    raise ConfigError(
        f"{path}: {what} a power or an energy; choose one with column=NAME: {', '.join(likely or names) or 'none'}"
    )


def _known(name: str, names: list[str], key: str, path: Path) -> str:
    if name not in names:
        raise ConfigError(f"{key}={name}: {path} has no such column; it has {', '.join(names)}")
    return name


def _told_unit(name: str) -> str | None:
    """The unit in a column's name, in whatever brackets or behind whatever sign."""
    words = _words(name)
    found = next((word for word in reversed(words) if word in UNITS), None)
    return found or next((WORDS[word] for word in words if word in WORDS), None)


def _unit_of(name: str, given: str | None, path: Path) -> str:
    unit = given.lower() if given else _told_unit(name)
    if unit not in UNITS:
        wrong = f"unit={given} is none" if given else f"`{name}` does not tell its unit"
        raise ConfigError(f"{path}: {wrong}; give unit=W, kW, J, kJ, Wh or kWh")
    return unit


def _numbers(texts: pd.Series) -> Array:
    """As floats, with a decimal comma where one stands and no point does; NaN for what is none."""
    plain = texts.str.strip().str.replace(" ", "", regex=False)
    if plain.str.contains(",").any() and not plain.str.contains(".", regex=False).any():
        plain = plain.str.replace(",", ".", regex=False)
    return pd.to_numeric(plain, errors="coerce").to_numpy(dtype=float)


def _seconds(texts: pd.Series, name: str, zone: str | None, path: Path) -> Array:
    """Times in s since the epoch, or since the recording's begin."""
    numbers = _numbers(texts)
    if np.isfinite(numbers).mean() > 0.5:
        told = next((TIME_UNITS_S[word] for word in _words(name) if word in TIME_UNITS_S), None)
        return numbers * (told or _usual_unit_s(float(np.nanmedian(numbers))))
    local = _zone(zone)
    moments = [_moment(text, local) for text in texts.str.strip()]
    found = np.array(moments, dtype=float)
    if np.isfinite(found).mean() <= 0.5:
        raise EnergyError(
            f"{path}: `{name}` tells no times ({texts.iloc[0]!r}); name another column with time=NAME, of ISO 8601, or "
            "of seconds or milliseconds"
        )
    return found


def _usual_unit_s(median: float) -> float:
    """What a number without a unit counts, by its size."""
    for unit_s in (1.0, 1e-3, 1e-6, 1e-9):
        if median * unit_s < LATEST_S:
            return unit_s
    return 1e-9


def _zone(name: str | None) -> ZoneInfo | None:
    try:
        return ZoneInfo(name) if name else None
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise ConfigError(f"timezone={name}: no such zone; use a name like Europe/Amsterdam, or UTC") from error


def _moment(text: str, zone: ZoneInfo | None) -> float:
    """A moment of ISO 8601 in s since the epoch; NaN for what is none."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return np.nan
    return (moment if moment.tzinfo or zone is None else moment.replace(tzinfo=zone)).timestamp()
