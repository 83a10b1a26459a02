"""The reproduction: the command lines that made the runs, as far as they are known, and the report."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields

import pandas as pd

from src.analysis.settings import AnalysisConfig
from src.analysis.table import ingested
from src.contract.commands import COMMAND_LENGTH, override
from src.contract.plan_file import Treatment
from src.contract.record import IMPORTED_SWEEP, RECORDED
from src.public import public
from src.report.document import Code, Paragraph, Section
from src.report.load import Sweep

MEASURE = "python -m src.main"
OF_ONCE = ("hydra.sweep.dir=", "hydra.run.dir=", "resume=")


def reproduction(commands: Sequence[str], sweeps: Sequence[Sweep]) -> Section:
    """The state of this tool that measured, the commands, and what else there is."""
    return Section(
        "reproduction",
        "Reproduction",
        (
            *([Paragraph(f"Measured with {' and '.join(tools)}.")] if (tools := _tools(sweeps)) else []),
            Paragraph("From the root of the repository, with its environments set up (make setup):"),
            Code("\n".join(commands)),
            Paragraph(
                "runs.csv beside this report has one row for each run, statistics.json every number; each run's own "
                "configuration (config.yaml), raw samples (energy.csv) and picture are in MLflow."
            ),
        ),
    )


def _tools(sweeps: Sequence[Sweep]) -> list[str]:
    """Each state of the tool that measured; sweeps of earlier versions do not tell."""
    told = [sweep.params for sweep in sweeps if "tool.commit" in sweep.params]
    names = [f"joulebench {each.get('tool.version')} at commit {each['tool.commit']}{_changed(each)}" for each in told]
    return list(dict.fromkeys(names))


def _changed(told: Mapping[str, str]) -> str:
    return ", with changes of its files" if told.get("tool.changed") == "yes" else ""


def told_command(told: str | None) -> str | None:
    """The command line as it was typed, without folders that are taken now; None where it is not told whole."""
    if not told or len(told) >= COMMAND_LENGTH or not told.startswith(MEASURE):
        return None
    words = [word for word in shlex.split(told) if not word.startswith(OF_ONCE)]
    return shlex.join(words)


def sweep_command(treatments: Iterable[Treatment]) -> str | None:
    """The command line that made a sweep; None where it has no treatments."""
    choices: dict[str, list[str]] = {}
    for treatment in treatments:
        for word in treatment.overrides:
            key, _, value = word.partition("=")
            choices.setdefault(key, [])
            if value not in choices[key]:
                choices[key].append(value)
    if not choices:
        return None
    words = [f"{key}={','.join(options)}" for key, options in choices.items()]
    return "python -m src.main -m " + shlex.join(words)


def ingest_commands(runs: pd.DataFrame, experiment: str, tracking_uri: str | None = None) -> list[str]:
    """Those that filed recordings from elsewhere, each once."""
    imported = runs[ingested(runs)]
    return sorted({ingest_command(experiment, run, tracking_uri) for _, run in imported.iterrows()})


def ingest_command(experiment: str, run: pd.Series, tracking_uri: str | None = None) -> str:
    """The one that filed a recording: with all it was told, as other columns would give other joules."""
    words = [f"experiment={experiment}", f"framework={run['framework']}", "path=FOLDER_OF_ITS_CSVS"]
    if tracking_uri:
        words.append(f"tracking_uri={public(tracking_uri)}")
    if run["sweep"] != IMPORTED_SWEEP:
        words.append(f"sweep={run['sweep']}")
    params = {str(key).removeprefix("params."): text for key, text in run.items() if str(key).startswith("params.")}
    told = {key: text for key, text in params.items() if isinstance(text, str) and not key.startswith(f"{RECORDED}.")}
    words += [f"{key}={_as_list(text)}" for key, text in told.items()]
    return f"python -m src.ingest {shlex.join(words)}"


def report_command(
    experiment: str, config: AnalysisConfig, tracking_uri: str | None = None, sweeps: Sequence[str] = ()
) -> str:
    """With every setting that is not the default."""
    usual = AnalysisConfig()
    changed = {
        entry.name: getattr(config, entry.name)
        for entry in fields(config)
        if getattr(config, entry.name) != getattr(usual, entry.name)
    }
    words = [
        override("experiment", experiment),
        *([shlex.quote(f"sweep={','.join(sweeps)}")] if sweeps else []),
        *([override("tracking_uri", public(tracking_uri))] if tracking_uri else []),
        *(_override(f"analysis.{key}", value) for key, value in changed.items()),
    ]
    return f"python -m src.report {' '.join(words)}"


def _as_list(text: str) -> str:
    """A stored list (JSON) as the ingest's command line has it; anything else as it is."""
    return f"[{','.join(json.loads(text))}]" if text.startswith('["') else text


def _override(key: str, value: object) -> str:
    if isinstance(value, list):
        return shlex.quote(f"{key}=[{','.join(map(str, value))}]")
    return override(key, value) if isinstance(value, str) else f"{key}={value}"
