"""What a command wrote about its own work, checked before it counts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from src.contract.events import Event, read_events
from src.contract.json_files import ContractError, read_object
from src.contract.metrics import Metric
from src.contract.outcome import OUTCOME_FILE, OUTCOME_VARIABLE, Outcome
from src.workloads.command.claims import problem_of_metric, problem_of_phase, problem_of_unit

ROUNDING_S = 0.01
"""How far outside the command's time an event may lie: clocks are read in milliseconds, too."""

USAGE = {
    "cpu_time_s": Metric("cpu_time_s", "s", "CPU time", "lower"),
    "peak_memory_bytes": Metric("peak_memory_bytes", "B", "Peak memory", "lower"),
}


def told_events(path: Path, begin_s: float, end_s: float) -> list[Event]:
    """The command's own events, all within its time (epoch seconds); raises ContractError for any that cannot be."""
    events = read_events(path) if path.exists() else []
    _refuse((event.phase for event in events), problem_of_phase, "phase")
    return [_within(event, begin_s, end_s) for event in events]


def _within(event: Event, begin_s: float, end_s: float) -> Event:
    if not begin_s - ROUNDING_S <= event.t <= end_s + ROUNDING_S:
        before = event.t < begin_s
        away_s = begin_s - event.t if before else event.t - end_s
        raise ContractError(
            f"the {event.edge} of phase `{event.phase}` lies {away_s:.3g} s {'before' if before else 'after'} the "
            "command; `t` is seconds since the epoch, as Python's time.time() or `date +%s.%N` give them"
        )
    return replace(event, t=min(max(event.t, begin_s), end_s))


def told_outcome(folder: Path, wanted: Mapping[str, Any], usage: Mapping[str, float]) -> Outcome:
    """What the command wrote, if it did, described by `wanted` where that names it, and what it used.

    Raises ContractError where something is missing, claims what joulebench measures, or is no number.
    """
    told = _read(folder) if (folder / OUTCOME_FILE).exists() else Outcome()
    missing = [name for name in wanted if name not in told.values]
    if missing:
        raise ContractError(f"workload.metrics names {', '.join(missing)}, which is not in ${OUTCOME_VARIABLE}")
    described = {name: Metric.of(name, values) for name, values in wanted.items()}
    used = {name: value for name, value in usage.items() if name not in told.values}
    metrics = {**told.metrics, **described, **{name: USAGE[name] for name in used}}
    return replace(told, values={**told.values, **used}, metrics=metrics)


def _read(folder: Path) -> Outcome:
    """What there is, without facts, which are of joulebench's own programs; metrics are shown unless they say no."""
    told, written = Outcome.read(folder), read_object(folder / OUTCOME_FILE, told=True)
    _refuse((*told.values, *told.series), problem_of_metric, "metric")
    shown = {name: _shown(metric, written["metrics"][name]) for name, metric in told.metrics.items()}
    if told.per_unit is None:
        return replace(told, metrics=shown, facts={})
    metric, count = told.per_unit
    _refuse([metric.name], problem_of_unit, "per_unit")
    return replace(told, metrics=shown, facts={}, per_unit=(_shown(metric, written["per_unit"]), count))


def _shown(metric: Metric, written: Mapping[str, Any]) -> Metric:
    title, unit = (" ".join(text.split()) for text in (metric.title, metric.unit))
    return replace(metric, title=title, unit=unit, headline=written.get("headline", True))


def _refuse(names: Iterable[str], problem_of: Callable[[str], str | None], what: str) -> None:
    for name in dict.fromkeys(names):
        if problem := problem_of(name):
            raise ContractError(f"{what} `{name:.80}`: {problem}")
