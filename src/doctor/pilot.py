"""What each meter costs on this machine, how much the machine at rest wavers, and how small a difference it shows.

A fixed work is done with and without the meter by turns. What it took is told by the work itself, which reads clock and
counters once before and once after it; so the meter's own share is seen from outside.
"""

from __future__ import annotations

import json
import math
import os
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from src import stops
from src.analysis.foresight import shown_percent
from src.config.schema import Config
from src.doctor.check_meters import reason_of
from src.doctor.examine import name_and_processor
from src.doctor.pilot_file import Cost, Interval, MeterPilot, Pilot
from src.doctor.state import MeterTrial
from src.errors import ConfigError, EnergyError, MeterError
from src.measure.energy import Energy, integrate, whole_file
from src.measure.environment import worker_environment
from src.measure.launch import launch
from src.measure.meters.powercap import POWERCAP, Powercap
from src.measure.meters.sampler import ReaderError
from src.measure.meters.select import AUTO, Meter, make_meter, probe
from src.paths import ROOT
from src.workloads.hardware import Device

SECONDS = 240.0
LEAST_S = 10.0
ITERATIONS = 30
INTERVALS_MS = (20, 50, 100, 200, 500)
RUN_S = 10.0
"""A run of this length is what an interval's resolution is told of."""
OF_IDLE, OF_INTERVALS = 0.2, 0.3
LEAST_REST_S = 3.0
"""Shares of a meter's time; the rest is for the work with and without it."""
WORK_S, START_S = 2.0, 0.7
"""The longest fixed work, and what starting a meter, its guard and a work takes beside it."""
FEWEST_PAIRS = 3
GRACE_S = 60.0
WINDOW = "work"

Say = Callable[[str], None]
Told = dict[str, float]
"""What a fixed work tells of itself."""


@dataclass
class Bench:
    """Runs commands under meters in a folder of its own, and keeps what others used at most meanwhile."""

    folder: Path
    outside: tuple[str, ...] = ("none",)
    foreign_share: float = 0.0
    _count: int = field(default=0)

    def idle(self, meter: Meter, seconds: float) -> tuple[Energy, float]:
        """A metered sleep: its energy, and the CPU seconds of all that was started for it."""
        sleep = [sys.executable, "-c", f"import time; time.sleep({seconds})"]
        before = _children_cpu_s()
        csv, _ = self._launch(sleep, meter, seconds)
        return whole_file(meter.recorded(csv), meter.columns), _children_cpu_s() - before

    def work(self, products: int, meter: Meter | None) -> Told:
        """The fixed work, metered or not: what it tells of itself, and `metered_j` and `resolution_j` of the meter."""
        command = [sys.executable, "-m", "src.doctor.fixed_work", str(products), *self.outside]
        csv, said = self._launch(command, meter, 10 * WORK_S)
        told: Told = json.loads(next(line for line in said.splitlines() if line.startswith("{")))
        if meter is None:
            return told
        window = {WINDOW: (told["begin"], told["end"])}
        energy = integrate(meter.recorded(csv), window, meter.interval_ms, meter.columns)
        return {**told, "metered_j": energy.energy_j, "resolution_j": energy.resolution_j}

    def _launch(self, command: Sequence[str], meter: Meter | None, seconds: float) -> tuple[Path, str]:
        stops.check()
        self._count += 1
        csv, log = (self.folder / f"{self._count}.{ending}" for ending in ("csv", "log"))
        metered = list(command) if meter is None else meter.command(csv, command)
        ending = launch(metered, log, worker_environment(os.environ, {}, ROOT), seconds + GRACE_S)
        said = log.read_text(encoding="utf-8", errors="replace")
        if ending.ending != "exit" or ending.returncode:
            raise MeterError(f"a run of the pilot ended early ({ending.ending}, {ending.returncode}) and said:\n{said}")
        if ending.disturbance is not None:
            self.foreign_share = max(self.foreign_share, ending.disturbance.foreign_cpu_share or 0.0)
        return csv, said


