"""Filing all recordings of a folder: what is new, what was there already, what could not be read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from src.contract.record import Run, RunRecord
from src.errors import ConfigError, EnergyError, TrackError
from src.ingest.derived import made_of_others
from src.ingest.known import Contradiction, contradictions, warnings
from src.ingest.options import IngestOptions
from src.ingest.path_names import check_one_kind, has_placeholder, label
from src.ingest.recorded_run import Imported, Source, import_run
from src.ingest.run_table import RUN_TABLE, planned_run
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

    Everything is read before anything is written, and every run's folder is on disk before the store is asked to file
    any of them.
    """
    files = find_files(Path(options.path), nested=has_placeholder(options.framework))
    store.check(options.experiment)
    reading = _Reading(options, {run.uid: run for run in store.records(options.experiment)})
    for path in progress(files):
        try:
            reading.take(path)
        except (EnergyError, OSError) as error:
            reading.skipped.append(Skipped(path, str(error)))
    if not options.derived:
        reading.leave_out_extracts()
    imported = list(reading.imported.values())
    if not options.one_treatment:
        _check_names(imported, options)
    records = tuple(each.write() for each in imported)
    done = refile(store, records)
    if done.refused:
        raise TrackError("; ".join(done.refused))
    return Ingested(
        records,
        reading.known_already,
        tuple(reading.copies),
        tuple(warnings(reading.contradicted)),
        tuple(reading.skipped),
    )


class _Reading:
    """What became of the files that were read so far."""

    def __init__(self, options: IngestOptions, known: Mapping[str, Run]) -> None:
        self._options, self._known = options, known
        self.imported: dict[str, Imported] = {}
        self.known_already = 0
        self.contradicted: Counter[Contradiction] = Counter()
        self.copies: list[Path] = []
        self.skipped: list[Skipped] = []

    def take(self, path: Path) -> None:
        """Read one file, unless its content was filed or read before; raises EnergyError, OSError, ConfigError."""
        planned = planned_run(path)
        name = label(self._options.framework, path, planned.factors if planned else {})
        uid = content_uid(name, path)
        if uid in self._known:
            self.known_already += 1
            self.contradicted.update(contradictions(self._options, self._known[uid]))
        elif uid in self.imported:
            self.copies.append(path)
        else:
            self.imported[uid] = import_run(Source(path, uid, name, self._options))

    def leave_out_extracts(self) -> None:
        """Of two tables with the same times only the one with more columns is a recording."""
        extracts = made_of_others([each.origin for each in self.imported.values()])
        for uid, each in list(self.imported.items()):
            if whole := extracts.get(each.source.path):
                reason = (
                    f"this table was made of {whole}, whose times it has; give derived=true to file it all the same"
                )
                self.skipped.append(Skipped(each.source.path, reason))
                del self.imported[uid]


def _check_names(imported: Sequence[Imported], options: IngestOptions) -> None:
    """Refuse what looks like several treatments under one label."""
    by_label: dict[str, list[Source]] = {}
    for each in imported:
        by_label.setdefault(each.source.label, []).append(each.source)
    for name, sources in by_label.items():
        planned = {tuple(source.factors.items()) for source in sources if planned_run(source.path)}
        if len(planned) > 1:
            keys = ", ".join(f"{{{key}}}" for key, _ in next(iter(planned)))
            raise ConfigError(
                f"path={options.path}: {RUN_TABLE} tells {len(planned)} treatments of '{name}' apart; name each by its "
                f"factors ({keys}) in framework=..., or give one_treatment=true"
            )
        check_one_kind(name, [source.path for source in sources], options.path)
