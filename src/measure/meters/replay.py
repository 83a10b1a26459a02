"""The meter `replay`: serves a recorded CSV as if it happened now. Marked as such in every row.

`python -m src.measure.meters.replay --recording FILE -o OUT.csv -i MS [-g] -- COMMAND...`
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from src.errors import ConfigError, EnergyError
from src.measure.meters.program import Program, own_program
from src.measure.meters.sampler import ReaderError, parser, run_meter

if TYPE_CHECKING:
    from src.measure.recording import Array

Curve = Callable[[float], float]
"""A column's value by seconds since the replay began."""


@dataclass(kw_only=True)
class Settings:
    """What stands in `conf/meter/`."""

    # The recorded CSV that `replay` serves.
    recording: str | None = None


def program(settings: Settings, _gpu: bool) -> Program:
    """This module, serving the recording; raises ConfigError where there is none."""
    recording = settings.recording
    if not recording or not Path(recording).is_file():
        raise ConfigError(f"meter.recording={recording} is no file; name the CSV to replay")
    argv = own_program("replay", "--recording", str(Path(recording).resolve()))
    return Program(argv, "replayed", f"REPLAYED, not measured: {recording}")


class Replay:
    """Values of a recording at its own pace; when it ends it starts again, its counters going on."""

    def __init__(self, path: Path) -> None:
        from src.measure.recording import read_recording  # NumPy, for which no mistake should wait

        try:
            recording = read_recording(path, kept=lambda _: True)
        except EnergyError as error:
            raise ReaderError(str(error)) from error
        time_s = recording.time_s - recording.time_s[0]
        if time_s[-1] <= 0:
            raise ReaderError(f"{path} holds fewer than two samples; replay a longer recording")
        kept = [name for name in recording.columns if name not in ("REPLAYED", "ESTIMATED")]
        self.columns: Sequence[str] = [*kept, "REPLAYED"]
        self._curves = [_curve(name, time_s, recording.columns[name]) for name in kept]
        self._start_s: float | None = None

    def read(self) -> list[float]:
        """One value for each column, then the mark; the first call starts the replay."""
        now_s = time.monotonic()
        self._start_s = now_s if self._start_s is None else self._start_s
        return [*self.at(now_s - self._start_s), 1]

    def at(self, elapsed_s: float) -> list[float]:
        """The values `elapsed_s` after the first sample."""
        return [curve(elapsed_s) for curve in self._curves]


def _curve(name: str, time_s: Array, values: Array) -> Curve:
    if name.endswith("(J)"):
        try:
            return _counter(name, time_s, values)
        except EnergyError:
            pass  # A counter that cannot be unwrapped is replayed with all its falls, as it was recorded.
    return lambda elapsed_s: float(values[time_s.searchsorted(elapsed_s % time_s[-1], "right") - 1])


def _counter(name: str, time_s: Array, values: Array) -> Curve:
    """A counter that goes on growing, and wraps where the recorded one does."""
    import numpy as np

    from src.measure.counters import counter_range, unwrap

    unwrapped = unwrap(time_s, values, name)
    range_j = counter_range(float(values.max())) if unwrapped.wraps else np.inf

    def at(elapsed_s: float) -> float:
        rounds, rest_s = divmod(elapsed_s, float(time_s[-1]))
        grown_j = rounds * unwrapped.energy_j[-1] + np.interp(rest_s, time_s, unwrapped.energy_j)
        return float((values[0] + grown_j) % range_j)

    return at


def main() -> int:
    """Entry point."""
    options = parser("Serve a recorded CSV while a command runs.")
    options.add_argument("--recording", type=Path, required=True, help="the EnergiBridge CSV to serve")
    values = options.parse_args()
    return run_meter("replay", values, lambda: Replay(values.recording))


if __name__ == "__main__":
    sys.exit(main())
