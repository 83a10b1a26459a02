"""Power traces of many runs, thinned and laid over each other. Pure functions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from src.analysis.values import Sample
from src.measure.energy import PowerTrace

POINTS = 150
"""Steps of a thinned trace; a column has no room for more."""

MOST_LINES = 40
"""Runs drawn of each treatment; the median is over all of them."""


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
    steps = PowerTrace(time_s, (power_w[1:] + power_w[:-1]) / 2).thinned(points)
    return replace(trace, time_s=steps.time_s, power_w=steps.power_w)


def by_treatment(traces: Iterable[Trace], treatments: Sequence[str]) -> dict[str, list[Trace]]:
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


def some_of(traces: Sequence[Trace], most: int = MOST_LINES) -> Sequence[Trace]:
    """At most `most` of them, evenly spread."""
    if len(traces) <= most:
        return traces
    return [traces[int(place)] for place in np.linspace(0, len(traces) - 1, most)]
