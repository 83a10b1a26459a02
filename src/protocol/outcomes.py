"""What a sweep came to, per treatment: pure functions from finished runs to a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import quantiles

from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table

from src.contract.metrics import OF_TASK, Metric
from src.contract.record import Run, deciding, headlines

HEADINGS = {"energy_j": "energy J", "duration_s": "time s", "power_w": "power W", "edp_js": "EDP J·s"}
WIDE = 80
SHARES = {"accuracy": ("acc. %", "accuracy", "%", 100.0)}
"""Numbers between 0 and 1 that people read in percent: heading, name, unit and factor."""


@dataclass(frozen=True)
class Spread:
    """Median and quartiles of one metric."""

    median: float
    lower: float
    upper: float


@dataclass(frozen=True)
class TreatmentSummary:
    """The finished runs of one treatment; `extra_percent` is how far its median lies above the lowest one."""

    treatment: str
    n: int
    energy_kinds: tuple[str, ...]
    spreads: Mapping[str, Spread]
    extra_percent: float


def summarise(runs: Sequence[Run]) -> list[TreatmentSummary]:
    """One summary a treatment that has a finished run, lowest median first: of energy, or time if it was estimated."""
    groups: dict[str, list[Run]] = {}
    for run in runs:
        groups.setdefault(run.tags["treatment"], []).append(run)
    spreads = {treatment: _spreads(own) for treatment, own in groups.items()}
    metric = "duration_s" if _estimated(runs) else "energy_j"
    best = min((s[metric].median for s in spreads.values()), default=0.0)
    summaries = [
        TreatmentSummary(
            treatment=treatment,
            n=len(own),
            energy_kinds=tuple(sorted({run.tags["energy_kind"] for run in own})),
            spreads=spreads[treatment],
            extra_percent=100.0 * (spreads[treatment][metric].median / best - 1.0),
        )
        for treatment, own in groups.items()
    ]
    return sorted(summaries, key=lambda summary: summary.extra_percent)


def spread(values: Sequence[float]) -> Spread:
    """Median and quartiles (linear between order statistics, as NumPy does); one value is all three."""
    if len(values) == 1:
        return Spread(values[0], values[0], values[0])
    lower, middle, upper = quantiles(values, n=4, method="inclusive")
    return Spread(middle, lower, upper)


def summary_table(runs: Sequence[Run], width: int = WIDE) -> Table:
    """The table for the terminal: each median of the runs that decide, and below it the interquartile range.

    Where there are fewer than WIDE characters, headings take two lines.
    """
    decide = deciding(runs)
    summaries, shown = summarise(decide), headlines(runs)
    doubtful = f"; {len(runs) - len(decide)} of {len(runs)} runs are doubtful and do not count"
    kinds = sorted({run.tags["energy_kind"] for run in runs})
    table = Table(
        title=f"Energy of the task, {' and '.join(kinds).upper()}",
        caption=f"median, and below it the interquartile range{doubtful if len(decide) < len(runs) else ''}",
        box=SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
    )
    table.add_column("treatment", overflow="fold", min_width=12)
    beside = "time vs best" if _estimated(runs) else "vs best"
    for heading in ("n", *map(heading_of, shown), beside):
        table.add_column(heading if width >= WIDE else heading.replace(" ", "\n", 1), justify="right", no_wrap=True)
    for summary in summaries:
        cells = [_cell(summary.spreads.get(metric.name), _factor(metric)) for metric in shown]
        table.add_row(escape(summary.treatment), str(summary.n), *cells, _extra(summary.extra_percent))
    return table


def _estimated(runs: Sequence[Run]) -> bool:
    return any(run.tags["energy_kind"] == "estimated" for run in runs)


def missing_table(missing: Sequence[tuple[str, int, str]]) -> Table:
    """What could not be measured: treatment, iteration and why, in the order it was given up."""
    table = Table(title="Missing runs", box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for heading in ("treatment", "iteration", "reason"):
        table.add_column(heading, overflow="fold")
    for treatment, iteration, reason in missing:
        table.add_row(escape(treatment), str(iteration), escape(reason.splitlines()[0]))
    return table


def heading_of(metric: Metric) -> str:
    """A metric's name and unit, as short as a terminal wants them."""
    if metric.name in SHARES:
        return SHARES[metric.name][0]
    unit = "" if metric.unit == "1" else f" {metric.unit}"
    return HEADINGS.get(metric.name, f"{metric.title.lower()}{unit}")


def told(run: Run) -> str:
    """A run's headline metrics in one line, after its energy: `2.31 s, 41.2 W, accuracy 97.56 %`."""
    parts = [f"{significant(run.metrics[name])} {unit}" for name, unit in (("duration_s", "s"), ("power_w", "W"))]
    for metric in headlines([run])[len(OF_TASK) :]:
        if metric.name in run.metrics:
            parts.append(_own(metric, run.metrics[metric.name]))
    return ", ".join(parts)


def value_of(metric: Metric, run: Run) -> str:
    """A metric of a run as the tables write it; a dash where it has none."""
    value = run.metrics.get(metric.name)
    if value is None:
        return "–"
    return f"{100 * value:.2f}" if metric.name in SHARES else significant(value)


def _own(metric: Metric, value: float) -> str:
    if metric.name in SHARES:
        _, name, unit, factor = SHARES[metric.name]
        return f"{name} {factor * value:.2f} {unit}"
    unit = "" if metric.unit == "1" else f" {metric.unit}"
    return f"{metric.title.lower()} {significant(value)}{unit}"


def _factor(metric: Metric) -> float:
    return SHARES[metric.name][3] if metric.name in SHARES else 1.0


def _spreads(runs: Sequence[Run]) -> dict[str, Spread]:
    names = [metric.name for metric in headlines(runs)]
    values = {name: [run.metrics[name] for run in runs if name in run.metrics] for name in names}
    return {name: spread(found) for name, found in values.items() if found}


def _cell(value: Spread | None, scale: float) -> str:
    if value is None:
        return "–"
    middle, width = significant(scale * value.median), scale * (value.upper - value.lower)
    return middle if width == 0 else f"{middle}\n{significant(width)}"


def _extra(percent: float) -> str:
    return "lowest" if percent == 0 else f"+{percent:.1f} %"


def significant(value: float) -> str:
    """Four significant digits, without an exponent where that stays readable."""
    if value == 0:
        return "0"
    magnitude = abs(value)
    if magnitude < 0.001:
        return f"{value:.3g}"
    decimals = 0 if magnitude >= 1000 else 1 if magnitude >= 100 else 2 if magnitude >= 10 else 3
    return f"{value:.{decimals}f}"
