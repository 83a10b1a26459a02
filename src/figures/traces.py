"""Power traces of many runs, thinned and laid over each other. Pure functions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np

from src.analysis.values import Sample

POINTS = 150
"""Steps of a thinned trace; a column has no room for more."""

MOST_LINES = 40
"""Runs drawn of each treatment."""

Item = TypeVar("Item")


@dataclass(frozen=True)
class Trace:
    """Power of one run: `time_s` and `power_w` (n,), seconds since the process began.

    `phases` maps a phase to its begin and end on the same clock; empty where nobody noted them.
    `energy_kind` is measured, estimated, replayed or imported.
    """

    treatment: str
    time_s: Sample
    power_w: Sample
    phases: Mapping[str, tuple[float, float]]
    energy_kind: str


def thin(trace: Trace, points: int = POINTS) -> Trace:
    """At most `points` values that hold the same energy; values that are no numbers are left out."""
    known = np.isfinite(trace.time_s) & np.isfinite(trace.power_w)
    time_s, power_w = np.asarray(trace.time_s)[known], np.asarray(trace.power_w)[known]
    if time_s.size <= points:
        return replace(trace, time_s=time_s, power_w=power_w)
    means_w = (power_w[1:] + power_w[:-1]) / 2
    energy_j = np.concatenate(([0.0], np.cumsum(means_w * np.diff(time_s))))
    edges_s = np.linspace(time_s[0], time_s[-1], points + 1)
    steps_w = np.diff(np.interp(edges_s, time_s, energy_j)) / np.diff(edges_s)
    return replace(trace, time_s=(edges_s[1:] + edges_s[:-1]) / 2, power_w=steps_w)


def by_treatment(traces: Iterable[Trace], treatments: Iterable[str]) -> dict[str, list[Trace]]:
    """Thinned traces in the order of `treatments`, read one by one; those of fewer than two values are left out."""
    found: dict[str, list[Trace]] = {name: [] for name in treatments}
    for trace in traces:
        if trace.treatment in found:
            thinned = thin(trace)
            if thinned.time_s.size > 1:
                found[trace.treatment].append(thinned)
    return {name: members for name, members in found.items() if members}


def median_power(traces: Sequence[Trace]) -> tuple[Sample, Sample]:
    """Times (m,) and the median power there, as long as at least half of the runs are still going."""
    end_s = float(np.median([trace.time_s[-1] for trace in traces]))
    begin_s = float(np.median([trace.time_s[0] for trace in traces]))
    grid = np.linspace(begin_s, end_s, POINTS)
    rows = np.array([np.interp(grid, trace.time_s, trace.power_w, left=np.nan, right=np.nan) for trace in traces])
    going = np.isfinite(rows).sum(axis=0) * 2 >= len(traces)
    return grid[going], np.nanmedian(rows[:, going], axis=0)


def median_phases(traces: Sequence[Trace]) -> dict[str, tuple[float, float]]:
    """Median begin and end of each phase, seconds."""
    names = dict.fromkeys(name for trace in traces for name in trace.phases)
    found = {name: [trace.phases[name] for trace in traces if name in trace.phases] for name in names}
    return {
        name: (float(np.median([b for b, _ in edges])), float(np.median([e for _, e in edges])))
        for name, edges in found.items()
    }


def some_of(items: Sequence[Item], most: int = MOST_LINES) -> Sequence[Item]:
    """At most `most` of them, evenly spread, the first and the last among them."""
    if len(items) <= most:
        return items
    return [items[round(place)] for place in np.linspace(0, len(items) - 1, most)]
