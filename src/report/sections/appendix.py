"""The appendix: values that lie far from their treatment's others, and what is missing."""

from __future__ import annotations

from collections.abc import Sequence

from src.analysis.analyse import Analysis
from src.analysis.outliers import Outlier
from src.figures.numbers import number
from src.report.document import Paragraph, Section, bullets, table
from src.report.shown import main_metrics

MOST_LISTED = 100


def listed(analysis: Analysis) -> str:
    """Whether the appendix has every outlier."""
    n = len(analysis.outliers)
    if n <= MOST_LISTED:
        return f"all {n} values far from their treatment's others" if n > 1 else "every such value"
    return f"the first {MOST_LISTED} of {n} values far from their treatment's others, statistics.json all"


def appendix(analysis: Analysis, notes: Sequence[str]) -> Section:
    """`notes` say what the figures leave out."""
    first = {metric: place for place, metric in enumerate(main_metrics(analysis))}

    def place(outlier: Outlier) -> int:
        return first.get(outlier.metric, len(first))

    far = [(o.run_name, o.treatment, o.metric, number(o.value), o.rule, f"{number(o.lower)} to {number(o.upper)}",
            "left out" if o.excluded else "kept") for o in sorted(analysis.outliers, key=place)]  # fmt: skip
    head = ("Run", "Treatment", "Metric", "Value", "Rule", "Expected", "What was done")
    note = f"The first {MOST_LISTED} of {len(far)}; statistics.json has all." if far[MOST_LISTED:] else ""
    blocks = table("Values far from their treatment's others.", head, far[:MOST_LISTED], labels=3, note=note)
    blocks = blocks or [Paragraph("No value lies far from its treatment's others.")]
    missing = [f"No run has the metrics {', '.join(analysis.missing_metrics)}."] if analysis.missing_metrics else []
    about = bullets([*notes, *missing])
    inner = [Section("outliers", "Outliers", tuple(blocks))]
    return Section(
        "appendix", "Outliers and notes", (), (*inner, *([Section("notes", "Notes", tuple(about))] if about else []))
    )
