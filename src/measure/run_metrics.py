"""The numbers of one run under the names they have in MLflow; each carries its unit. Pure functions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import stdev
from typing import Literal

from src.contract.events import Event
from src.contract.metrics import OF_MACHINE, OF_METER, TASK, TOTAL, WALL, Metric, by_meter
from src.contract.outcome import Outcome
from src.contract.record import POWER_SERIES, Point
from src.measure.disturbance import Disturbance
from src.measure.energy import Energy
from src.measure.run import Measured
from src.measure.windows import Stretches, stretches_of

MAX_TRACE_POINTS = 200
"""MLflow's pages slow down with longer series; energy.csv and power.png hold the whole one."""

EPOCH = "epoch"
"""Whose ends tell when the points of `train_loss` were reached."""


@dataclass(frozen=True)
class IdleBaseline:
    """The power of the machine at rest that a run's net energy is above.

    It was measured at the end of the rest before the run's `block`, or before the warm-up, at the sweep's `start`.
    `spread_w` is the standard deviation of such baselines over blocks, None where fewer than two are known.
    """

    power_w: float
    measured: Literal["block", "start"]
    spread_w: float | None = None


NO_POWER = IdleBaseline(0.0, "block", 0.0)
"""Names all that a baseline adds to a run's numbers."""


def spread_of(baselines_w: Sequence[float]) -> float | None:
    """How far one baseline lies from the next, as a standard deviation in W; None of fewer than two.

    It is the sample standard deviation over blocks, s = sqrt(Σ (P_i - mean P)² / (n - 1)): that of a single baseline,
    as each run is above that of its own block (standard uncertainty of type A; JCGM 100, 2008, 4.2).
    """
    return stdev(baselines_w) if len(baselines_w) > 1 else None


def net_metrics(energy_j: float, duration_s: float, idle: IdleBaseline) -> dict[str, float]:
    """What the task took above the machine at rest, E_net = E - P·t, and how well the baseline P lets it be known.

    `energy_net_uncertainty_j` is the standard uncertainty u(E_net) = t·u(P) (JCGM 100, 2008, 5.1.2) with the spread of
    the baselines as u(P). That of E itself, which `energy_resolution_j` bounds, is not in it.
    """
    net = {"idle_power_w": idle.power_w, "energy_net_j": energy_j - idle.power_w * duration_s}
    return net if idle.spread_w is None else {**net, "energy_net_uncertainty_j": idle.spread_w * duration_s}


def energy_metrics(energy: Energy, idle: IdleBaseline | None = None) -> dict[str, float]:
    """Energy, duration and power of the task, the whole process, each phase and each domain.

    `edp_js` is the energy-delay product E × t (Horowitz, Indermaur and Gonzalez, 1994). Without the power of the
    machine at rest, nothing is told of what the task took above it.
    """
    metrics = {
        "energy_j": energy.energy_j,
        "duration_s": energy.duration_s,
        "power_w": energy.power_w,
        "edp_js": energy.energy_j * energy.duration_s,
        "energy_resolution_j": energy.resolution_j,
    }
    for name, window in energy.windows.items():
        if name != TASK:
            metrics[f"energy_{name}_j"] = window.energy_j
            metrics[f"duration_{name}_s"] = window.duration_s
    metrics |= {f"energy_{domain}_j": value for domain, value in energy.domains_j.items()}
    return metrics if idle is None else metrics | net_metrics(energy.energy_j, energy.duration_s, idle)


def outcome_metrics(outcome: Outcome, energy: Energy) -> tuple[dict[str, float], dict[str, Metric]]:
    """What the work tells of itself, and its energy for each unit of what it did, where it counts units."""
    values, described = dict(outcome.values), dict(outcome.metrics)
    if outcome.per_unit is not None:
        metric, count = outcome.per_unit
        values[metric.name], described[metric.name] = energy.energy_j / count, metric
    return values, described


def machine_metrics(seen: Disturbance) -> dict[str, float]:
    """What the rest of the machine did, as far as this system shows it."""
    found = {metric.name: getattr(seen, metric.name, None) for metric in OF_MACHINE}
    return {name: float(value) for name, value in found.items() if value is not None}


def run_series(outcome: Outcome, energy: Energy, events: Sequence[Event]) -> dict[str, list[Point]]:
    """The outcome's own series (steps 1, 2, ...), and power over time (steps: ms since the start)."""
    own = {name: outcome_series(values, events) for name, values in outcome.series.items()}
    return {**own, POWER_SERIES: power_series(energy, min(event.t for event in events))}


def outcome_series(values: Sequence[float], events: Sequence[Event]) -> list[Point]:
    """One value after each epoch, when the epoch ended where the events tell it, else at the last event."""
    ends = [event.t for event in events if (event.phase, event.edge) == (EPOCH, "end")]
    if len(ends) != len(values):
        ends = [events[-1].t] * len(values)
    return [Point(n, round(t * 1000), value) for n, (t, value) in enumerate(zip(ends, values, strict=True), start=1)]


def power_series(energy: Energy, began_s: float) -> list[Point]:
    """Power in at most MAX_TRACE_POINTS steps that hold the same energy; `began_s` is epoch seconds."""
    trace = energy.trace.thinned(MAX_TRACE_POINTS)
    return [
        Point(round(t * 1000), round((began_s + t) * 1000), float(power_w))
        for t, power_w in zip(trace.time_s, trace.power_w, strict=True)
    ]


def phases_of(windows: Mapping[str, Stretches]) -> dict[str, tuple[float, float]]:
    """Begin and end of each phase that went on once, in seconds since the run's start."""
    began_s = stretches_of(windows[TOTAL])[0][0]
    stretches = {name: stretches_of(window) for name, window in windows.items() if name not in (TASK, TOTAL)}
    return {name: (w[0][0] - began_s, w[0][1] - began_s) for name, w in stretches.items() if len(w) == 1}


def numbers_of(measured: Measured, idle: IdleBaseline | None) -> tuple[dict[str, float], dict[str, Metric]]:
    """All metrics of a run that was measured to its end, and what those of its own work are.

    What only a meter can know is never what a program claims under the same name, whether this meter knows it or not.
    """
    values, described = outcome_metrics(measured.outcome, measured.energy)
    machine = dict(measured.machine)
    if measured.ending.disturbance is not None:
        machine |= machine_metrics(measured.ending.disturbance)
    machine |= {by_meter(name).name: energy.energy_j for name, energy in measured.beside.items()}
    reserved = {*energy_metrics(measured.energy, NO_POWER), *(m.name for m in (*OF_METER, *OF_MACHINE, WALL))}
    own = {name: value for name, value in values.items() if name not in reserved}
    known = {name: metric for name, metric in described.items() if name not in reserved}
    return own | machine | energy_metrics(measured.energy, idle), known
