"""The meter `native`: every socket's RAPL through Linux powercap, and NVIDIA GPUs with `-g`.

`python -m src.measure.meters.native -o OUT.csv -i MS [-g] -- COMMAND...`
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from src.measure.meters.powercap import POWERCAP, Powercap
from src.measure.meters.program import Program, own_program
from src.measure.meters.remarks import NONE, Remarks
from src.measure.meters.sampler import Reader, ReaderError, RemarkingReader, parser, run_meter


@dataclass(kw_only=True)
class Settings:
    """What stands in `conf/meter/`."""

    # The folder of the powercap zones that `native` reads; null takes the kernel's.
    powercap: str | None = None


def program(settings: Settings, gpu: bool) -> Program:
    """This module, reading the zones of the folder."""
    argv = own_program("native", "--powercap", settings.powercap or str(POWERCAP))
    gpus = " and NVIDIA's energy counters" if gpu else ""
    return Program(argv, "measured", f"Linux powercap (RAPL of all sockets){gpus}")


class Native:
    """Powercap and NVML side by side; with a GPU to measure, a processor without RAPL is only warned of."""

    def __init__(self, powercap: Path, gpu: bool) -> None:
        self._readers: list[Reader] = []
        try:
            self._readers.append(Powercap(powercap))
        except ReaderError as error:
            if not gpu:
                raise
            print(f"native: without the processor's energy: {error}", file=sys.stderr)
        if gpu:
            from src.measure.meters.nvml import Nvml

            self._readers.append(Nvml())
        self.columns: Sequence[str] = [column for reader in self._readers for column in reader.columns]

    def read(self) -> list[float]:
        """One value for each column."""
        return [value for reader in self._readers for value in reader.read()]

    def remarks(self) -> Remarks:
        """What its parts have to say."""
        said = (reader.remarks() for reader in self._readers if isinstance(reader, RemarkingReader))
        return sum(said, NONE)


def main() -> int:
    """Entry point."""
    options = parser("Measure a command through Linux powercap and NVML.")
    options.add_argument("--powercap", type=Path, default=POWERCAP, help="folder of the powercap zones")
    values = options.parse_args()
    return run_meter("native", values, lambda: Native(values.powercap, values.gpu))


if __name__ == "__main__":
    sys.exit(main())
