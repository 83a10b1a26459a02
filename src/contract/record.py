"""Everything that is filed about one run, as a file beside the run's others; no MLflow here.

`record.json` is written before MLflow is touched, so that a store which is down loses nothing.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, NamedTuple, Self

from src.contract.run_files import write_json
from src.errors import TrackError

VERSION = 1
RECORD_FILE = "record.json"

SINGLE = "single_"
"""How the tag `sweep` begins on a run that belongs to none."""

IMPORTED_UID = "imported/"
"""How `run_uid` begins on a run recorded elsewhere; the kind of energy does not tell, an estimate stays one."""

IMPORTED_SWEEP = "imported"
"""What a sweep of such runs is called where nobody named it."""

REQUIRED_TAGS = ("framework", "treatment", "meter", "energy_kind", "status", "run_uid")

NO_PARAMETERS = (
    "run",
    "experiment",
    "tracking_uri",
    "analysis",
    "framework.environment",
    "framework.requirements",
    "framework.trainer",
    "dataset.files",
    "dataset.mirrors",
    "hydra",
)
"""Parts of the configuration that say nothing about the work; config.yaml has them all."""

Status = Literal["finished", "failed"]


class Point(NamedTuple):
    """One value of a series: its place on the x axis, when it was reached (epoch ms), and the value."""

    step: int
    time_ms: int
    value: float


@dataclass(frozen=True, kw_only=True)
class RunRecord:
    """What is filed about one run; `folder` holds the files that become its artifacts.

    Metrics carry their unit in their name. Of the tags, `run_uid` identifies the run within its experiment,
    and `sweep`, where there is one, names the sweep it belongs to. Raises TrackError where a tag is missing.
    """

    name: str
    experiment: str
    start_ms: int
    end_ms: int
    status: Status
    folder: Path
    tags: dict[str, str]
    metrics: dict[str, float] = field(default_factory=dict)
    series: dict[str, list[Point]] = field(default_factory=dict)
    params: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        missing = [tag for tag in REQUIRED_TAGS if not self.tags.get(tag)]
        if missing:
            raise TrackError(f"The record of {self.folder} lacks the tags {', '.join(missing)}; add them")

    @property
    def uid(self) -> str:
        """What tells this run from all others of its experiment."""
        return self.tags["run_uid"]

    @property
    def sweep(self) -> str | None:
        """The sweep this run belongs to."""
        name = self.tags.get("sweep")
        return None if name is None or name.startswith(SINGLE) else name

    def write(self) -> Path:
        """Write record.json into the run's folder, atomically."""
        path = self.folder / RECORD_FILE
        values = {f.name: getattr(self, f.name) for f in dataclasses.fields(self) if f.name != "folder"}
        write_json(path, {**values, "version": VERSION})
        return path

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Read the record of a folder, wherever it lies by now; raises TrackError where none is whole."""
        path = folder / RECORD_FILE
        try:
            values = json.loads(path.read_text(encoding="utf-8"))
            if values.pop("version") != VERSION:
                raise ValueError(f"not of version {VERSION}")
            values["series"] = {name: [Point(*p) for p in points] for name, points in values["series"].items()}
            return cls(**values, folder=folder)
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise TrackError(f"{path} is no complete record of a run ({error}); measure that run again") from error

    def artifacts(self) -> list[Path]:
        """The run's own files, in order of their names: every visible file of its folder but the record."""
        return sorted(
            path
            for path in self.folder.iterdir()
            if path.is_file() and not path.name.startswith(".") and path.name != RECORD_FILE
        )


def run_name(treatment: str, iteration: int, attempt: int = 0) -> str:
    """What MLflow's pages call a run, e.g. `torch #03`; a retry says so."""
    retry = f" retry {attempt}" if attempt else ""
    return f"{treatment} #{iteration:02d}{retry}"


def flatten(config: Mapping[str, Any], leave_out: Sequence[str] = NO_PARAMETERS) -> dict[str, str]:
    """Dotted keys and short texts for MLflow's parameters.

    What is empty or unset is left out, and every key in `leave_out` with all below it. Lists become compact
    JSON, without what is unset within them.
    """
    return dict(_flat(config, "", frozenset(leave_out)))


def _flat(values: Mapping[str, Any], prefix: str, leave_out: frozenset[str]) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for name, value in values.items():
        key = f"{prefix}{name}"
        if key in leave_out or _is_unset(value):
            continue
        if isinstance(value, Mapping):
            found += _flat(value, f"{key}.", leave_out)
        else:
            found.append((key, _text(value)))
    return found


def _is_unset(value: Any) -> bool:
    return value is None or (not isinstance(value, int | float) and len(value) == 0)


def _text(value: Any) -> str:
    if isinstance(value, Sequence) and not isinstance(value, str):
        return json.dumps([_without_unset(item) for item in value], separators=(",", ":"), ensure_ascii=False)
    return str(value)


def _without_unset(item: Any) -> Any:
    if isinstance(item, Mapping):
        return {key: value for key, value in item.items() if value is not None}
    return item
