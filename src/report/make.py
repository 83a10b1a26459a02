"""Making a report: from the runs of an experiment to its files."""

from __future__ import annotations

import dataclasses
import getpass
import hashlib
import itertools
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from src.analysis.agreement import Agreement, agreements
from src.analysis.analyse import Analysis, analyse
from src.analysis.comparable import comparable
from src.analysis.settings import AnalysisConfig
from src.contract.json_files import whole, write_json, write_text
from src.contract.plan_file import PLAN_FILE, PlanFile
from src.figures.bland_altman import draw_bland_altman
from src.figures.drawing import Drawing, save
from src.figures.gallery import analysed_runs, draw_all
from src.figures.power_over_time import NAME as POWER_OVER_TIME
from src.figures.wall_overlay import draw_wall_overlay
from src.public import password_from
from src.report import facts
from src.report.article import Material, write_article
from src.report.aside import Aside
from src.report.document import Document, Picture
from src.report.load import Loaded, load, sweep_file
from src.report.markdown import to_markdown
from src.report.page import to_html
from src.report.read_traces import TraceReader
from src.report.sections.reproduction import ingest_commands, report_command, sweep_command, told_command
from src.report.statistics_json import to_json
from src.report.tables import FOLDER as TABLES
from src.report.tables import write_tables
from src.report.walls import read_walls

if TYPE_CHECKING:
    from src.track.apart import StoreApart
    from src.track.store import Store

FIGURES = "figures"


@dataclass(frozen=True)
class Report:
    """A finished report: where it lies, what it answers (what was not measured here comes first)."""

    folder: Path
    answer: tuple[str, ...]
    analysis: Analysis
    loaded: Loaded

    @property
    def page(self) -> Path:
        """The file to open."""
        return self.folder / "report.html"

    @property
    def files(self) -> list[Path]:
        """What belongs into MLflow: the four files, and the folder of the figures."""
        names = ("report.html", "report.md", "statistics.json", "runs.csv", FIGURES)
        return [self.folder / name for name in names if (self.folder / name).exists()]


def make_report(
    store: Store | StoreApart,
    experiment: str,
    config: AnalysisConfig,
    folder: Path,
    sweeps: Sequence[str] = (),
    tracking_uri: str | None = None,
) -> Report:
    """Analyse an experiment (or some sweeps of it) and write its report into `folder`, which is made.

    `tracking_uri` is what names the store in the commands that the report tells, where it must be named.

    Raises ConfigError where there is nothing to analyse or runs must not be compared, TrackError where the store
    cannot be read.
    """
    loaded = store.at_store(load, experiment, sweeps)
    compared = comparable(loaded.table, config.compare)
    loaded = replace(loaded, table=compared.table)
    analysis = analyse(compared, config)
    agreed = agreements(analysed_runs(facts.counted(loaded).runs, analysis))
    pictures, notes = _draw(store, loaded, analysis, agreed, folder / FIGURES)
    document = write_article(
        Material(
            loaded=loaded,
            analysis=analysis,
            pictures=tuple(pictures),
            notes=(*notes, *loaded.notes, *filter(None, [store.left_out])),
            commands=tuple(commands(store, loaded, config, tracking_uri, sweeps)),
            author=author(),
            date=datetime.now(UTC).strftime("%Y-%m-%d"),
            agreements=agreed,
        )
    )
    _write(folder, document, analysis, loaded, agreed)
    return Report(folder, (*document.notices, *document.answer, *loaded.notes), analysis, loaded)


def report_folder(root: Path, experiment: str) -> Path:
    """reports/NAME, whatever characters the name has: one that had to change ends in a hash of what it was."""
    name = "".join(c if c.isalnum() or c in "-_.= " else "-" for c in experiment).strip(". ")
    if name == experiment:
        return root / name
    return root / f"{name or 'experiment'}-{hashlib.sha256(experiment.encode()).hexdigest()[:8]}"


