"""The metrics that are compared: names as in MLflow, units, and which direction is the better one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

PHASES = ("import", "data", "build", "train", "evaluate")


@dataclass(frozen=True)
class Metric:
    """A column of the runs' table."""

    name: str
    unit: str
    title: str
    lower_is_better: bool = True


def _all_metrics() -> Iterable[Metric]:
    yield Metric("energy_j", "J", "Energy of the task")
    yield Metric("duration_s", "s", "Duration of the task")
    yield Metric("power_w", "W", "Mean power")
    yield Metric("edp_js", "J·s", "Energy-delay product")
    yield Metric("accuracy", "1", "Test accuracy", lower_is_better=False)
    yield Metric("loss", "1", "Test loss")
    yield Metric("samples_per_s", "1/s", "Training throughput", lower_is_better=False)
    yield Metric("energy_total_j", "J", "Energy of the whole process")
    yield Metric("duration_total_s", "s", "Duration of the whole process")
    yield Metric("energy_net_j", "J", "Energy above idle")
    for phase in PHASES:
        yield Metric(f"energy_{phase}_j", "J", f"Energy of {phase}")
    for phase in PHASES:
        yield Metric(f"duration_{phase}_s", "s", f"Duration of {phase}")
    for domain in ("package", "dram", "cores", "gpu"):
        yield Metric(f"energy_{domain}_j", "J", f"Energy of the {domain} domain")


METRICS: dict[str, Metric] = {metric.name: metric for metric in _all_metrics()}

WHOLE = {"energy_j": "Energy of the whole recording", "duration_s": "Duration of the whole recording"}
"""Recordings without events know no task."""


def title_of(metric: str, whole: bool) -> str:
    """What a reader calls a metric; `whole` where all runs are recordings without events."""
    return WHOLE.get(metric, METRICS[metric].title) if whole else METRICS[metric].title
