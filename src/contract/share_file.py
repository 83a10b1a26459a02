"""shares/NN.json: what the machine that measures a share says of itself; the only word that its end is taken from."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Self, get_args

from src.contract.json_files import ContractError, read_object, take, write_json

SHARES = "shares"
"""The folder below the sweep's in which they lie."""

State = Literal["preparing", "measuring", "finished", "refused", "stopped"]
"""A share is refused where its machine cannot measure it, and stopped where it ended before its blocks did."""
ENDED: tuple[State, ...] = ("finished", "refused", "stopped")


@dataclass(frozen=True)
class ShareFile:
    """A share as its machine sees it at `updated_s` (epoch seconds).

    `reason` says why it ended early; `now` is what it does; `left_s` seconds are left, None where nobody can know;
    `host` holds the machine's facts.
    """

    share: int
    machine: str
    state: State
    updated_s: float
    now: str = ""
    left_s: float | None = None
    reason: str = ""
    host: dict[str, Any] = field(default_factory=dict)

    @property
    def ended(self) -> bool:
        """Whether its machine is done with it."""
        return self.state in ENDED

    def write(self, folder: Path) -> None:
        """Write it below a sweep's folder, atomically."""
        path = share_path(folder, self.share)
        path.parent.mkdir(exist_ok=True)
        write_json(path, dataclasses.asdict(self))

    @classmethod
    def read(cls, folder: Path, share: int) -> Self | None:
        """A share's file below a sweep's folder; None where its machine has not begun, or it cannot be read."""
        path = share_path(folder, share)
        try:
            values = read_object(path)
            texts = {name: take(values, name, str, str(path)) for name in ("machine", "state", "now", "reason")}
            left_s = values.get("left_s")
            if texts["state"] not in get_args(State):
                return None
            return cls(
                share=share,
                updated_s=take(values, "updated_s", float, str(path)),
                left_s=None if left_s is None else take(values, "left_s", float, str(path)),
                host=take(values, "host", dict, str(path)),
                **texts,  # type: ignore[arg-type]
            )
        except ContractError:
            return None


def share_folder(folder: Path, share: int) -> Path:
    """Where a share's own files lie."""
    return folder / SHARES / f"{share:03d}"


def share_path(folder: Path, share: int) -> Path:
    """Where a share's file lies."""
    return folder / SHARES / f"{share:03d}.json"
