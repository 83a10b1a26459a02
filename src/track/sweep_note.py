"""What a sweep's parent run says about it: the medians of each treatment, as metrics and as a note."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from datetime import datetime
from statistics import median

from src.contract.course import ENDS, Step, looks_before_the_end
from src.contract.record import Run, deciding, headlines

LABEL_LENGTH = 200
"""MLflow refuses the name of a metric beyond 250 characters."""


def summary_metrics(runs: Sequence[Run]) -> dict[str, float]:
    """The median of each metric and treatment, e.g. `median_energy_j/torch`, and how many runs there are.

    MLflow groups metrics by what stands before the slash, so that each group compares the treatments.
    """
    metrics = {
        f"median_{metric}/{_legal(treatment)}": value
        for treatment, medians in _medians(runs).items()
        for metric, value in medians.items()
    }
    failed = sum(run.status == "failed" for run in runs)
    return metrics | {"runs_finished": float(len(runs) - failed), "runs_failed": float(failed)}


def summary_note(runs: Sequence[Run], steps: Sequence[Step] = ()) -> str:
    """The same as Markdown: how the sweep went, how the energy is known, and a table with the least energy first."""
    finished = [run for run in runs if run.status == "finished"]
    decide = deciding(finished)
    lines = [*_course(steps), *_table(finished, decide)]
    failed, doubtful = len(runs) - len(finished), len(finished) - len(decide)
    if doubtful:
        lines += ["", f"Doubtful runs, which are not in the table: {doubtful} of {len(runs)}."]
    if failed:
        lines += ["", f"Failed runs, which are not in the table: {failed} of {len(runs)}."]
    return "\n".join(lines).strip()


def _course(steps: Sequence[Step]) -> list[str]:
    """What became of the runs that were planned, and each step where there were more than begin and end."""
    if not steps:
        return []
    last = steps[-1]
    state = "being measured" if last.what not in ENDS else last.what
    lines = [f"**{state.capitalize()}**: {last.finished} of {last.planned} planned runs finished."]
    if len(steps) > 2:
        lines += ["", *(f"- {_moment(step)} {step.what}, {step.finished} of {step.planned} runs" for step in steps)]
    if looks := looks_before_the_end(steps):
        counts = ", ".join(f"{step.finished} of {step.planned}" for step in looks)
        lines += [
            "",
            f"Results were looked at before the end (after {counts} runs), which may have decided how to go on.",
        ]
    return [*lines, ""]


def _moment(step: Step) -> str:
    return f"{datetime.fromtimestamp(step.time_ms / 1000):%Y-%m-%d %H:%M}"


def _table(finished: Sequence[Run], decide: Sequence[Run]) -> list[str]:
    """Nothing where no run can be in it."""
    medians = _medians(finished)
    if not medians:
        return []
    kinds = ", ".join(sorted({run.tags["energy_kind"] for run in finished}))
    present = [m for m in headlines(finished) if any(m.name in values for values in medians.values())]
    heads = [f"{metric.name} ({metric.unit})" if metric.unit != "1" else metric.name for metric in present]
    lines = [
        f"Energy: **{kinds}**. Medians of the runs that count, least energy first.",
        "",
        f"| treatment | runs | {' | '.join(heads)} |",
        f"| --- |{' ---: |' * (len(heads) + 1)}",
    ]
    for treatment, values in medians.items():
        cells = " | ".join(f"{values[m.name]:.5g}" if m.name in values else "–" for m in present)
        count = sum(run.tags["treatment"] == treatment for run in decide)
        lines.append(f"| {treatment.replace('|', '/')} | {count} | {cells} |")
    return lines


def _medians(runs: Sequence[Run]) -> dict[str, dict[str, float]]:
    """For each treatment with a run that decides, least energy first, the medians of the metrics that it has."""
    finished = [run for run in runs if run.status == "finished"]
    groups: dict[str, list[Run]] = {}
    for run in deciding(finished):
        groups.setdefault(run.tags["treatment"], []).append(run)
    names = [metric.name for metric in headlines(finished)]
    medians = {}
    for treatment in sorted(groups):
        values = {name: [run.metrics[name] for run in groups[treatment] if name in run.metrics] for name in names}
        medians[treatment] = {name: median(found) for name, found in values.items() if found}
    return dict(sorted(medians.items(), key=lambda item: item[1].get("energy_j", float("inf"))))


def _legal(treatment: str) -> str:
    """The treatment's label as part of a metric's name, in characters and at a length that MLflow allows there."""
    legal = re.sub(r"[^\w\-. ]", " ", treatment).strip()
    if len(legal) <= LABEL_LENGTH and legal.strip("."):  # MLflow takes dots alone for folders
        return legal
    return f"{legal.strip('.')[:LABEL_LENGTH]} {hashlib.sha256(treatment.encode()).hexdigest()[:8]}".strip()
