"""events.jsonl: when a measured program began and ended its phases, whose names are its own.

A program of any language appends one line of JSON for each edge, `{"t": 1760000000.25, "phase": "load", "edge":
"begin"}`, to the file that the variable JOULEBENCH_EVENTS names. `t` is seconds since the epoch, the clock of
EnergiBridge's `Time` column; `monotonic` may stand beside it, the seconds of a clock that nobody sets.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, cast

from src.contract.json_files import ContractError, parse, read_told, take

EVENTS_FILE = "events.jsonl"
EVENTS_VARIABLE = "JOULEBENCH_EVENTS"

STOPPED = "stopped"
"""No phase of the program's: notes that the process itself was stopped (`begin`, where someone saw it) and went on."""

Edge = Literal["begin", "end"]


@dataclass(frozen=True)
class Event:
    """One edge of a phase; `t` is seconds since the epoch, `monotonic` those of a clock that nobody sets."""

    t: float
    phase: str
    edge: Edge
    monotonic: float | None = None


class EventLog:
    """Appends events to a file, closed after each, so that a killed program leaves what it reached."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def emit(self, phase: str, edge: Edge, t: float | None = None) -> None:
        """Write one event, now unless `t` (epoch seconds) is given."""
        event = Event(time.time(), phase, edge, time.monotonic()) if t is None else Event(t, phase, edge)
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(asdict(event)) + "\n")

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Emit the begin of a phase and, if its body did not raise, its end."""
        self.emit(name, "begin")
        yield
        self.emit(name, "end")


def read_events(path: Path) -> list[Event]:
    """All events of a run in the order written; raises ContractError on a line that is none."""
    try:
        lines = read_told(path).splitlines()
        return [_event(parse(line)) for line in lines if line.strip()]
    except (OSError, ValueError, RecursionError) as error:
        raise ContractError(f"{path} is no complete event file ({error})") from error


def _event(values: Any) -> Event:
    if not isinstance(values, Mapping):
        raise ContractError(f"an event is {values!r:.80}, not an object")
    edge = values.get("edge")
    if edge not in ("begin", "end"):
        raise ContractError(f"an event's `edge` is {edge!r:.80}; it must be begin or end")
    t = take(values, "t", float, "event")
    if not math.isfinite(t):
        raise ContractError(f"an event's `t` is {t}, which is no moment")
    monotonic = None if values.get("monotonic") is None else take(values, "monotonic", float, "event")
    return Event(t, take(values, "phase", str, "event"), cast(Edge, edge), monotonic)
