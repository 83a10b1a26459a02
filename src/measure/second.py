"""Further meters of the same run: how they are started beside the first one, and what they recorded.

They record beside it, each around a process that only waits, and not within it around the command: so the first
meter's command line, its window and its exit code stay what they are alone, and a second meter that fails before it
starts its command, or dies, takes no run along.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from src.contract.flags import Flag
from src.contract.record import ENERGY_FILE
from src.errors import EnergyError
from src.measure.energy import Energy, integrate
from src.measure.meters.remarks import remarks_file
from src.measure.meters.select import Meter
from src.measure.windows import Stretches

SECOND_METER = "second_meter"
WAITING = "import pathlib, sys; pathlib.Path(sys.argv[1]).touch(); sys.stdin.read()"
"""The command of a meter beside a run: it says that the meter records, and waits for the run's end."""


def recording_of(name: str) -> str:
    """The file of a further meter's recording."""
    return f"{Path(ENERGY_FILE).stem}_{name}.csv"


def with_others(meter: Meter, folder: Path, command: list[str]) -> list[str]:
    """The first meter's command line, and the others around it that record until it ends."""
    if not meter.also:
        return command
    others = [[str(log), str(ready), *_command(other, csv, ready)] for other, csv, log, ready in _places(meter, folder)]
    return [sys.executable, "-m", "src.measure.beside", json.dumps(others), "--", *command]


def files_of(meter: Meter) -> Iterator[str]:
    """What the others leave in a run's folder."""
    for _, csv, log, ready in _places(meter, Path()):
        yield from (csv.name, log.name, ready.name, remarks_file(csv).name)


def read_others(
    meter: Meter, folder: Path, windows: Mapping[str, Stretches]
) -> tuple[dict[str, Energy], tuple[Flag, ...]]:
    """The energy by each further meter over the same windows; where one tells none, a flag says why.

    One whose recording is in doubt tells none: the run itself counts by its first meter.
    """
    found, flags = {}, []
    for other, csv, log, _ in _places(meter, folder):
        try:
            energy = integrate(other.recorded(csv), windows, other.interval_ms)
            doubts = [flag.text for flag in energy.flags if flag.grave]
        except EnergyError as error:
            doubts = [f"{error}{_said(log)}"]
        if doubts:
            text = f"{other.name}, which recorded beside {meter.name}, tells no energy of this run"
            flags.append(Flag(SECOND_METER, f"{text}: {'; '.join(doubts)}"))
        else:
            found[other.name] = energy
        if log.exists() and not log.stat().st_size:
            log.unlink()
    return found, tuple(flags)


def _command(other: Meter, csv: Path, ready: Path) -> Sequence[str]:
    return other.command(csv, [sys.executable, "-I", "-c", WAITING, str(ready)])


def _places(meter: Meter, folder: Path) -> Iterable[tuple[Meter, Path, Path, Path]]:
    """Each further meter, its recording, the file of what it says, and the one by which it says that it records."""
    place = folder.resolve()
    for other in meter.also:
        csv = place / recording_of(other.name)
        yield other, csv, csv.with_suffix(".log"), csv.with_name(f".{csv.stem}.ready")


def _said(log: Path) -> str:
    """What a meter that failed had to say, in one line."""
    text = " ".join(log.read_text(encoding="utf-8", errors="replace").split()) if log.exists() else ""
    return f" (it said: {text[:300]})" if text else ""
