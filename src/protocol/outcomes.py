"""What a sweep came to, per treatment: pure functions from finished runs to a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import quantiles

from rich.box import SIMPLE_HEAD
from rich.table import Table

from src.contract.record import RunRecord

SUMMARY_METRICS = ("energy_j", "duration_s", "power_w", "edp_js", "accuracy")


@dataclass(frozen=True)
class Outcome:
    """One run that ended well: its treatment, whether its energy was measured, and its metrics."""

    treatment: str
    energy_kind: str
    metrics: Mapping[str, float]


def outcome_of(record: RunRecord) -> Outcome:
    """What the displays and tables need of a finished run."""
    return Outcome(record.tags["treatment"], record.tags["energy_kind"], record.metrics)


@dataclass(frozen=True)
class Spread:
    """Median and quartiles of one metric."""

    median: float
    lower: float
    upper: float


@dataclass(frozen=True)
class TreatmentSummary:
    """All finished runs of one treatment; `extra_percent` is its median energy above the lowest one."""

    treatment: str
    n: int
    energy_kinds: tuple[str, ...]
    spreads: Mapping[str, Spread]
    extra_percent: float


def summarise(outcomes: Sequence[Outcome]) -> list[TreatmentSummary]:
    """One summary a treatment that has a finished run, lowest median energy first."""
    groups: dict[str, list[Outcome]] = {}
    for outcome in outcomes:
        groups.setdefault(outcome.treatment, []).append(outcome)
    spreads = {treatment: _spreads(runs) for treatment, runs in groups.items()}
    best = min((s["energy_j"].median for s in spreads.values()), default=0.0)
    summaries = [
        TreatmentSummary(
            treatment=treatment,
            n=len(runs),
            energy_kinds=tuple(sorted({run.energy_kind for run in runs})),
            spreads=spreads[treatment],
            extra_percent=100.0 * (spreads[treatment]["energy_j"].median / best - 1.0),
        )
        for treatment, runs in groups.items()
    ]
    return sorted(summaries, key=lambda summary: summary.extra_percent)


def spread(values: Sequence[float]) -> Spread:
    """Median and quartiles (linear between order statistics, as NumPy does); one value is all three."""
    if len(values) == 1:
        return Spread(values[0], values[0], values[0])
    lower, middle, upper = quantiles(values, n=4, method="inclusive")
    return Spread(middle, lower, upper)


def summary_table(summaries: Sequence[TreatmentSummary]) -> Table:
    """The table for the terminal: each median, and below it the interquartile range."""
    kinds = sorted({kind for summary in summaries for kind in summary.energy_kinds})
    table = Table(
        title=f"Energy of the task, {' and '.join(kinds).upper()}",
        caption="median, and below it the interquartile range",
        box=SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
    )
    table.add_column("treatment", overflow="fold", min_width=12)
    for heading in ("n", "energy J", "time s", "power W", "EDP J·s", "acc. %", "vs best"):
        table.add_column(heading, justify="right", no_wrap=True)
    for summary in summaries:
        table.add_row(summary.treatment, str(summary.n), *_cells(summary.spreads), _extra(summary.extra_percent))
    return table


def missing_table(missing: Sequence[tuple[str, int, str]]) -> Table:
    """What could not be measured: treatment, iteration and why, in the order it was given up."""
    table = Table(title="Missing runs", box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for heading in ("treatment", "iteration", "reason"):
        table.add_column(heading, overflow="fold")
    for treatment, iteration, reason in missing:
        table.add_row(treatment, str(iteration), reason.splitlines()[0])
    return table


def _spreads(runs: Sequence[Outcome]) -> dict[str, Spread]:
    return {metric: spread([run.metrics[metric] for run in runs]) for metric in SUMMARY_METRICS}


def _cells(spreads: Mapping[str, Spread]) -> list[str]:
    scaled = {metric: 100.0 if metric == "accuracy" else 1.0 for metric in SUMMARY_METRICS}
    return [_cell(spreads[metric], scaled[metric]) for metric in SUMMARY_METRICS]


def _cell(value: Spread, scale: float) -> str:
    middle, width = significant(scale * value.median), scale * (value.upper - value.lower)
    return middle if width == 0 else f"{middle}\n{significant(width)}"


def _extra(percent: float) -> str:
    return "lowest" if percent == 0 else f"+{percent:.1f} %"


def significant(value: float) -> str:
    """Four significant digits, without an exponent."""
    if value == 0:
        return "0"
    magnitude = abs(value)
    decimals = 0 if magnitude >= 1000 else 1 if magnitude >= 100 else 2 if magnitude >= 10 else 3
    return f"{value:.{decimals}f}"
