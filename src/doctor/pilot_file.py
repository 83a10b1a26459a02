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
class Cost:
    """What a fixed work took more with a meter than without it, in percent, and the standard error of that."""

    percent: float
    error: float


@dataclass(frozen=True)
class Interval:
    """Sampling every `ms`: the share of all CPUs that it takes, and the bound of a run's energy, both in percent."""

    ms: int
    cpu_percent: float
    resolution_percent: float


@dataclass(frozen=True)
class MeterPilot:
    """One meter, sampling every `interval_ms`: what it costs and what can be told with it.

    `cpu_percent` is its own CPU time by that of all CPUs. `energy` is None where nothing but the meter itself could
    tell. `idle_w` is the power at rest, `idle_sd_w` the standard deviation of seconds of it; `smallest_percent` is the
    smallest difference of a fixed work that `iterations` show, from `runs` of it.
    """

    name: str
    energy_kind: str
    interval_ms: int
    cpu_percent: float
    time: Cost
    energy: Cost | None
    idle_w: float
    idle_sd_w: float
    best_interval_ms: int
    smallest_percent: float
    iterations: int
    runs: int
    intervals: tuple[Interval, ...]

    @classmethod
    def of(cls, values: Mapping[str, object]) -> Self:
        """From what JSON made of it; raises TypeError."""
        known = dict(values)
        for name in ("time", "energy"):
            cost = known.get(name)
            known[name] = Cost(**cost) if isinstance(cost, dict) else None
        intervals = known.get("intervals")
        known["intervals"] = tuple(Interval(**each) for each in intervals) if isinstance(intervals, list) else ()
        return cls(**known)  # type: ignore[arg-type]


@dataclass(frozen=True)
class Pilot:
    """All meters that work on a machine; `when` is ISO 8601, UTC; others used up to `foreign_share` of it."""

    machine: str
    when: str
    foreign_share: float
    meters: tuple[MeterPilot, ...]

    def write(self, path: Path = PILOT_FILE) -> None:
        """Keep it; raises OSError."""
        path.parent.mkdir(parents=True, exist_ok=True)
        write_json(path, self.plain())

    def plain(self) -> dict[str, object]:
        """As JSON takes it."""
        return {"version": VERSION, **asdict(self)}

    @classmethod
    def read(cls, path: Path = PILOT_FILE) -> Self:
        """The last one; raises ContractError."""
        values, where = read_object(path), str(path)
        try:
            meters = tuple(MeterPilot.of(each) for each in take(values, "meters", list, where))
        except (TypeError, ValueError) as error:
            raise ContractError(f"{path} holds no pilot ({error}); `python -m src.doctor pilot` makes one") from error
        machine, when = (take(values, key, str, where) for key in ("machine", "when"))
        return cls(machine, when, take(values, "foreign_share", float, where), meters)


def pilot_params(machine: str, meters: Sequence[Meter], path: Path | None = None) -> Mapping[str, str]:
    """What a sweep files of the pilot of its machine and meter; nothing where there is none."""
    try:
        pilot = Pilot.read(path or PILOT_FILE)
    except ContractError:
        return {}
    names = {meter.name for meter in meters}
    found = next((each for each in pilot.meters if each.name in names), None)
    if pilot.machine != machine or found is None:
        return {}
    costs = {"time": found.time} | ({} if found.energy is None else {"energy": found.energy})
    cited = {
        "when": pilot.when,
        "machine": machine,
        "meter": found.name,
        "interval_ms": found.interval_ms,
        "cpu_percent": found.cpu_percent,
        **{f"{name}_percent": cost.percent for name, cost in costs.items()},
        **{f"{name}_error_percent": cost.error for name, cost in costs.items()},
        "idle_w": found.idle_w,
        "idle_sd_w": found.idle_sd_w,
        "smallest_percent": found.smallest_percent,
        "iterations": found.iterations,
        "foreign_percent": 100 * pilot.foreign_share,
    }
    return {f"pilot.{key}": f"{value:.3g}" if isinstance(value, float) else str(value) for key, value in cited.items()}