def run_pilot(config: Config, seconds: float, say: Say) -> Pilot:
    """Every meter that works here, in about `seconds`; raises ConfigError for too few, MeterError for no meter."""
    if seconds < LEAST_S:
        raise ConfigError(f"--seconds={seconds:g}: a pilot takes at least {LEAST_S:g} s")
    meters = working_meters(config, say)
    if not meters:
        raise MeterError("no meter works on this machine; `python -m src.doctor` says why")
    with tempfile.TemporaryDirectory(prefix="joulebench-") as name:
        bench = Bench(Path(name), _outside(config))
        products = _products(bench, min(WORK_S, seconds / len(meters) / 12))
        found = tuple(_piloted(meter, bench, products, seconds / len(meters), config, say) for meter in meters)
    when = datetime.now(UTC).isoformat(timespec="seconds")
    return Pilot(name_and_processor(), when, bench.foreign_share, found)


def working_meters(config: Config, say: Say) -> list[Meter]:
    """Those of AUTO, or the one that is asked for, that work here; of the others it is said that they do not."""
    found = []
    for name in AUTO if config.meter.name == "auto" else (config.meter.name,):
        try:
            meter = make_meter(name, config.meter, config.hardware.device is Device.cuda)
            probe(meter)
        except MeterError as error:
            say(f"{name}: does not work ({reason_of(MeterTrial(name, failure=str(error)))})")
        else:
            found.append(meter)
    return found


def _outside(config: Config) -> tuple[str, ...]:
    """Who tells a work's energy from outside: the counters, or the model where there is nothing else."""
    root = Path(config.meter.powercap) if config.meter.powercap else POWERCAP
    try:
        Powercap(root)
    except (ReaderError, OSError):
        return "estimate", str(config.meter.idle_w), str(config.meter.busy_w)
    return "powercap", str(root)


def _products(bench: Bench, seconds: float) -> int:
    """How much work takes about so long."""
    trial = 100
    return max(1, round(trial * seconds / bench.work(trial, None)["seconds"]))


def _piloted(meter: Meter, bench: Bench, products: int, seconds: float, config: Config, say: Say) -> MeterPilot:
    say(f"{meter.name}: at rest")
    idle, _ = bench.idle(meter, max(OF_IDLE * seconds, LEAST_REST_S))
    say(f"{meter.name}: several intervals")
    works_s = len(INTERVALS_MS) * (WORK_S + START_S)
    intervals = _intervals(meter, bench, products, OF_INTERVALS * seconds - works_s)
    per_sample_s = intervals[0].cpu_percent / cpu_percent(1.0, intervals[0].ms)
    say(f"{meter.name}: a fixed work with and without it")
    plain, metered = _by_turns(meter, bench, products, (1 - OF_IDLE - OF_INTERVALS) * seconds)
    outside = bench.outside[0] == "powercap" or meter.energy_kind == "estimated"
    steps_w = idle.trace.thinned(max(2, int(idle.duration_s))).power_w
    energies = [each["metered_j"] for each in metered]
    return MeterPilot(
        name=meter.name,
        energy_kind=meter.energy_kind,
        interval_ms=meter.interval_ms,
        cpu_percent=cpu_percent(per_sample_s, meter.interval_ms),
        time=cost([each["seconds"] for each in plain], [each["seconds"] for each in metered]),
        energy=energy_cost(plain, metered) if outside else None,
        idle_w=idle.power_w,
        idle_sd_w=float(np.std(steps_w, ddof=1)),
        best_interval_ms=best(intervals),
        smallest_percent=shown_percent(
            ratio_sd(energies), ITERATIONS, config.analysis.alpha, config.analysis.target_power
        ),
        iterations=ITERATIONS,
        runs=len(energies),
        intervals=intervals,
    )


