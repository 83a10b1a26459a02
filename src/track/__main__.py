"""File the runs that a store missed: `python -m src.track FOLDER... [--store URI]`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from src.contract.json_files import ContractError
from src.contract.record import RECORD_FILE, RunRecord
from src.errors import JoulebenchError
from src.track import open_store
from src.track.refile import refile


def main(arguments: Sequence[str] | None = None) -> int:
    """File every run below the folders; exit code 1 where some could not be filed, 2 where none was found."""
    parser = argparse.ArgumentParser(prog="python -m src.track", description=__doc__)
    parser.add_argument("folders", nargs="+", type=Path, metavar="FOLDER", help="a run's, or above it")
    parser.add_argument("--store", help="MLflow's store (default: MLFLOW_TRACKING_URI, else ./mlflow.db)")
    chosen = parser.parse_args(arguments)
    found = find_records(chosen.folders)
    if not found:
        print(
            f"No {RECORD_FILE} below {', '.join(map(str, chosen.folders))}; name a sweep's folder",
            file=sys.stderr,
        )
        return 2
    records, problems = read_all(found)
    refused: list[str] = []
    try:
        filed, known = refile(open_store(chosen.store), records, refused)
    except JoulebenchError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    print(
        f"runs filed: {filed}; there already: {known}" + _counted("unreadable", problems) + _counted("refused", refused)
    )
    for problem in (*problems, *refused):
        print(problem, file=sys.stderr)
    return 1 if problems or refused else 0


def _counted(what: str, problems: Sequence[str]) -> str:
    return f"; {what}: {len(problems)}" if problems else ""


def find_records(folders: Sequence[Path]) -> list[Path]:
    """Every run's folder at or below the given ones, each once, in order of their paths."""
    return sorted({path.parent.resolve() for folder in folders for path in folder.rglob(RECORD_FILE)})


def read_all(folders: Sequence[Path]) -> tuple[list[RunRecord], list[str]]:
    """The records that can be read, in the order they began, and what is wrong with the others."""
    records, problems = [], []
    for folder in folders:
        try:
            records.append(RunRecord.read(folder))
        except ContractError as error:
            problems.append(str(error))
    return sorted(records, key=lambda record: record.start_ms), problems


if __name__ == "__main__":
    sys.exit(main())
