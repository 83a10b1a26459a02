"""The introduction: the question, the work, and which runs the report is about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from src.analysis.analyse import Analysis
from src.analysis.table import TRAINING
from src.figures.kinds import not_measured
from src.figures.numbers import count, enumerate_all, number
from src.report import facts
from src.report.document import Paragraph, Picture, Section
from src.report.load import Loaded
from src.report.wording import INFERENCE

DOING = {TRAINING: "training", INFERENCE: "using"}
"""What the title says is done with a model; of other work it says nothing."""


def title(loaded: Loaded, analysis: Analysis, kinds: Mapping[str, int]) -> str:
    """What was compared, on what, and whether it was measured."""
    runs = facts.counted(loaded).runs
    what = [str(facts.known(runs, key)) for key in facts.WORK if facts.recorded_in_all(runs, [key])]
    doing = DOING.get(analysis.workload)
    work = f" {doing} {' on '.join(what)}" if doing and what else ""
    other = not_measured(kinds)
    note = f" ({other} energy)" if other else ""
    return f"Energy of {_who(analysis, 6)}{work}{note}"


def introduction(loaded: Loaded, analysis: Analysis, pictures: Sequence[Picture]) -> Section:
    """The question and the work."""
    runs = facts.counted(loaded).runs
    known_work = analysis.workload in DOING and facts.recorded_in_all(runs, facts.WORK)
    same = " on the same work" if known_work else ""
    who = _who(analysis, 10)
    question = (
        f"How much energy do {who} spend{same}, is the difference real, and does it matter?"
        if len(analysis.treatments) > 1
        else f"How much energy does {who} spend?"
    )
    text = (
        f"{question} {_work(runs, analysis)}This report is about experiment '{loaded.experiment}': "
        f"{count(analysis.n_usable, 'run')} in the results, of {analysis.n_runs} begun."
    )
    return Section("introduction", "Introduction", (Paragraph(text), *pictures))


def _who(analysis: Analysis, most: int) -> str:
    names = analysis.treatments
    return enumerate_all(names) if len(names) <= most else f"{len(names)} treatments"


def _work(runs: pd.DataFrame, analysis: Analysis) -> str:
    """One sentence, or nothing."""
    if analysis.workload not in DOING:
        return "What each run does stands under Treatments and work. "
    model, dataset = (facts.known(runs, key) for key in facts.WORK)
    if not model:
        return ""
    parameters = runs["parameter_count"].dropna() if "parameter_count" in runs else pd.Series(dtype=float)
    size = f" with {number(float(parameters.median()), 1)} parameters" if not parameters.empty else ""
    whose = "Each run" if facts.recorded_in_all(runs, facts.WORK) else "Each run whose work is recorded"
    on = f" on the dataset '{dataset}'" if dataset else ""
    if analysis.workload == INFERENCE:
        return f"{whose} uses the network '{model}'{size}, trained beforehand{on}. "
    return f"{whose} trains and evaluates the network '{model}'{size}{on}. "
