"""File the runs that a store missed: `python -m src.track FOLDER... [--store URI]`."""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from src import stops

if __name__ == "__main__":
    stops.heed()

from src.contract.commands import joined
from src.contract.json_files import ContractError
from src.contract.plan_file import PLAN_FILE
from src.contract.record import DRAFT_FILE, RECORD_FILE, RunRecord
from src.errors import JoulebenchError, SetupError
from src.paths import ROOT
from src.public import hide_in_tracebacks, shown
from src.track import open_store
from src.track.folder_lock import filing_alone
from src.track.refile import close_dead, refile


def main(arguments: Sequence[str] | None = None) -> int:
    """File every run below the folders; exit code 1 where some could not be filed, 2 where none was found."""
    hide_in_tracebacks()
    parser = _Parser(prog="python -m src.track", description=__doc__)
    parser.add_argument("folders", nargs="+", type=Path, metavar="FOLDER", help="a run's, or above it")
    parser.add_argument("--store", help="MLflow's store (default: MLFLOW_TRACKING_URI, else ./mlflow.db)")
    chosen = parser.parse_args(arguments)
    found = find_sweeps(chosen.folders)
    if not found:
        print(
            f"No {RECORD_FILE} below {', '.join(map(str, chosen.folders))}; name a sweep's folder",
            file=sys.stderr,
        )
        return 2
    problems: list[str] = []
    filed = known = unreadable = refused = 0
    try:
        store = open_store(chosen.store)
        for folder, runs in found.items():
            try:
                with filing_alone(folder):
                    recover(runs)
                    records, damaged = read_all([run for run in runs if (run / RECORD_FILE).exists()])
                    done = refile(store, records)
                    close_dead(store, folder)
            except SetupError as error:
                problems.append(str(error))
                continue
            filed, known = filed + done.filed, known + done.known
            unreadable, refused = unreadable + len(damaged), refused + len(done.refused)
            problems += [*damaged, *done.refused]
    except JoulebenchError as error:
        print(*problems, error, sep="\n", file=sys.stderr)
        return error.exit_code
    print(f"runs filed: {filed}; there already: {known}{_some('unreadable', unreadable)}{_some('refused', refused)}")
    if store.left_out:
        print(store.left_out)
    for problem in problems:
        print(problem, file=sys.stderr)
    return 1 if problems else 0


def _some(what: str, n: int) -> str:
    return f"; {what}: {n}" if n else ""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        super().error(shown(message))


def find_sweeps(folders: Sequence[Path]) -> dict[Path, list[Path]]:
    """The folders of runs at or below the given ones, each once, by the folder of their sweep, in order of paths.

    A run that has no record yet is one too, and so is a sweep without any.
    """
    names = (RECORD_FILE, DRAFT_FILE)
    runs = sorted({path.parent.resolve() for folder in folders for name in names for path in folder.rglob(name)})
    plans = sorted({path.parent.resolve() for folder in folders for path in folder.rglob(PLAN_FILE)})
    found: dict[Path, list[Path]] = {folder: [] for folder in plans}
    for run in runs:
        found.setdefault(run.parent, []).append(run)
    return found


def recover(runs: Sequence[Path]) -> None:
    """Give runs that lost their record another one, in a process that can integrate energy."""
    lost = [str(run) for run in runs if not (run / RECORD_FILE).exists()]
    if lost:
        subprocess.run(
            [sys.executable, "-m", "src.protocol.recover", *lost], cwd=ROOT, check=False, start_new_session=True
        )


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
    stops.way_on = f"go on with the same command: {joined(['python', '-m', 'src.track', *sys.argv[1:]])}"
    stops.leave(stops.in_order(main))
