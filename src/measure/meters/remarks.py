"""What a meter says of its own numbers: told by its program before a run, or left beside the recording after it."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from src.contract.flags import Flag
from src.contract.json_files import read_object, take, texts, write_json


@dataclass(frozen=True)
class Remarks:
    """Flags for the run, and the columns of its recording that are wrong and count for nothing."""

    flags: tuple[Flag, ...] = ()
    left_out: tuple[str, ...] = ()

    def __add__(self, other: Remarks) -> Remarks:
        return Remarks((*self.flags, *other.flags), (*self.left_out, *other.left_out))

    def __bool__(self) -> bool:
        return bool(self.flags or self.left_out)

    def write(self, recording: Path) -> None:
        """Leave them beside a recording, atomically."""
        write_json(remarks_file(recording), dataclasses.asdict(self))

    @classmethod
    def beside(cls, recording: Path) -> Self:
        """Those of a recording; none where its meter had nothing to say. Raises ContractError."""
        path = remarks_file(recording)
        if not path.exists():
            return cls()
        values = read_object(path)
        flags = take(values, "flags", list, str(path))
        return cls(tuple(Flag.of(flag) for flag in flags), tuple(texts(values.get("left_out"), f"{path}: `left_out`")))


NONE = Remarks()


def remarks_file(recording: Path) -> Path:
    """Where they lie: `energy.remarks.json` beside `energy.csv`."""
    return recording.with_suffix(".remarks.json")
