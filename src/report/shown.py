"""How metrics appear to a reader: their names, units and factors, and which of them say something of their own."""

from __future__ import annotations

from dataclasses import dataclass

from src.analysis.analyse import Analysis
from src.analysis.describe import Description
from src.analysis.metrics import METRICS, title_of


@dataclass(frozen=True)
class Shown:
    """A metric as a reader sees it; `factor` brings its values into `unit`."""

    name: str
    title: str
    unit: str
    factor: float

    def value(self, value: float | None) -> float | None:
        """In the shown unit."""
        return None if value is None else self.factor * value

    @property
    def heading(self) -> str:
        """Title and unit."""
        return f"{self.title} ({self.unit})" if self.unit != "1" else self.title


def shown(metric: str, analysis: Analysis) -> Shown:
    """A metric's name, unit and factor; shares become percent."""
    is_share = metric == "accuracy"
    unit, factor = ("%", 100.0) if is_share else (METRICS[metric].unit, 1.0)
    return Shown(metric, title_of(metric, analysis.whole_recordings), unit, factor)


def distinct(analysis: Analysis, metrics: list[str]) -> list[str]:
    """Those of the metrics that some run has and that do not repeat an earlier one's values."""
    seen: list[tuple[float | None, ...]] = []
    kept = []
    for metric in metrics:
        if metric not in analysis.metrics:
            continue
        means = tuple(description.mean for description in described(analysis, metric))
        if means not in seen:
            seen.append(means)
            kept.append(metric)
    return kept


def described(analysis: Analysis, metric: str) -> list[Description]:
    """A metric's description of each treatment that has it, least energy first."""
    return [d for d in analysis.descriptions if d.metric == metric and d.n]


def lacking(analysis: Analysis, metric: str) -> list[str]:
    """Treatments without a value of the metric, those none of whose runs finished among them."""
    have = {description.treatment for description in described(analysis, metric)}
    return [treatment for treatment in (*analysis.treatments, *unfinished(analysis)) if treatment not in have]


def unfinished(analysis: Analysis) -> list[str]:
    """Treatments none of whose runs finished."""
    begun = dict.fromkeys(run.treatment for run in analysis.excluded_runs)
    return [treatment for treatment in begun if treatment not in analysis.treatments]
