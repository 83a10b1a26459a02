"""The conclusion: what the evidence for the answer is worth."""

from __future__ import annotations

from collections.abc import Mapping

from src.analysis.analyse import Analysis
from src.figures.kinds import not_measured
from src.figures.numbers import count
from src.report.document import Paragraph, Section
from src.report.shown import described, lacking


def conclusion(analysis: Analysis, kinds: Mapping[str, int]) -> Section:
    """The answer itself stands first in the report and is not said again."""
    return Section("conclusion", "Conclusion", (Paragraph(_worth(analysis, kinds)),))


def _worth(analysis: Analysis, kinds: Mapping[str, int]) -> str:
    energies = described(analysis, analysis.decisive_metric)
    if not energies:
        return "Without an energy there is nothing to conclude."
    whose = "each treatment that has a result" if lacking(analysis, analysis.decisive_metric) else "each treatment"
    other = "" if analysis.decisive_metric != analysis.energy_metric else not_measured(kinds)
    energy = f"energy that is {other}" if other else "measured energy"
    fewest = count(min(energy.n for energy in energies), "run")
    return (
        f"The answer at the top of this report rests on at least {fewest} of {whose} and {energy}, and on the limits "
        "named under Threats to validity."
    )
