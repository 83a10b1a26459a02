"""Whole reports of made-up runs, drawn but not written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from src.analysis.analyse import analyse
from src.analysis.comparable import comparable
from src.analysis.settings import AnalysisConfig
from src.analysis.table import table_of
from src.contract.record import FiledRun
from src.figures.gallery import draw_all
from src.figures.traces import Trace
from src.report import facts
from src.report.article import Material, write_article
from src.report.document import Document, Picture
from src.report.load import Loaded, Sweep
from tests.made_runs import HOST

CONFIG = AnalysisConfig(bootstrap_samples=300)


def traces_of(runs: Sequence[FiledRun], labels: Mapping[str, str]) -> Iterator[Trace]:
    """A flat trace for each finished run, `labels` by the runs' ids."""
    for run in runs:
        if run.status == "finished":
            time_s = np.linspace(0, run.metrics["duration_total_s"], 50)
            power_w = np.full(50, run.metrics["power_w"])
            yield Trace(labels[run.run_id], time_s, power_w, run.windows, "measured")


def document_of(runs: Sequence[FiledRun], host: Mapping[str, str] = HOST) -> Document:
    """The report of these runs."""
    compared = comparable(table_of(runs), CONFIG.compare)
    loaded = Loaded("study", compared.table, (Sweep("s1", "parent", host),))
    analysis = analyse(compared, CONFIG)
    labels = dict(zip(loaded.runs["run_id"], loaded.runs["treatment"], strict=True))
    drawings = list(draw_all(loaded.runs, analysis, traces_of(runs, labels), facts.network(facts.counted(loaded).runs)))
    pictures = tuple(Picture(drawing.name, drawing.caption) for drawing in drawings if drawing.figure)
    notes = tuple(f"No figure '{drawing.name}': {drawing.reason}." for drawing in drawings if not drawing.figure)
    commands = ("python -m src.report experiment=study",)
    return write_article(Material(loaded, analysis, pictures, notes, commands, "A. Author", "2026-01-02"))
