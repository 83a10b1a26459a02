"""Whole reports of made-up runs, compared with files in `golden/`: every section, table cell and figure's caption.

After a change that is meant to change what is told, renew the files and read the difference:

    JOULEBENCH_RENEW_GOLDEN=1 python -m pytest tests/report/test_golden.py
    git diff tests/report/golden
"""

from __future__ import annotations

import dataclasses
import json
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from src.analysis.analyse import analyse
from src.analysis.comparable import comparable
from src.analysis.settings import AnalysisConfig
from src.figures.gallery import draw_all
from src.figures.traces import Trace
from src.report import facts
from src.report.article import Material, write_article
from src.report.document import Picture
from src.report.load import Loaded, Sweep
from tests.made_runs import HOST, PHASES, flags_text, training_runs

GOLDEN = Path(__file__).parent / "golden"
RENEW = "JOULEBENCH_RENEW_GOLDEN"
CONFIG = AnalysisConfig(bootstrap_samples=300)


def frame(runs):
    rows = [
        {
            "run_id": run.run_id, "run_name": run.name, "started_s": run.start_ms / 1000, "artifact_uri": "",
            **{name: run.tags[name] for name in ("treatment", "framework", "sweep", "status", "meter", "energy_kind",
                                                 "run_uid")},
            **{name: int(run.tags[name]) for name in ("iteration", "position", "sequence")},
            **run.metrics,
            **{f"params.{key}": value for key, value in run.params.items()},
            "tags.flags": flags_text(run) or None, "tags.error": run.tags.get("error"),
        }
        for run in runs
    ]  # fmt: skip
    return pd.DataFrame(rows)


def traces_of(runs):
    """A flat trace for each finished run."""
    edges = np.concatenate([[0.0], np.cumsum(list(PHASES.values()))])
    for run in runs:
        if run.status == "finished":
            length_s = run.metrics["duration_total_s"]
            phases = {name: (length_s * edges[n], length_s * edges[n + 1]) for n, name in enumerate(PHASES)}
            time_s = np.linspace(0, length_s, 50)
            yield Trace(run.tags["treatment"], time_s, np.full(50, run.metrics["power_w"]), phases, "measured")


def document_of(runs, host=HOST):
    """The whole report of these runs, drawn but not written."""
    loaded = Loaded("study", comparable(frame(runs), CONFIG.compare), (Sweep("s1", "parent", host),))
    analysis = analyse(loaded.runs, CONFIG)
    layers, shape, model = facts.layers(facts.counted(loaded).runs)
    drawings = list(draw_all(loaded.runs, analysis, traces_of(runs), layers, shape, model))
    pictures = tuple(Picture(drawing.name, drawing.caption) for drawing in drawings if drawing.figure)
    notes = tuple(f"No figure '{drawing.name}': {drawing.reason}." for drawing in drawings if not drawing.figure)
    commands = ("python -m src.report experiment=study",)
    return write_article(Material(loaded, analysis, pictures, notes, commands, "A. Author", "2026-01-02"))


@pytest.mark.parametrize(("name", "runs"), [("training", training_runs)])
def test_a_report_says_what_it_said(name, runs):
    path = GOLDEN / f"{name}.json"
    found = json.dumps(dataclasses.asdict(document_of(runs())), indent=1, ensure_ascii=False)
    if os.environ.get(RENEW):
        path.write_text(found + "\n", encoding="utf-8")
    assert json.loads(found) == json.loads(path.read_text(encoding="utf-8"))
