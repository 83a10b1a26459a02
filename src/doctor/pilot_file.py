"""What the last pilot found on a machine, kept in reports/pilot.json, where later sweeps look for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

from src.contract.json_files import ContractError, read_object, take, write_json
from src.measure.meters.select import Meter

PILOT_FILE = Path("reports/pilot.json")
VERSION = 1


@dataclass(frozen=True)
class MeterPilot:
    """One meter: what sampling every `interval_ms` costs and what can be told with it.

    `cpu_share` is the meter's own CPU time by that of all CPUs, `energy_percent` and `time_percent` are what a fixed
    work took more with than without it, each with the standard error; None where nothing could tell. `idle_w` is the
    power at rest and `idle_sd_w` that of windows of a second, `smallest_percent` the smallest difference that
    `iterations` show of the fixed work.
    """

    name: str
    energy_kind: str
    interval_ms: int
    cpu_share: float | None
    time_percent: float | None
    time_error_percent: float | None
    energy_percent: float | None
    energy_error_percent: float | None
    idle_w: float
    idle_sd_w: float
    best_interval_ms: int
    smallest_percent: float
    iterations: int


@dataclass(frozen=True)
class Pilot:
    """All meters that work on a machine; `when` is ISO 8601, UTC."""

    machine: str
    when: str
    meters: tuple[MeterPilot, ...]

    def write(self, path: Path = PILOT_FILE) -> None:
        """Keep it."""
        path.parent.mkdir(parents=True, exist_ok=True)
        write_json(path, {"version": VERSION, **asdict(self)})

    @classmethod
    def read(cls, path: Path = PILOT_FILE) -> Self:
        """The last one; raises ContractError."""
        values = read_object(path)
        try:
            meters = tuple(MeterPilot(**each) for each in take(values, "meters", list, str(path)))
        except TypeError as error:
            raise ContractError(
                f"{path} holds no pilot ({error}); make one with `python -m src.doctor pilot`"
            ) from error
        return cls(take(values, "machine", str, str(path)), take(values, "when", str, str(path)), meters)


def pilot_params(machine: str, meters: Sequence[Meter], path: Path = PILOT_FILE) -> Mapping[str, str]:
    """What a sweep files of the pilot of its machine and meter; nothing where there is none."""
    try:
        pilot = Pilot.read(path)
    except (ContractError, OSError):
        return {}
    names = {meter.name for meter in meters}
    found = next((each for each in pilot.meters if each.name in names), None)
    if pilot.machine != machine or found is None:
        return {}
    known = {key: value for key, value in asdict(found).items() if value is not None}
    return {"pilot.when": pilot.when, "pilot.machine": machine} | {f"pilot.{key}": str(v) for key, v in known.items()}
