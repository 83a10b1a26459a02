"""File EnergiBridge's CSVs as runs: `python -m src.ingest experiment=NAME framework=tf path=DIR`.

`python -m src.ingest undo=NAME experiment=NAME` takes an import back,
`python -m src.ingest wall experiment=NAME path=FILE` lays a wall meter's recording over runs that are filed already.
"""

from __future__ import annotations

import statistics
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from src import stops

if __name__ == "__main__":
    stops.heed()  # what follows takes a second

from rich.console import Console
from rich.progress import track

from src.contract.commands import override
from src.errors import JoulebenchError
from src.ingest.folder import Ingested, ingest
from src.ingest.options import IngestOptions, parse, usage
from src.ingest.undo import undo
from src.ingest.wall import main as wall_main
from src.public import hide_in_tracebacks, password_from, public, shown
from src.track import open_store

INTERRUPTED = 130
WALL = "wall"
"""The first word of the command for a wall meter's recording."""
UNDO = "undo="
SHOWN_LABELS = 10


def main(arguments: Sequence[str] | None = None) -> int:
    """File a folder; exit code 0, 1 where a file was skipped or not filed, 2 for a wrong command line."""
    hide_in_tracebacks()
    given = list(sys.argv[1:] if arguments is None else arguments)
    if given[:1] == [WALL]:
        return wall_main(given[1:])
    if not given or {"-h", "--help"} & set(given):
        print(usage())
        return 0 if given else 2
    try:
        if any(word.startswith(UNDO) for word in given):
            print(undo(given))
            return 0
        options = parse(given)
        ingested = ingest(options, open_store(options.tracking_uri), _progress)
    except JoulebenchError as error:
        print(f"joulebench: {shown(str(error))}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("joulebench: stopped by Ctrl-C; the same command goes on from here", file=sys.stderr)
        return INTERRUPTED
    for copy in ingested.copies:
        print(f"joulebench: {copy} holds the same as another file of this call and is filed once", file=sys.stderr)
    for warning in ingested.warnings:
        print(f"joulebench: {warning}", file=sys.stderr)
    for skipped in ingested.skipped:
        print(f"joulebench: skipped {skipped}", file=sys.stderr)
    print(summary(ingested, options))
    return 1 if ingested.skipped else 0


def summary(ingested: Ingested, options: IngestOptions) -> str:
    """What was filed, in two or three lines."""
    energies = [record.metrics["energy_j"] for record in ingested.filed]
    alike = len({record.tags["treatment"] for record in ingested.filed}) == 1
    median = f" (median {statistics.median(energies):.3f} J)" if alike else ""
    wraps = sum(int(record.tags["wraps"]) for record in ingested.filed)
    copies = f"{_count(len(ingested.copies), 'copy', 'copies')}, " if ingested.copies else ""
    filed = f"{_labels(ingested, options)}: {_count(len(energies), 'run')}"
    lines = [
        f"{filed} filed in experiment '{options.experiment}'{median}, "
        f"{ingested.known} {'was' if ingested.known == 1 else 'were'} there already, {copies}"
        f"{_count(len(ingested.skipped), 'file')} skipped"
    ]
    if wraps:
        mended = f"{_count(wraps, 'counter wrap')} {'was' if wraps == 1 else 'were'} mended"
        lines.append(f"{mended}; the runs say so in their tag `flags`")
    words = [override("experiment", options.experiment)]
    if options.tracking_uri:
        words.append(override("tracking_uri", public(options.tracking_uri)))
    if ingested.filed:
        lines.append(f"Take it back: python -m src.ingest {override('undo', options.name)} {' '.join(words)}")
    hint = password_from(options.tracking_uri)
    lines += [f"Compare: python -m src.report {' '.join(words)}", *([f"({hint})"] if hint else [])]
    return "\n".join(lines)


def _labels(ingested: Ingested, options: IngestOptions) -> str:
    """The treatments that were filed, or what was asked for where there are none."""
    labels = list(dict.fromkeys(record.tags["treatment"] for record in ingested.filed))
    more = f" and {len(labels) - SHOWN_LABELS} more" if len(labels) > SHOWN_LABELS else ""
    return ", ".join(labels[:SHOWN_LABELS]) + more if labels else options.framework


def _count(n: int, thing: str, things: str | None = None) -> str:
    return f"{n} {thing if n == 1 else things or thing + 's'}"


def _progress(files: list[Path]) -> Iterable[Path]:
    console = Console(stderr=True)
    return track(files, "reading recordings", console=console, transient=True, disable=not console.is_terminal)


if __name__ == "__main__":
    stops.begin()
    stops.leave(main())