def _sample_cpu_s(meter: Meter, bench: Bench, seconds: float) -> float:
    """CPU seconds of one sample: of what a long rest takes more than a short one, which starts just as much."""
    short_s = 2.5 * meter.interval_ms / 1000
    long_s = max(seconds - 2 * (short_s + START_S) - START_S, 4 * short_s)
    started_s = min(bench.idle(meter, short_s)[1] for _ in range(2))
    _, cpu_s = bench.idle(meter, long_s)
    return max(0.0, cpu_s - started_s) / ((long_s - short_s) * 1000 / meter.interval_ms)


def _intervals(meter: Meter, bench: Bench, products: int, seconds: float) -> tuple[Interval, ...]:
    """Each interval that the meter keeps up with; what a sample takes is told by the shortest one of them."""
    resolutions = {ms: share for ms in INTERVALS_MS if (share := _resolution(meter, ms, bench, products)) is not None}
    if not resolutions:
        raise MeterError(f"meter {meter.name} works, but not for a run of {WORK_S:g} s; see `python -m src.doctor`")
    shortest = replace(meter, interval_ms=min(resolutions))
    per_sample_s = _sample_cpu_s(shortest, bench, seconds)
    return tuple(Interval(ms, cpu_percent(per_sample_s, ms), share) for ms, share in resolutions.items())


def _resolution(meter: Meter, ms: int, bench: Bench, products: int) -> float | None:
    """The bound of the energy of a run of RUN_S, in percent of it; None where the meter does not keep up."""
    try:
        told = bench.work(products, replace(meter, interval_ms=ms))
    except (MeterError, EnergyError):
        return None
    return 100 * told["resolution_j"] / (told["metered_j"] / told["seconds"] * RUN_S)


def cpu_percent(per_sample_s: float, interval_ms: int) -> float:
    """What sampling takes of all CPUs' time."""
    return 100 * per_sample_s / (interval_ms / 1000) / (os.cpu_count() or 1)


def _by_turns(meter: Meter, bench: Bench, products: int, seconds: float) -> tuple[list[Told], list[Told]]:
    """The work without and with the meter, and the other way round, until the time is over."""
    plain: list[Told] = []
    metered: list[Told] = []
    until = time.monotonic() + seconds
    while len(metered) < FEWEST_PAIRS or time.monotonic() < until:
        turns = [(plain, None), (metered, meter)]
        for kept, with_meter in turns if len(metered) % 2 else turns[::-1]:
            kept.append(bench.work(products, with_meter))
    return plain, metered


def energy_cost(plain: Sequence[Told], metered: Sequence[Told]) -> Cost | None:
    """As `cost`; None where nobody told the energy from outside, or a counter stood still."""
    joules = [[each["energy_j"] for each in runs] for runs in (plain, metered)]
    return cost(*joules) if all(energy_j and energy_j > 0 for runs in joules for energy_j in runs) else None


def cost(plain: Sequence[float], metered: Sequence[float]) -> Cost:
    """The mean of the pairs' log ratios, as a percentage, and its standard error."""
    logs = np.log(np.asarray(metered) / np.asarray(plain))
    error = float(np.std(logs, ddof=1)) / math.sqrt(logs.size)
    return Cost(100 * math.expm1(float(logs.mean())), 100 * error)


def ratio_sd(values: Sequence[float]) -> float:
    """The standard deviation of the log ratio of two runs that follow each other (von Neumann et al., 1941)."""
    steps = np.diff(np.log(np.asarray(values)))
    return math.sqrt(float(np.mean(steps**2)))


def best(intervals: Sequence[Interval]) -> int:
    """The interval at which what sampling takes and what it leaves unknown of a run of RUN_S add up to the least."""
    return min(intervals, key=lambda each: each.cpu_percent + each.resolution_percent).ms


def _children_cpu_s() -> float:
    """As finely as the system tells it."""
    if sys.platform == "win32":
        return 0.0
    import resource

    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
