"""The numbers of one run under the names they have in MLflow; each carries its unit. Pure functions."""

from __future__ import annotations

from collections.abc import Sequence

from src.contract.record import Point
from src.contract.run_files import EPOCH, PHASES, Event, Result
from src.measure.energy import Energy
from src.measure.windows import TOTAL

MAX_TRACE_POINTS = 200
"""MLflow's pages slow down with longer series; energy.csv and power.png hold the whole one."""


def energy_metrics(energy: Energy, idle_power_w: float | None = None) -> dict[str, float]:
    """Energy, duration and power of the task, the whole process, each phase and each domain.

    `edp_js` is the energy-delay product E × t (Horowitz, Indermaur and Gonzalez, 1994). With the power of the
    machine at rest, `energy_net_j` is what the task took above it; without, both are left out.
    """
    metrics = {
        "energy_j": energy.energy_j,
        "duration_s": energy.duration_s,
        "power_w": energy.power_w,
        "edp_js": energy.energy_j * energy.duration_s,
        "energy_resolution_j": energy.resolution_j,
    }
    for name in (TOTAL, *PHASES):
        if name in energy.windows:
            metrics[f"energy_{name}_j"] = energy.windows[name].energy_j
            metrics[f"duration_{name}_s"] = energy.windows[name].duration_s
    metrics |= {f"energy_{domain}_j": value for domain, value in energy.domains_j.items()}
    if idle_power_w is not None:
        metrics["idle_power_w"] = idle_power_w
        metrics["energy_net_j"] = energy.energy_j - idle_power_w * energy.duration_s
    return metrics


def result_metrics(result: Result) -> dict[str, float]:
    """What the worker reports about its work; accuracy and loss are those on the test images."""
    return {
        "accuracy": result.accuracy,
        "loss": result.loss,
        "samples_per_s": result.samples_per_s,
        "peak_memory_bytes": float(result.peak_memory_bytes),
        "parameter_count": float(result.parameter_count),
    }


def run_metrics(result: Result, energy: Energy, idle_power_w: float | None = None) -> dict[str, float]:
    """All metrics of a run that was measured to its end."""
    return energy_metrics(energy, idle_power_w) | result_metrics(result)


def run_series(result: Result, energy: Energy, events: Sequence[Event]) -> dict[str, list[Point]]:
    """`train_loss` after each epoch (steps 1, 2, ...), `power_trace_w` (steps: ms since the start)."""
    return {
        "train_loss": loss_series(result.train_loss, events),
        "power_trace_w": power_series(energy, min(event.t for event in events)),
    }


def loss_series(train_loss: Sequence[float], events: Sequence[Event]) -> list[Point]:
    """The loss after each epoch, when the epoch ended where the events tell it, else at the last event."""
    ends = [event.t for event in events if (event.phase, event.edge) == (EPOCH, "end")]
    if len(ends) != len(train_loss):
        ends = [events[-1].t] * len(train_loss)
    return [Point(n, round(t * 1000), loss) for n, (t, loss) in enumerate(zip(ends, train_loss, strict=True), start=1)]


def power_series(energy: Energy, began_s: float) -> list[Point]:
    """Power in at most MAX_TRACE_POINTS steps that hold the same energy; `began_s` is epoch seconds."""
    trace = energy.trace.thinned(MAX_TRACE_POINTS)
    return [
        Point(round(t * 1000), round((began_s + t) * 1000), float(power_w))
        for t, power_w in zip(trace.time_s, trace.power_w, strict=True)
    ]


def flags_text(energy: Energy) -> str:
    """What a reader of the run's numbers should know, as the text of its tag `flags`; may be empty."""
    return "; ".join(f"{flag.code}: {flag.text}" for flag in energy.flags)
