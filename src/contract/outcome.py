"""outcome.json: what a measured program tells of its own work, in metrics that describe themselves.

A program writes it to the file that the variable JOULEBENCH_OUTCOME names:
`{"metrics": {"accuracy": {"value": 0.98, "unit": "1", "title": "Test accuracy", "better": "higher"}}}`. Only `value`
must be there. One that failed may say why instead: `{"error": "the disk is full"}`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from src.contract.json_files import ContractError, read_object, take, write_json
from src.contract.metrics import OF_TRAINING, Metric

OUTCOME_FILE = "outcome.json"
OUTCOME_VARIABLE = "JOULEBENCH_OUTCOME"
OLD_RESULT_FILE = "result.json"
VERSION = 2

NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,99}")
"""Names that MLflow takes for metrics."""

OLD_FACTS = ("framework", "device", "threads", "affinity", "versions", "shapes")


class WorkError(ContractError):
    """The measured program itself says why it has no results."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What a run came to: `values` and what they are by name, `series` (say, a loss an epoch), `facts` to check.

    `facts` are whatever the workload's own program tells its workload (the framework's versions, the device).
    `per_unit` names a metric that is the task's energy divided by a count of what was done, and that count.
    """

    values: dict[str, float] = field(default_factory=dict)
    metrics: dict[str, Metric] = field(default_factory=dict)
    series: dict[str, list[float]] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)
    per_unit: tuple[Metric, float] | None = None

    def write(self, path: Path) -> None:
        """Write the outcome atomically."""
        metrics = {name: {"value": self.values[name], **metric.described()} for name, metric in self.metrics.items()}
        values = {"version": VERSION, "metrics": metrics, "series": self.series, "facts": self.facts}
        if self.per_unit is not None:
            metric, count = self.per_unit
            values["per_unit"] = {"name": metric.name, "count": count, **metric.described()}
        write_json(path, values)

    @classmethod
    def read(cls, folder: Path) -> Self:
        """The outcome of a run's folder, of version 1 (`result.json`) too; raises ContractError, of it WorkError."""
        path = folder / OUTCOME_FILE
        if not path.exists() and (folder / OLD_RESULT_FILE).exists():
            return cls(**_of_version_1(read_object(folder / OLD_RESULT_FILE)))
        values = read_object(path, told=True)
        if values.get("version", VERSION) != VERSION:
            raise ContractError(f"{path} is not of version {VERSION}; make it again with this project's version")
        if "error" in values:
            raise WorkError(take(values, "error", str, str(path)))
        described = take({"metrics": {}, **values}, "metrics", dict, str(path))
        numbers = {name: _value(name, metric, path) for name, metric in described.items()}
        metrics = {name: Metric.of(name, metric) for name, metric in described.items()}
        for name, metric in metrics.items():
            _check_share(name, numbers[name], metric, path)
        return cls(
            values=numbers,
            metrics=metrics,
            series=_series(take({"series": {}, **values}, "series", dict, str(path)), path),
            facts=take({"facts": {}, **values}, "facts", dict, str(path)),
            per_unit=_per_unit(values["per_unit"], path) if values.get("per_unit") is not None else None,
        )


def write_failure(path: Path, reason: str) -> None:
    """Write, atomically, why there is no outcome; `Outcome.read` raises it."""
    write_json(path, {"version": VERSION, "error": reason})


def _per_unit(values: Any, path: Path) -> tuple[Metric, float]:
    if not isinstance(values, Mapping):
        raise ContractError(f"{path}: `per_unit` is {values!r:.80}, not an object")
    name = take(values, "name", str, f"{path}: `per_unit`")
    count = _value(name, {"value": values.get("count")}, path)
    if count <= 0:
        raise ContractError(f"{path}: `per_unit` counts {count:g} units; it must be above 0")
    return Metric.of(name, values), count


def _value(name: str, metric: Any, path: Path) -> float:
    if not NAME.fullmatch(name):
        raise ContractError(f"{path}: {name!r:.80} is no name for a metric; use letters, digits, `_`, `.` and `-`")
    if not isinstance(metric, Mapping):
        raise ContractError(f"{path}: metric `{name}` is {metric!r:.80}, not an object with a `value`")
    return _number(metric, f"{path}: metric `{name}`")


def _check_share(name: str, value: float, metric: Metric, path: Path) -> None:
    if name == "accuracy" and metric.unit == "1" and not 0 <= value <= 1:
        raise ContractError(f"{path}: `accuracy` is {value:g}, which is no share of 1; give it the unit % if it is one")


def _number(values: Mapping[str, Any], where: str) -> float:
    value = take(values, "value", float, where)
    if not math.isfinite(value):
        raise ContractError(f"{where} is {value}; a run whose results are no numbers does not count")
    return value


def _series(series: dict[Any, Any], path: Path) -> dict[str, list[float]]:
    found = {}
    for name, points in series.items():
        if not isinstance(points, list) or not NAME.fullmatch(str(name)):
            raise ContractError(f"{path}: series {name!r:.80} is no list of numbers under a plain name")
        found[str(name)] = [_number({"value": point}, f"{path}: series `{name}`") for point in points]
    return found


def _of_version_1(values: Mapping[str, Any]) -> dict[str, Any]:
    """The five numbers of image training, which were all that a result could hold."""
    where = OLD_RESULT_FILE
    described = {
        **{metric.name: metric for metric in OF_TRAINING},
        "peak_memory_bytes": Metric("peak_memory_bytes", "B", "Peak memory", "lower"),
        "parameter_count": Metric("parameter_count", "1", "Parameters"),
    }
    return {
        "values": {name: take(values, name, float, where) for name in described},
        "metrics": described,
        "series": _series({"train_loss": take(values, "train_loss", list, where)}, Path(where)),
        "facts": {name: values[name] for name in OLD_FACTS if name in values},
    }
