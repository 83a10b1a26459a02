"""Filing all recordings of a folder: what is new, what was there already, what could not be read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from src.contract.record import RunRecord
from src.errors import EnergyError
from src.ingest.known import Contradiction, contradictions, warnings
from src.ingest.options import IngestOptions
from src.ingest.recorded_run import Source, import_run
from src.ingest.sources import content_uid, find_files
from src.track.refile import refile
from src.track.store import Store

Progress = Callable[[list[Path]], Iterable[Path]]


@dataclass(frozen=True)
class Skipped:
    """A file that did not become a run, and why."""

    path: Path
    reason: str

    def __str__(self) -> str:
        """The path once: most reasons name it already."""
        return self.reason if str(self.path) in self.reason else f"{self.path}: {self.reason}"


@dataclass(frozen=True)
class Ingested:
    """What became of a folder.

    `known` is how many recordings were filed before, `copies` are files that hold the same as an earlier one of the
    folder, `warnings` say what was given and not taken over.
    """

    filed: tuple[RunRecord, ...]
    known: int
    copies: tuple[Path, ...]
    warnings: tuple[str, ...]
    skipped: tuple[Skipped, ...]


def ingest(options: IngestOptions, store: Store, progress: Progress = iter) -> Ingested:
    """File each recording once. Raises ConfigError for an unusable path, TrackError where the store fails.

    Every run's folder is on disk before the store is asked to file any of them.
    """
    files = find_files(Path(options.path))
    store.check(options.experiment)
    known = {run.uid: run for run in store.records(options.experiment)}
    records: dict[str, RunRecord] = {}
    n_known = 0
    contradicted: Counter[Contradiction] = Counter()
    copies: list[Path] = []
    skipped: list[Skipped] = []
    for path in progress(files):
        uid = content_uid(options.framework, path)
        if uid in known:
            n_known += 1
            contradicted.update(contradictions(options, known[uid]))
        elif uid in records:
            copies.append(path)
        else:
            try:
                records[uid] = import_run(Source(path, uid, options))
            except EnergyError as error:
                skipped.append(Skipped(path, str(error)))
    refile(store, list(records.values()))
    return Ingested(tuple(records.values()), n_known, tuple(copies), tuple(warnings(contradicted)), tuple(skipped))
