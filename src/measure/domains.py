"""Which column of a recording holds whose energy, and which of them add up to the total."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from src.errors import EnergyError
from src.measure.recording import ENERGY_UNITS

SCALES = {"(J)": 1.0, "(mJ)": 1e-3, "(Watts)": 1.0, "(mWatts)": 1e-3}

PATTERNS = (
    ("package", re.compile(r"(CPU|PACKAGE\d*)_ENERGY \(J\)")),
    ("package", re.compile(r"CPU_POWER \(Watts\)")),
    ("system", re.compile(r"SYSTEM_POWER \(Watts\)")),
    ("dram", re.compile(r"DRAM\d*_ENERGY \(J\)")),
    ("cores", re.compile(r"(CORE\d+|PP0)_ENERGY \(J\)")),
    ("gpu", re.compile(r"GPU\d+_ENERGY \((J|mJ)\)")),
    ("gpu", re.compile(r"GPU\d*_POWER \((mWatts|Watts)\)")),
)


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
    CORE) and integrated graphics (PP1), so those are sub-domains and never added; RAPL's DRAM domain lies
    outside the package (Intel, Software Developer's Manual, 3B, "RAPL Domains and Platform Specificity").
    macOS reports power: CPU_POWER is preferred, as in EnergiBridge's own summary; SYSTEM_POWER contains the
    CPU, memory and GPUs, so it stands alone, and only where nothing else tells the CPU's. Raises EnergyError
    where a named column is missing, or no column holds energy.
    """
    present = list(columns)
    if named:
        return [_named(name, present) for name in named]
    found = [_recognise(name) for name in present]
    sources = _without_double([source for source in found if source is not None])
    if not any(source.counted for source in sources):
        raise EnergyError(
            "the recording has no energy or power column; this meter does not know this processor: "
            "use meter=native or meter=estimate, or name the columns in meter.columns"
        )
    return sources


def _named(name: str, present: Sequence[str]) -> Source:
    if name not in present:
        have = ", ".join(present) or "none"
        raise EnergyError(f"meter.columns names `{name}`, but the energy columns recorded are: {have}")
    source = _recognise(name)
    return _source(name, source.domain if source else "other", counted=True)


def _recognise(name: str) -> Source | None:
    for domain, pattern in PATTERNS:
        if pattern.fullmatch(name):
            return _source(name, domain, counted=domain != "cores")
    return None


def _source(name: str, domain: str, counted: bool) -> Source:
    unit = next((unit for unit in ENERGY_UNITS if name.endswith(unit)), "(J)")
    return Source(name, domain, unit in ("(Watts)", "(mWatts)"), SCALES[unit], counted)


def _without_double(sources: Sequence[Source]) -> list[Source]:
    """Leave out what another column already holds: powers beside counters, the system beside its parts."""
    metered = {_owner(source) for source in sources if not source.is_power}
    kept = [source for source in sources if not (source.is_power and _owner(source) in metered)]
    domains = {source.domain for source in kept}
    if any(source.column == "PACKAGE_ENERGY (J)" for source in kept):
        kept = [s for s in kept if s.domain != "package" or s.column == "PACKAGE_ENERGY (J)"]
    if "package" in domains:
        return [source for source in kept if source.domain != "system"]
    if "system" in domains:
        return [source for source in kept if source.domain == "system"]
    return kept


def _owner(source: Source) -> str:
    """The device a column is about: one for all CPU columns, `GPU0`, `GPU1`... for the GPUs."""
    return source.column.split("_")[0] if source.domain == "gpu" else source.domain
