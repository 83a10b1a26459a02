"""From a recording and the windows of a run to joules: pure functions, no files."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from src.contract.flags import Flag
from src.contract.metrics import TASK, TOTAL
from src.errors import EnergyError
from src.measure.counters import GAP_INTERVALS, Unwrapped, accumulate, unwrap
from src.measure.curve import Curve, PowerTrace
from src.measure.domains import Source, find_sources, without_twins
from src.measure.doubts import doubts, power_doubts
from src.measure.recording import Array, Recording
from src.measure.sensors import FEW_REFRESHES, SLOW_REFRESH, lag_bound, refresh_interval
from src.measure.windows import Stretches, Window, stretches_of

__all__ = ["Energy", "PowerTrace", "WindowEnergy", "integrate", "whole_file"]


SHORTEST_S = 1.0
FEWEST_SAMPLES = 5
"""A whole recording that is shorter, or has fewer samples, tells no energy."""
MORE_THAN_WHOLE = 1.1
"""No counters read one after the other let a part seem this much larger than the whole."""


@dataclass(frozen=True)
class WindowEnergy:
    """What one window took."""

    energy_j: float
    duration_s: float


@dataclass(frozen=True)
class Energy:
    """The energy of one run.

    `windows` holds what each asked window took, package + DRAM + GPUs together. `energy_j`, `duration_s`,
    `domains_j` and `resolution_j` are about the main window: `task`, else `total`, else all windows together.
    `columns` are the ones that add up to the total.
    """

    energy_j: float
    duration_s: float
    resolution_j: float
    windows: dict[str, WindowEnergy]
    domains_j: dict[str, float]
    wraps: int
    flags: tuple[Flag, ...]
    trace: PowerTrace
    columns: tuple[str, ...]

    @property
    def power_w(self) -> float:
        """Mean power of the main window."""
        return self.energy_j / self.duration_s


def integrate(
    recording: Recording, windows: Mapping[str, Stretches], interval_ms: float, columns: Sequence[str] = ()
) -> Energy:
    """Energy of every window (begin and end in epoch seconds) of a recording sampled every `interval_ms`.

    A window of several stretches is their sum. Values at window edges are interpolated. `resolution_j` is the bound
    that sampling sets: an energy counter never falls, so at an edge t between samples k and k+1 the true value lies in
    [E_k, E_k+1], and the error of a window is at most the sum over its two edges of max(E(t) - E_k, E_k+1 - E(t)).
    Powers have a bound of their own (see `lag_bound`), as their sensors show means of the past.

    Raises EnergyError where no honest number exists: no energy column, one that does not move, a fall that is
    no wrap, a task or total of fewer than two samples, a window that the recording does not cover. An edge up
    to one interval outside the recording is extrapolated and flagged, as EnergiBridge's first sample comes
    after the start of the command.
    """
    sources, twins = without_twins(find_sources(recording.columns, columns), recording.columns)
    stretches = {name: stretches_of(window) for name, window in windows.items()}
    every = [stretch for several in stretches.values() for stretch in several]
    hull = min(begin for begin, _ in every), max(end for _, end in every)
    interval_s = interval_ms / 1000
    flags = [*recording.flags, *twins, *_check_cover(recording.time_s, hull, interval_s)]
    flags += _check_samples(recording.time_s, stretches, interval_s)
    rows = _rows_around(recording.time_s, hull)
    time_s = recording.time_s[rows]
    curves, wraps, more = _curves(sources, recording, rows, interval_s)
    counted = [source for source in sources if source.counted]
    flags += [*more, *_gaps(time_s, interval_s, [curves[s.column] for s in counted if s.is_power])]
    total = Curve(time_s, np.sum([curves[source.column].energy_j for source in counted], axis=0), interval_s)
    main = stretches.get(TASK, stretches.get(TOTAL, [hull]))[0]
    resolution_j, slow = _resolution(counted, curves, recording, rows, main)
    flags += slow
    domains_j, still = _domains(sources, curves, main)
    return Energy(
        energy_j=total.between(main),
        duration_s=main[1] - main[0],
        resolution_j=resolution_j,
        windows={
            name: WindowEnergy(sum(total.between(w) for w in several), sum(end - begin for begin, end in several))
            for name, several in stretches.items()
        },
        domains_j=domains_j,
        wraps=wraps,
        flags=tuple(flags + still),
        trace=_trace(total, hull),
        columns=tuple(source.column for source in sources if source.counted),
    )


def whole_file(recording: Recording, columns: Sequence[str] = ()) -> Energy:
    """Energy from the first to the last sample, for recordings without events. Raises EnergyError."""
    time_s = recording.time_s
    if time_s.size < 2 or time_s[0] == time_s[-1]:
        raise EnergyError("the recording has fewer than two samples; record for longer")
    interval_ms = 1000 * float(np.median(np.diff(time_s)))
    energy = integrate(recording, {TOTAL: (float(time_s[0]), float(time_s[-1]))}, interval_ms, columns)
    return dataclasses.replace(energy, flags=energy.flags + _too_short(time_s))


def _too_short(time_s: Array) -> tuple[Flag, ...]:
    """A recording that cannot tell energy: what a short program leaves, or one that ended at once."""
    lasted_s = float(time_s[-1] - time_s[0])
    if lasted_s >= SHORTEST_S and time_s.size >= FEWEST_SAMPLES:
        return ()
    text = f"{time_s.size} samples within {lasted_s:.3f} s are too few to tell a run's energy"
    return (Flag("too_short", text, grave=True),)


def _resolution(
    sources: Sequence[Source], curves: Mapping[str, Curve], recording: Recording, rows: slice, main: Window
) -> tuple[float, list[Flag]]:
    """The bound of the main window's error over all sources, and flags for sensors that are too slow for it."""
    bound_j, flags = 0.0, []
    for source in sources:
        if not source.is_power:
            bound_j += sum(curves[source.column].uncertainty(t) for t in main)
            continue
        time_s, power_w = recording.time_s[rows], recording.columns[source.column][rows] * source.scale
        refresh_s = refresh_interval(time_s, power_w)
        bound_j += lag_bound(time_s, power_w, refresh_s, main)
        slow = refresh_s > SLOW_REFRESH * curves[source.column].interval_s
        if slow and FEW_REFRESHES * refresh_s > main[1] - main[0]:
            text = (
                f"`{source.column}` shows a new value every {refresh_s:.1f} s, a mean of the past, and the run lasted "
                f"{main[1] - main[0]:.1f} s: its energy is uncertain by up to {bound_j:.1f} J"
            )
            flags.append(Flag("slow_sensor", text))
    return bound_j, flags


