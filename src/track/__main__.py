"""File the runs that a store missed: `python -m src.track FOLDER... [--store URI]`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from src.contract.json_files import ContractError
from src.contract.plan_file import PLAN_FILE
from src.contract.record import RECORD_FILE, RunRecord
from src.errors import FiledElsewhereError, JoulebenchError
from src.public import hide_in_tracebacks, shown
from src.track import open_store
from src.track.filing_alone import filing_alone
from src.track.refile import Folder, Refiled, plan_of, refile

if TYPE_CHECKING:
    from src.track.store import Store


def main(arguments: Sequence[str] | None = None) -> int:
    """File every run below the folders; exit code 1 where some could not be filed, 2 where none was found."""
    hide_in_tracebacks()
    parser = _Parser(prog="python -m src.track", description=__doc__)
    parser.add_argument("folders", nargs="+", type=Path, metavar="FOLDER", help="a run's, or above it")
    parser.add_argument("--store", help="MLflow's store (default: MLFLOW_TRACKING_URI, else ./mlflow.db)")
    chosen = parser.parse_args(arguments)
    found, unreadable = find_folders(chosen.folders)
    if not found and not unreadable:
        print(
            f"No {RECORD_FILE} below {', '.join(map(str, chosen.folders))}; name a sweep's folder",
            file=sys.stderr,
        )
        return 2
    done = Refiled()
    try:
        store = open_store(chosen.store)
        for folder in found:
            _refile(store, folder, done)
    except JoulebenchError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    print(
        f"runs filed: {done.filed}; there already: {done.known}"
        + _counted("unreadable", unreadable)
        + _counted("refused", done.refused)
    )
    for problem in (*unreadable, *done.refused):
        print(problem, file=sys.stderr)
    return 1 if unreadable or done.refused else 0


def _counted(what: str, problems: Sequence[str]) -> str:
    return f"; {what}: {len(problems)}" if problems else ""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        super().error(shown(message))


def _refile(store: Store, folder: Folder, done: Refiled) -> None:
    """File a folder and count it in."""
    try:
        with filing_alone(folder.path):
            own = refile(store, folder)
    except FiledElsewhereError as error:
        done.refused.append(str(error))
        return
    done.filed += own.filed
    done.known += own.known
    done.refused += own.refused


def find_folders(folders: Sequence[Path]) -> tuple[list[Folder], list[str]]:
    """Each sweep's folder at or below the given ones with its runs in the order they began, and what is wrong there."""
    runs = {path.parent.resolve() for folder in folders for path in folder.rglob(RECORD_FILE)}
    plans = {path.parent.resolve() for folder in folders for path in folder.rglob(PLAN_FILE)}
    found = {path: Folder(path, plan_of(path)) for path in sorted({run.parent for run in runs} | plans)}
    problems = []
    for run in sorted(runs):
        try:
            found[run.parent].records.append(RunRecord.read(run))
        except ContractError as error:
            problems.append(str(error))
    for folder in found.values():
        folder.records.sort(key=lambda record: record.start_ms)
    return list(found.values()), problems


if __name__ == "__main__":
    sys.exit(main())
