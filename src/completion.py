"""What may stand next on a command line: `python -m src.completion 'LINE UP TO THE CURSOR'`, one a line.

`scripts/completion.bash` and `scripts/completion.zsh` ask it at every press of the tab key, so it loads nothing but
what the answer needs: names of experiments are read from the store's file, and Hydra is only started for its keys.
"""

from __future__ import annotations

import os
import shlex
import sqlite3
import subprocess
import sys
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from src.contract.commands import override
from src.contract.plan_file import PLAN_FILE

MODULES = ("src.main", "src.report", "src.ingest", "src.track", "src.doctor")
OWN_KEYS = {"src.report": ("experiment=", "sweep=", "tracking_uri=", "analysis.", "power", "--help")}
FLAGS = {"src.doctor": ("pilot", "--json", "--seconds=")}
EXPERIMENTS = "SELECT name FROM experiments WHERE lifecycle_stage = 'active' ORDER BY last_update_time DESC"
SWEEPS = """SELECT DISTINCT tags.value FROM tags JOIN runs USING (run_uuid) JOIN experiments USING (experiment_id)
    WHERE tags.key = 'sweep' AND (experiments.name = ? OR ? IS NULL) ORDER BY tags.value DESC"""
HYDRAS_OWN = "experiment_name="
STORE = "sqlite:///"
FOLDERS = ("multirun/*/*", "outputs/*/*", "multirun/*/*/*")


def main() -> None:
    """Print what may stand in the last word's place."""
    print("\n".join(completions(sys.argv[1], Path.cwd())))


def completions(line: str, here: Path) -> list[str]:
    """Every word that the last one may become; empty where the line is none of joulebench's commands."""
    words, last = _split(line)
    if words[1:] == ["-m"]:
        return [module for module in MODULES if module.startswith(last)]
    if len(words) < 3 or words[1] != "-m" or words[2] not in MODULES:
        return []
    possible = set(_possible(words[2], words[3:], last, here))
    return sorted(word for word in possible if word.replace("'", "").startswith(last.replace("'", "")))


def _split(line: str) -> tuple[list[str], str]:
    """The words before the one at the cursor, and that one, without the quotes of the shell; the last may be open."""
    for end in ("", "'", '"'):
        try:
            words = shlex.split(line + end)
        except ValueError:
            continue
        return (words, "") if line.endswith(" ") and not end else (words[:-1], words[-1] if words else "")
    return [], ""


def _possible(module: str, words: Sequence[str], last: str, here: Path) -> list[str]:
    key, sign, value = last.partition("=")
    if not sign:
        return ["--store", *_folders(here)] if module == "src.track" else _keys(module, words, last)
    before, comma, _ = value.rpartition(",")
    chosen = before.split(",") if comma else []
    options = _values(module, key, words, last if not comma else f"{key}=", here)
    return [f"{key}={before}{comma}{option}" for option in options if option not in chosen]


def _keys(module: str, words: Sequence[str], last: str) -> list[str]:
    if module in ("src.main", "src.doctor"):
        return [*FLAGS.get(module, ()), *_hydras(words, last)]
    if module == "src.report":
        return _hydras(words, last) if last.startswith("analysis.") else list(OWN_KEYS[module])
    return ["wall", *(f"{key}=" for key in _ingested(words))]


def _ingested(words: Sequence[str]) -> list[str]:
    """The keys of the ingest."""
    from src.ingest.options import IngestOptions, WallOptions, known_keys

    return known_keys(WallOptions if words[:1] == ["wall"] else IngestOptions)


def _values(module: str, key: str, words: Sequence[str], last: str, here: Path) -> list[str]:
    if key == "experiment":
        return [_written(key, name) for name in _stored(words, here, EXPERIMENTS)]
    if key == "sweep":
        named = next((word.partition("=")[2] for word in words if word.startswith("experiment=")), None)
        return ["all", "last", *_stored(words, here, SWEEPS, (named, named))]
    if key == "resume":
        return ["latest", *_folders(here)]
    if key in ("path", "dataset.path", "meter.recording", "meter.binary"):
        return _files(last.partition("=")[2])
    return [word.partition("=")[2] for word in _hydras(words, last)] if module != "src.ingest" else []


def _written(key: str, name: str) -> str:
    """A name with the quotes that Hydra needs around it; those of the shell are the shell's matter."""
    return shlex.split(override(key, name))[0].partition("=")[2]


def _stored(words: Sequence[str], here: Path, query: str, values: Sequence[str | None] = ()) -> list[str]:
    """What a local store holds; nothing where it is none, or cannot be read."""
    named = next((word.partition("=")[2].strip("'\"") for word in words if word.startswith("tracking_uri=")), "")
    uri = named or os.environ.get("MLFLOW_TRACKING_URI") or f"{STORE}mlflow.db"
    path = here / uri.removeprefix(STORE)
    if not uri.startswith(STORE) or not path.is_file():
        return []
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=0.2)) as store:
            return [str(row[0]) for row in store.execute(query, values)]
    except sqlite3.Error:
        return []


def _folders(here: Path) -> list[str]:
    """Folders of sweeps, as `resume` and `src.track` want them."""
    return [str(path.parent.relative_to(here)) for place in FOLDERS for path in here.glob(f"{place}/{PLAN_FILE}")]


def _files(begun: str) -> list[str]:
    place = Path(begun if begun.endswith("/") or not begun else Path(begun).parent)
    prefix = "" if str(place) == "." and not begun.startswith("./") else f"{str(place).rstrip('/')}/"
    try:
        return [f"{prefix}{path.name}{'/' if path.is_dir() else ''}" for path in place.iterdir()]
    except OSError:
        return []


def _hydras(words: Sequence[str], last: str) -> list[str]:
    """What Hydra completes a word to. It splits at blanks, and needs no name of an experiment."""
    plain = [word for word in words if " " not in word and not word.startswith(("experiment=", "sweep=", "--"))]
    line = " ".join(["python", "main.py", *plain, last])
    told = {**os.environ, "COMP_LINE": line, "COMP_POINT": str(len(line))}
    asked = [sys.executable, "-m", "src.main", "-sc", "query=bash"]
    found = subprocess.run(asked, env=told, capture_output=True, text=True, check=False).stdout.split()
    return [word for word in found if word != HYDRAS_OWN]


if __name__ == "__main__":
    main()