def _check_cover(time_s: Array, hull: Window, interval_s: float) -> list[Flag]:
    """Refuse windows that reach more than an interval beyond the samples; flag those that reach less."""
    early_s, late_s = time_s[0] - hull[0], hull[1] - time_s[-1]
    if max(early_s, late_s) > interval_s:
        side = f"{early_s:.2f} s before the first" if early_s > late_s else f"{late_s:.2f} s after the last"
        raise EnergyError(
            f"the recording does not cover the run, which reaches {side} sample: the meter started late "
            "or ended early; see the run's log, and measure it again"
        )
    if max(early_s, late_s) <= 0:
        return []
    return [Flag("edge", f"the run reaches {max(early_s, late_s) * 1000:.0f} ms beyond the samples: extrapolated")]


def _check_samples(time_s: Array, windows: Mapping[str, Sequence[Window]], interval_s: float) -> list[Flag]:
    """Refuse a task or total with fewer than two samples inside; flag such phases."""
    short = [
        name
        for name, several in windows.items()
        if min(np.searchsorted(time_s, end, "right") - np.searchsorted(time_s, begin) for begin, end in several) < 2
    ]
    for name in short:
        if name in (TASK, TOTAL):
            begin, end = windows[name][0]
            raise EnergyError(
                f"the {name} took {end - begin:.3f} s, too short for two samples {interval_s:.2f} s apart: "
                "make the work longer or lower meter.interval_ms"
            )
    if not short:
        return []
    return [Flag("short_window", f"fewer than two samples in {', '.join(short)}: energy is interpolated there")]


def _rows_around(time_s: Array, hull: Window) -> slice:
    """The samples within the hull and the nearest on each side of it."""
    first = int(np.searchsorted(time_s, hull[0], "right")) - 1
    last = int(np.searchsorted(time_s, hull[1]))
    return slice(max(first, 0), last + 1)


def _curves(
    sources: Sequence[Source], recording: Recording, rows: slice, interval_s: float
) -> tuple[dict[str, Curve], int, list[Flag]]:
    """Energy of every usable source, the wraps of the counted ones, and flags.

    A core counter that falls or jumps is left out: it is a sub-domain, and must not spoil the package.
    """
    time_s = recording.time_s[rows]
    curves, wraps, unreliable, flags = {}, 0, [], []
    for source in sources:
        try:
            values = _usable(source, recording.columns[source.column][rows])
            found = _unwrapped(source, time_s, values)
        except EnergyError:
            if source.counted:
                raise
            unreliable.append(source.column)
            continue
        if found.resets.size and not source.counted:
            unreliable.append(source.column)
            continue
        curves[source.column] = Curve(time_s, found.energy_j, interval_s)
        if source.counted:
            wraps += found.wraps
            flags += _resets(source, time_s, found)
            power = power_doubts(source, time_s, values) if source.is_power else []
            flags += power or doubts(source, time_s, found.energy_j, interval_s)
    if wraps:
        flags.append(Flag("wrap", "1 counter wrap was mended" if wraps == 1 else f"{wraps} counter wraps were mended"))
    if unreliable:
        text = f"{', '.join(unreliable)} fall or jump: the cores' energy is not reported"
        flags.append(Flag("cores_unreliable", text))
    return curves, wraps, flags


