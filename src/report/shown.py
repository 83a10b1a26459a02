"""How metrics appear to a reader: their names, units and factors, and which of them say something of their own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from src.analysis.analyse import Analysis
from src.analysis.describe import Description
from src.analysis.settings import BLOCKS
from src.contract.metrics import OF_METER, OF_TASK, of_phase
from src.figures.numbers import number, quantity
from src.figures.units import unit_shown

WHOLE, DOMAINS = OF_METER[:3], OF_METER[3:]
"""Of what a meter tells beside the task: the whole process, and the parts of the machine."""


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

    def amount(self, value: float) -> str:
        """With the unit."""
        own = self.factor * value
        return f"{number(own)} %" if self.unit == "%" else quantity(own, self.unit)

    @property
    def heading(self) -> str:
        """Title and unit."""
        return f"{self.title} ({self.unit})" if self.unit != "1" else self.title


def shown(metric: str, analysis: Analysis) -> Shown:
    """A metric's name, unit and factor; shares become percent."""
    described = analysis.catalogue[metric]
    return Shown(metric, described.title, *unit_shown(described))


def own_metrics(analysis: Analysis) -> list[str]:
    """Metrics that the work itself told, in its order, but those of which neither way is better: they are facts."""
    of_phases = {metric.name for phase in analysis.phases for metric in of_phase(phase)}
    others = {metric.name for metric in (*OF_TASK, *OF_METER)} | of_phases
    return [name for name in analysis.metrics if name not in others and analysis.catalogue[name].better]


def main_metrics(analysis: Analysis) -> list[str]:
    """All but phases and domains: energies, then durations, then the task's others, then the work's own."""
    measured = [metric.name for metric in sorted((*OF_TASK, *WHOLE), key=lambda metric: _rank(metric.unit))]
    return distinct(analysis, [*measured, *own_metrics(analysis)])


def headline_metrics(analysis: Analysis) -> list[str]:
    """The metric that decides, the energy, and the others that most readers want."""
    others = [name for name in analysis.metrics if analysis.catalogue[name].headline and name != OF_TASK[0].name]
    return list(dict.fromkeys([analysis.decisive_metric, analysis.energy_metric, *others]))


def _rank(unit: str) -> int:
    return {"J": 0, "s": 1}.get(unit, 2)


def distinct(analysis: Analysis, metrics: Sequence[str]) -> list[str]:
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


def middle_name(analysis: Analysis) -> str:
    """What runs are summed up by: the mean, which many of them come to, or the published rule's median."""
    return "mean" if analysis.config.decision == BLOCKS else "median"


def middle(description: Description, analysis: Analysis) -> float | None:
    """The mean or the median, as `middle_name` says."""
    return description.mean if middle_name(analysis) == "mean" else description.median


def middles(analysis: Analysis, metric: str) -> dict[str, float]:
    """A metric's mean or median of each treatment that has it, least energy first."""
    found = {d.treatment: middle(d, analysis) for d in described(analysis, metric)}
    return {treatment: value for treatment, value in found.items() if value is not None}


def lacking(analysis: Analysis, metric: str) -> list[str]:
    """Treatments without a value of the metric, those none of whose runs finished among them."""
    have = {description.treatment for description in described(analysis, metric)}
    return [treatment for treatment in (*analysis.treatments, *unfinished(analysis)) if treatment not in have]


def unfinished(analysis: Analysis) -> list[str]:
    """Treatments none of whose runs finished."""
    begun = dict.fromkeys(run.treatment for run in analysis.excluded_runs)
    return [treatment for treatment in begun if treatment not in analysis.treatments]