def commands(
    store: Store | StoreApart,
    loaded: Loaded,
    config: AnalysisConfig,
    tracking_uri: str | None = None,
    sweeps: Sequence[str] = (),
) -> list[str]:
    """The command lines that made these runs, as far as they are known, and the one that made this report."""
    found = []
    for sweep in loaded.sweeps:
        command = told_command(sweep.params.get("tool.command"))
        if command is None and (path := sweep_file(store, sweep, PLAN_FILE)):
            command = sweep_command(PlanFile.read(path.parent).treatments)
        if command and command not in found:
            found.append(command)
    imported = ingest_commands(loaded.runs, loaded.experiment, tracking_uri)
    hint = password_from(tracking_uri)
    asked = report_command(loaded.experiment, config, tracking_uri, sweeps)
    return [*found, *imported, asked, *([f"# {hint}"] if hint else [])]


def author() -> str:
    """Who git thinks is working here, else the account's name."""
    try:
        asked = subprocess.run(["git", "config", "user.name"], capture_output=True, text=True, check=False)
        name = asked.stdout.strip()
    except OSError:
        name = ""
    try:
        return name or getpass.getuser()
    except (OSError, KeyError):  # a container's user need not stand in /etc/passwd
        return "unknown"


def _draw(
    store: Store | StoreApart, loaded: Loaded, analysis: Analysis, agreed: Sequence[Agreement], folder: Path
) -> tuple[list[Picture], list[str]]:
    """Save every figure that the data allow; returns them, and what is missing and why."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    traces = TraceReader(store, analysed_runs(loaded.runs, analysis))
    network = facts.network(facts.counted(loaded).runs)
    pictures, missing, aside = [], [], Aside()
    drawn = draw_all(loaded.runs, analysis, traces, network)
    for drawing in itertools.chain(drawn, _of_meters(store, loaded, agreed, analysis)):
        if drawing.figure is None:
            missing.append(f"No figure '{drawing.name}': {drawing.reason}.")
            continue
        aside.do(save, drawing.figure, folder, drawing.name)
        note = f" {traces.sampling}" if drawing.name == POWER_OVER_TIME and traces.sampling else ""
        pictures.append(Picture(drawing.name, drawing.caption + note))
    aside.wait()
    return pictures, [*traces.failures, *missing]


def _of_meters(
    store: Store | StoreApart, loaded: Loaded, agreed: Sequence[Agreement], analysis: Analysis
) -> Iterator[Drawing]:
    """The pictures that only runs with a second meter have."""
    if agreed:
        yield draw_bland_altman(agreed, analysis.treatment_factors)
    if any(agreement.is_wall for agreement in agreed):
        yield draw_wall_overlay(read_walls(store, loaded, agreed), analysis.treatment_factors)


def _write(folder: Path, document: Document, analysis: Analysis, loaded: Loaded, agreed: Sequence[Agreement]) -> None:
    """The four files and the tables; statistics.json holds every number, the sentences and what they are about."""
    write_text(folder / "report.md", to_markdown(document))
    write_text(folder / "report.html", to_html(document, folder / FIGURES))
    shutil.rmtree(folder / TABLES, ignore_errors=True)
    write_tables(folder, document)
    about: dict[str, Any] = {
        "experiment": loaded.experiment,
        "created": document.date,
        "energy_kinds": facts.energy_kinds(loaded.runs),
        "answer": [*document.notices, *document.answer],
    }
    about["agreements"] = [dataclasses.asdict(agreement) for agreement in agreed]
    write_json(folder / "statistics.json", {**to_json(analysis), **about})
    with whole(folder / "runs.csv") as part:
        _runs_table(loaded.runs).to_csv(part, index=False)


def _runs_table(runs: pd.DataFrame) -> pd.DataFrame:
    """One row a run, failed ones too, with its flags as text."""
    flags = ["; ".join(f"{flag.code}: {flag.text}" for flag in own) for own in runs["flags"]]
    plain = runs.drop(columns=["factors", "windows", "flags"])
    return plain.assign(**{"tags.flags": flags}) if any(flags) else plain
