"""Experiment Runner's `run_table.csv`: what each of its folders `run_N_repetition_M` was measured with.

Its columns are `__run_id`, `__done`, the factors, and what was measured (github.com/S2-group/experiment-runner).
"""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

RUN_TABLE = "run_table.csv"
RUN_ID, DONE = "__run_id", "__done"
RUN_FOLDER = re.compile(r"run_(\d+)_repetition_(\d+)")


@dataclass(frozen=True)
class PlannedRun:
    """One row: its repetition, its factors, and what `__done` says."""

    repetition: int
    factors: dict[str, str]
    done: str

    @property
    def is_done(self) -> bool:
        """Whether Experiment Runner saw its end."""
        return self.done.strip().upper() in ("DONE", "")


def planned_run(path: Path) -> PlannedRun | None:
    """The row of the folder that a recording lies in; None outside of Experiment Runner's folders."""
    folder = next((parent for parent in path.parents if RUN_FOLDER.fullmatch(parent.name)), None)
    if folder is None:
        return None
    found = RUN_FOLDER.fullmatch(folder.name)
    assert found is not None
    row = read_rows(folder.parent / RUN_TABLE).get(folder.name, {})
    return PlannedRun(int(found.group(2)), {name: row[name] for name in factors_of(folder.parent / RUN_TABLE)
                      if name in row}, row.get(DONE, ""))  # fmt: skip


@lru_cache(maxsize=8)
def read_rows(path: Path) -> dict[str, dict[str, str]]:
    """The rows by their `__run_id`; none where there is no such table."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = [{key: value or "" for key, value in row.items() if key} for row in csv.DictReader(file)]
    except (OSError, UnicodeError, csv.Error):
        return {}
    return {row[RUN_ID]: row for row in rows if row.get(RUN_ID)}


@lru_cache(maxsize=8)
def factors_of(path: Path) -> tuple[str, ...]:
    """The columns that are the same in all repetitions of a run and differ from run to run; the others are measured.

    Where nothing was repeated, those that hold something else than numbers or the same value twice.
    """
    rows = read_rows(path)
    names = [name for name in next(iter(rows.values()), {}) if not name.startswith("__")]
    values = {name: [row.get(name, "") for row in rows.values()] for name in names}
    runs = [run_id.split("_repetition_")[0] for run_id in rows]
    repeated = len(set(runs)) < len(runs)
    return tuple(name for name in names if len(set(values[name])) > 1 and "" not in values[name] and (
        len(set(zip(runs, values[name], strict=True))) == len(set(runs)) if repeated else _is_chosen(values[name])
    ))  # fmt: skip


def _is_chosen(values: list[str]) -> bool:
    return len(set(values)) < len(values) or not all(re.fullmatch(r"[-+0-9.eE]+", value) for value in values)