def _usable(source: Source, values: Array) -> Array:
    """One source in J or W; raises EnergyError where samples are missing."""
    if not np.isfinite(values).all():
        raise EnergyError(
            f"`{source.column}` has samples without a value; measure again, or name the other columns in meter.columns"
        )
    return values * source.scale


def _unwrapped(source: Source, time_s: Array, values: Array) -> Unwrapped:
    """Energy of one source since the first sample."""
    if source.is_power:
        return Unwrapped(accumulate(time_s, values, source.column), 0, np.array([], np.int64))
    return unwrap(time_s, values, source.column)


def _resets(source: Source, time_s: Array, found: Unwrapped) -> list[Flag]:
    """A flag for each time that a counter started anew while nobody looked."""
    return [
        Flag(
            "reset",
            f"`{source.column}` started anew within {time_s[step + 1] - time_s[step]:.1f} s without a sample, "
            f"{time_s[step] - time_s[0]:.1f} s after the first one: the energy of that time is lost",
            grave=True,
        )
        for step in found.resets
    ]


def _domains(
    sources: Sequence[Source], curves: Mapping[str, Curve], main: Window
) -> tuple[dict[str, float], list[Flag]]:
    """Energy of each domain in the main window; one that stands still is left out, never a silent zero."""
    sums: dict[str, float] = {}
    broken = {source.domain for source in sources if source.column not in curves}
    for source in sources:
        if source.domain not in broken:
            sums[source.domain] = sums.get(source.domain, 0.0) + curves[source.column].between(main)
    still = [domain for domain, energy_j in sums.items() if energy_j <= 0]
    main_domains = {source.domain for source in sources if source.counted} - {"dram", "gpu"}
    if main_domains & set(still) or len(still) == len(sums):
        names = ", ".join(source.column for source in sources if source.counted)
        raise EnergyError(f"no energy: {names} did not move during the run; this meter does not work here")
    flags = _impossible(sums)
    if still:
        flags.append(Flag("still", f"the counters of {', '.join(still)} do not move and are not reported"))
    if not main_domains:
        text = "the processor's own energy is missing: only what the columns name is counted"
        flags.append(Flag("gpu_only", text, grave=True))
    return {domain: energy_j for domain, energy_j in sums.items() if domain not in still}, flags


def _impossible(sums: Mapping[str, float]) -> list[Flag]:
    """Cores lie within the package, so they take no more than it does."""
    cores_j, package_j = sums.get("cores", 0.0), sums.get("package", np.inf)
    if cores_j <= MORE_THAN_WHOLE * package_j:
        return []
    text = f"the cores took {cores_j:.3g} J, more than the {package_j:.3g} J of the package around them"
    return [Flag("impossible", f"{text}: one of the counters is wrong", grave=True)]


def _gaps(time_s: Array, interval_s: float, powers: Sequence[Curve]) -> list[Flag]:
    """Flag pauses in the sampling, which hide where energy went; that of powers is then made up."""
    steps_s = np.diff(time_s)
    gaps = steps_s > GAP_INTERVALS * interval_s
    if not gaps.any():
        return []
    count = "1 gap" if gaps.sum() == 1 else f"{gaps.sum()} gaps"
    text = f"{count} of up to {steps_s.max():.1f} s without a sample (was the machine suspended?)"
    made_up_j = sum(float(np.diff(curve.energy_j)[gaps].sum()) for curve in powers)
    if made_up_j:
        text += f"; {made_up_j:.0f} J of the energy are made up from the powers before and after"
    return [Flag("gap", text, grave=True)]


def _trace(total: Curve, hull: Window) -> PowerTrace:
    """Power from sample to sample inside the hull; samples closer than half an interval are merged."""
    late = total.time_s[(total.time_s > hull[0]) & (total.time_s < hull[1])]
    least_s = total.interval_s / 2
    edges_s = np.concatenate(([hull[0]], late[hull[1] - late >= least_s]))
    edges_s = np.append(edges_s[_apart(edges_s, least_s)], hull[1])
    return PowerTrace(edges_s - hull[0], np.diff(total.at(edges_s)) / np.diff(edges_s))


def _apart(rising: Array, least: float) -> NDArray[np.bool_]:
    """Which of the values to keep, each at least that far from the one kept before it; the first is."""
    kept = np.ones(rising.size, dtype=bool)
    last = 0
    for place in (np.flatnonzero(np.diff(rising) < least) + 1).tolist():
        last = place - 1 if kept[place - 1] else last
        kept[place] = rising[place] - rising[last] >= least
    return kept
