"""What a sweep's parent run says about it: the medians of each treatment, as metrics and as a note."""

from __future__ import annotations

import hashlib
import re

import pandas as pd

SUMMARISED = {"energy_j": "J", "duration_s": "s", "power_w": "W", "edp_js": "J·s", "accuracy": ""}
"""Metrics of the task, in the order they are shown, and their units."""

LABEL_LENGTH = 200
"""MLflow refuses the name of a metric beyond 250 characters."""


def summary_metrics(runs: pd.DataFrame) -> dict[str, float]:
    """The median of each metric and treatment, e.g. `median_energy_j/torch`, and how many runs there are.

    MLflow groups metrics by what stands before the slash, so that each group compares the treatments.
    """
    medians = _medians(runs)
    metrics = {
        f"median_{metric}/{_legal(str(treatment))}": float(value)
        for metric in medians.columns
        for treatment, value in medians[metric].dropna().items()
    }
    failed = int((runs["status"] == "failed").sum())
    return metrics | {"runs_finished": float(len(runs) - failed), "runs_failed": float(failed)}


def summary_note(runs: pd.DataFrame) -> str:
    """The same as Markdown: how the energy is known, and a table with the least energy first."""
    medians = _medians(runs)
    finished = runs[runs["status"] == "finished"]
    counts = finished.groupby("treatment").size()
    kinds = ", ".join(sorted(finished["energy_kind"].dropna().unique())) or "none"
    present = {name: unit for name, unit in SUMMARISED.items() if name in medians}
    heads = [f"{name} ({unit})" if unit else name for name, unit in present.items()]
    lines = [
        f"Energy: **{kinds}**. Medians of the finished runs, least energy first.",
        "",
        f"| treatment | runs | {' | '.join(heads)} |",
        f"| --- |{' ---: |' * (len(heads) + 1)}",
    ]
    for treatment, row in medians.iterrows():
        values = " | ".join(f"{value:.5g}" for value in row)
        lines.append(f"| {str(treatment).replace('|', '/')} | {counts[str(treatment)]} | {values} |")
    failed = int((runs["status"] == "failed").sum())
    if failed:
        lines += ["", f"Failed runs, which are not in the table: {failed} of {len(runs)}."]
    return "\n".join(lines)


def _medians(runs: pd.DataFrame) -> pd.DataFrame:
    """One row a treatment, least energy first; one column for each summarised metric that the runs have."""
    present = [metric for metric in SUMMARISED if metric in runs]
    medians = runs[runs["status"] == "finished"].groupby("treatment")[present].median()
    return medians.sort_values("energy_j") if "energy_j" in present else medians


def _legal(treatment: str) -> str:
    """The treatment's label as part of a metric's name, in characters and at a length that MLflow allows there."""
    legal = re.sub(r"[^\w\-. ]", " ", treatment).strip()
    if len(legal) <= LABEL_LENGTH and legal:
        return legal
    return f"{legal[:LABEL_LENGTH]} {hashlib.sha256(treatment.encode()).hexdigest()[:8]}".strip()
