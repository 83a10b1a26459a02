"""Which column of a recording holds whose energy, and which of them add up to the total."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from src.contract.flags import Flag
from src.errors import EnergyError
from src.measure.recording import ENERGY_UNITS, Array, todays_name

SCALES = {"(J)": 1.0, "(mJ)": 1e-3, "(Watts)": 1.0, "(mWatts)": 1e-3}

PATTERNS = (
    ("package", re.compile(r"(CPU|PACKAGE\d*)_ENERGY \(J\)")),
    ("package", re.compile(r"CPU_POWER \(Watts\)")),
    ("system", re.compile(r"SYSTEM_POWER \(Watts\)")),
    ("dram", re.compile(r"DRAM\d*_ENERGY \(J\)")),
    ("cores", re.compile(r"(CORE\d+|PP0)_ENERGY \(J\)")),
    ("uncore", re.compile(r"PP1_ENERGY \(J\)")),
    ("gpu", re.compile(r"GPU\d+_ENERGY \((J|mJ)\)")),
    ("gpu", re.compile(r"GPU\d*_POWER \((mWatts|Watts)\)")),
)


SAME = (
    (re.compile(r"PACKAGE_ENERGY \(J\)"), re.compile(r"PACKAGE\d+_ENERGY \(J\)")),
    (re.compile(r"PACKAGE\d*_ENERGY \(J\)"), re.compile(r"CPU_ENERGY \(J\)")),
    (re.compile(r"DRAM_ENERGY \(J\)"), re.compile(r"DRAM\d+_ENERGY \(J\)")),
)
"""Two names of the same energy: where a file holds the first, the second is left out."""
PARTS = ("cores", "uncore")
"""Domains that lie within the package."""


@dataclass(frozen=True)
class Source:
    """One column: whose energy it is, whether it shows power or counts energy, and if it is added up."""

    column: str
    domain: str
    is_power: bool
    scale: float
    counted: bool


def find_sources(columns: Iterable[str], named: Sequence[str] = ()) -> list[Source]:
    """The columns to use; those in `named` (meter.columns) if there are any, else the recognised ones.

    The total is package + DRAM + GPUs. The package (Intel's PACKAGE, AMD's CPU) contains its cores (PP0,
    CORE) and integrated graphics (PP1), so those are sub-domains, added only where they are named without a
    package; RAPL's DRAM domain lies outside the package (Intel, Software Developer's Manual, 3B, "RAPL
    Domains and Platform Specificity"). macOS reports power: CPU_POWER is preferred, as in EnergiBridge's own
    summary; SYSTEM_POWER contains the CPU, memory and GPUs, so it stands alone, and only where nothing else
    tells the CPU's. No column counts twice, however often it is named.
    Raises EnergyError where a named column is missing or holds what another named one holds, or no column
    holds energy.
    """
    present = list(columns)
    if named:
        return _named([_find(name, present) for name in dict.fromkeys(map(todays_name, named))])
    found = [_recognise(name) for name in present]
    sources = _without_double([source for source in found if source is not None and source.domain != "uncore"])
    if not any(source.counted for source in sources):
        raise EnergyError(
            "the recording has no energy or power column; this meter does not know this processor: "
            "use meter=native or meter=estimate, or name the columns in meter.columns"
        )
    return sources


def without_twins(sources: Sequence[Source], columns: Mapping[str, Array]) -> tuple[list[Source], list[Flag]]:
    """The sources without core columns that show what another one shows, (n,) each.

    EnergiBridge reads the counter of one thread after the other as if each were a core; on Linux with an AMD processor
    whose two threads of a core are neighbours it so reads half of the cores twice.
    """
    cores = [source for source in sources if source.domain == "cores" and np.isfinite(columns[source.column]).all()]
    cores.sort(key=lambda source: float(columns[source.column][0]))
    twins = [second for first, second in pairwise(cores) if _same(columns[first.column], columns[second.column])]
    if not twins:
        return list(sources), []
    text = (
        f"{len(twins)} of {len(cores)} core columns show the same as another one and are counted once: the energy of "
        "as many cores was not recorded"
    )
    return [source for source in sources if source not in twins], [Flag("twin_cores", text)]


def _same(one: Array, other: Array) -> bool:
    """Whether two counters never differ by more than one usual step, as when one is read just after the other."""
    rises = np.diff(one)[np.diff(one) > 0]
    return bool(rises.size) and bool(np.all(np.abs(one - other) <= np.median(rises)))


def _named(sources: Sequence[Source]) -> list[Source]:
    """Count every named column, but parts of a package only where nothing named contains them."""
    kept = _without_double(sources)
    double = [source.column for source in sources if source not in kept]
    if double:
        holding = ", ".join(source.column for source in kept)
        raise EnergyError(
            f"meter.columns names {', '.join(double)}, whose energy {holding} holds already; leave one of them out"
        )
    contained = any(source.domain == "package" for source in kept)
    return [replace(source, counted=not (contained and source.domain in PARTS)) for source in kept]


def _find(name: str, present: Sequence[str]) -> Source:
    if name not in present:
        have = ", ".join(present) or "none"
        raise EnergyError(f"meter.columns names `{name}`, but the energy columns recorded are: {have}")
    return _recognise(name) or _source(name, "other", counted=True)


def _recognise(name: str) -> Source | None:
    for domain, pattern in PATTERNS:
        if pattern.fullmatch(name):
            return _source(name, domain, counted=domain not in PARTS)
    return None


def _source(name: str, domain: str, counted: bool) -> Source:
    unit = next((unit for unit in ENERGY_UNITS if name.endswith(unit)), "(J)")
    return Source(name, domain, unit in ("(Watts)", "(mWatts)"), SCALES[unit], counted)


def _without_double(sources: Sequence[Source]) -> list[Source]:
    """Leave out what another column already holds: powers beside counters, the system beside its parts."""
    metered = {_owner(source) for source in sources if not source.is_power}
    kept = [source for source in sources if not (source.is_power and _owner(source) in metered)]
    domains = {source.domain for source in kept}
    for whole, part in SAME:
        if any(whole.fullmatch(source.column) for source in kept):
            kept = [source for source in kept if not part.fullmatch(source.column)]
    if "package" in domains:
        return [source for source in kept if source.domain != "system"]
    if "system" in domains:
        return [source for source in kept if source.domain in ("system", "other")]
    return kept


def _owner(source: Source) -> str:
    """The device a column is about: one for all CPU columns, `GPU0`, `GPU1`... for the GPUs and unknown ones."""
    return source.column.split("_")[0] if source.domain in ("gpu", "other") else source.domain
