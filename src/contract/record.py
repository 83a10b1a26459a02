"""Everything that is known about one run, as a file beside the run's others; no MLflow here.

`record.json` is written before MLflow is touched, so that a store which is down loses nothing.
"""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, NamedTuple, Self, TypeVar, get_args

from src.contract.flags import Flag, doubts
from src.contract.json_files import ContractError, read_object, take, texts, write_json
from src.contract.metrics import OF_TASK, OF_TRAINING, Metric

EXPERIMENT_VARIABLE = "MLFLOW_EXPERIMENT_NAME"
"""What names the experiment where no experiment=NAME does; conf/config.yaml says the same."""
VERSION = 2
RECORD_FILE = "record.json"
ENERGY_FILE = "energy.csv"
WEIGHTS_FILE = "weights.npz"
DRAFT_FILE = ".draft.json"
"""What is known of a run before it; it lies there until the record does."""

SINGLE = "single_"
"""How the tag `sweep` begins on a run that belongs to none."""

IMPORTED_UID = "imported/"
"""How `run_uid` begins on a run recorded elsewhere; the kind of energy does not tell, an estimate stays one."""

IMPORTED_SWEEP = "imported"
"""What a sweep of such runs is called where nobody named it."""

IMPORT = "import"
"""The tag that names the call which filed such a run."""
RECORDED = "recorded"
"""How the parameters of such runs begin that tell what the recording itself says of machine and meter."""

MACHINE = "machine"
"""The tag that names the machine which measured a run: a cluster's name of the node, or the host's."""
IDLE_BASELINE = "idle_baseline"
"""Tag that says when `idle_power_w`, which net energy is above, was measured: before the run's `block`, or before the
warm-up, at the `start`, as in all runs of before this was told."""

SYSTEM = "system/"
"""How the series begin that tell of the machine over time; MLflow's pages show them on a tab of their own."""
POWER_SERIES = f"{SYSTEM}power_usage_watts"
"""Power over time; its steps are milliseconds since the run began."""
OLD_POWER_SERIES = "power_trace_w"
"""The same in runs of before the machine's series stood together."""

REQUIRED_TAGS = ("treatment", "meter", "energy_kind", "status", "run_uid")

TOOLS_TAGS = frozenset(
    {
        *REQUIRED_TAGS,
        *(
            "framework",
            "sweep",
            "iteration",
            "position",
            "sequence",
            "kind",
            "error",
            "flags",
            IMPORT,
            MACHINE,
            IDLE_BASELINE,
        ),
        *("tool_version", "tool_commit", "tool_changed", "host", "command_line", "lock_sha256"),
        *("source_file", "interval_ms", "wraps", "wall_uid", "wall_file", "wall_offset_s"),
    }
)
TOOLS_TAG_PREFIXES = (
    "mlflow.",
    "joulebench.",
    "energy_kind.",
    "energy_columns.",
    "version.",
    "framework.",
    "recorded.",
)
"""Tags that tell what was measured, which nobody may give a run of their own."""

NO_PARAMETERS = (
    "run",
    "experiment",
    "tracking_uri",
    "analysis",
    "framework.environment",
    "framework.packages",
    "framework.requirements",
    "framework.trainer",
    "dataset.files",
    "dataset.mirrors",
    "hydra",
)
"""Parts of the configuration that say nothing about the work; config.yaml has them all."""

NAME = re.compile(r"(?!/)[\w./ :-]{1,250}")
"""Names that MLflow takes for metrics, parameters and tags."""
LONGEST_TAG = 4900
NAME_LENGTH = 250
"""Of an experiment, a sweep and a `run_uid`, by which they are searched for."""

Status = Literal["finished", "failed", "disturbed"]
"""A disturbed run was measured, and then measured again in the same place."""

EnergyKind = Literal["measured", "estimated", "replayed", "imported"]

GRAVE = frozenset(
    {
        *("gap", "jump", "standstill", "background_load", "long_rows", "truncated", "gpu_only"),
        *("left_processes", "exit_code"),
    }
)
"""Flags of before they said so themselves that cast doubt on a run's energy."""


class Point(NamedTuple):
    """One value of a series: its place on the x axis, when it was reached (epoch ms), and the value."""

    step: int
    time_ms: int
    value: float


@dataclass(frozen=True, kw_only=True)
class Run:
    """What is known of one run, wherever it is kept.

    Metrics carry their unit in their name; `described` says of those that the work itself told what they are.
    `factors` are the keys that a sweep went over, and this run's values. `windows` holds begin and end of each phase
    in seconds since the run's start, in the order they began. Of the tags, `run_uid` identifies the run within its
    experiment, and `sweep`, where there is one, names the sweep it belongs to.
    """

    name: str
    start_ms: int
    end_ms: int
    status: Status
    tags: dict[str, str]
    factors: dict[str, str] = field(default_factory=dict)
    flags: tuple[Flag, ...] = ()
    metrics: dict[str, float] = field(default_factory=dict)
    described: dict[str, Metric] = field(default_factory=dict)
    windows: dict[str, tuple[float, float]] = field(default_factory=dict)
    params: dict[str, str] = field(default_factory=dict)

    @property
    def uid(self) -> str:
        """What tells this run from all others of its experiment."""
        return self.tags["run_uid"]

    @property
    def own_metrics(self) -> dict[str, Metric]:
        """What the metrics of its own work are; in runs of before they said so, those of training."""
        return self.described or {metric.name: metric for metric in OF_TRAINING if metric.name in self.metrics}

    @property
    def sweep(self) -> str | None:
        """The sweep this run belongs to."""
        name = self.tags.get("sweep")
        return None if name is None or name.startswith(SINGLE) else name

    @property
    def machine(self) -> str | None:
        """The machine that measured it: its tag, or what the run says of its hardware where it has none."""
        return self.tags.get(MACHINE) or self.params.get("hardware.name")


@dataclass(frozen=True, kw_only=True)
class FiledRun(Run):
    """A run as a store gives it back; `run_id` finds its files there. Those of older stores have no `described`."""

    run_id: str


@dataclass(frozen=True, kw_only=True)
class RunRecord(Run):
    """What is to be filed about one run; `folder` holds the files that become its artifacts.

    `with_model` says that its weights are filed as a model, too. Raises ContractError where a tag is missing.
    """

    experiment: str
    folder: Path
    series: dict[str, list[Point]] = field(default_factory=dict)
    with_model: bool = False

    def __post_init__(self) -> None:
        missing = [tag for tag in REQUIRED_TAGS if not self.tags.get(tag)]
        if missing:
            raise ContractError(f"The record of {self.folder} lacks the tags {', '.join(missing)}; add them")

    def plain(self) -> dict[str, Any]:
        """As JSON takes it; the folder is where it lies."""
        values = {f.name: getattr(self, f.name) for f in dataclasses.fields(self) if f.name != "folder"}
        values["flags"] = [dataclasses.asdict(flag) for flag in self.flags]
        values["described"] = {name: metric.described() for name, metric in self.described.items()}
        return {**values, "version": VERSION}

    def write(self) -> Path:
        """Write record.json into the run's folder, atomically."""
        path = self.folder / RECORD_FILE
        write_json(path, self.plain())
        return path

    @classmethod
    def read(cls, folder: Path) -> Self:
        """The record of a folder, wherever it lies by now, of version 1 too; raises ContractError if none is whole."""
        path = folder / RECORD_FILE
        try:
            values = read_object(path)
        except ContractError as error:
            raise ContractError(f"{path} is no complete record of a run ({error}); measure that run again") from error
        return cls.of(values, folder, path)

    @classmethod
    def of(cls, values: dict[str, Any], folder: Path, path: Path) -> Self:
        """From what `plain` made of one, which stood in the file `path`; raises ContractError."""
        try:
            version = values.pop("version", None)
            if version == 1:
                values = _of_version_1(values)
            elif version != VERSION:
                raise ContractError(f"not of version {VERSION}")
            _check_types(values)
            values["series"] = {name: list(map(_point, points)) for name, points in values["series"].items()}
            values["flags"] = tuple(Flag.of(flag) for flag in values["flags"])
            values["described"] = {name: Metric.of(name, metric) for name, metric in values["described"].items()}
            values["windows"] = {name: (float(w[0]), float(w[1])) for name, w in values["windows"].items()}
            return cls(**values, folder=folder)
        except (ValueError, KeyError, TypeError, AttributeError, IndexError, OverflowError) as error:
            raise ContractError(f"{path} is no complete record of a run ({error}); measure that run again") from error

    def artifacts(self) -> list[Path]:
        """The run's own files, in order of their names: every visible file of its folder but the record.

        A link is no file of the run: what it points to may be anybody's.
        """
        return sorted(
            path
            for path in self.folder.iterdir()
            if path.is_file() and not path.is_symlink() and not path.name.startswith(".") and path.name != RECORD_FILE
        )


def headlines(runs: Iterable[Run]) -> list[Metric]:
    """The metrics that a summary of runs shows, in its order: the task's, then those of their own that ask for it."""
    own = {name: metric for run in runs for name, metric in run.own_metrics.items() if metric.headline}
    return [*OF_TASK, *own.values()]


def own_tag_problem(name: str, value: str) -> str:
    """Why a user's tag cannot stand beside the tool's; empty where it can."""
    if name in TOOLS_TAGS or name.startswith(TOOLS_TAG_PREFIXES):
        return "joulebench fills this tag itself; choose another name"
    if not NAME.fullmatch(name):
        return "a tag's name has at most 250 letters, digits and the characters _ . / : - and blank"
    if len(value) > LONGEST_TAG:
        return f"its value has {len(value)} characters; a store takes {LONGEST_TAG}"
    return ""


RunT = TypeVar("RunT", bound=Run)


def deciding(runs: Sequence[RunT]) -> list[RunT]:
    """Those of the finished runs whose numbers count: without a grave flag of their own."""
    return [run for run, codes in zip(runs, doubts([run.flags for run in runs]), strict=True) if not codes]


def old_flags(text: str) -> tuple[Flag, ...]:
    """The flags of a run of before they were kept apart: `code: text; code: text`."""
    parts = re.split(r"(?:^|; )([a-z_]+): ", text)[1:]
    return tuple(Flag(code, said, code in GRAVE) for code, said in zip(parts[::2], parts[1::2], strict=True))


def old_factors(treatment: str, framework: str) -> dict[str, str]:
    """The factors of a run of before they were kept: its label reads `framework key=value key=value`."""
    words = [word.partition("=") for word in treatment.split()]
    swept = {key: value for key, sign, value in words if sign}
    return ({"framework": framework} if words and not words[0][1] else {}) | swept


def _of_version_1(values: dict[str, Any]) -> dict[str, Any]:
    tags = values["tags"]
    flags = [dataclasses.asdict(flag) for flag in old_flags(tags.get("flags", ""))]
    factors = old_factors(tags.get("treatment", ""), tags.get("framework", ""))
    return {**values, "flags": flags, "factors": factors, "described": {}, "windows": {}}


def _check_types(values: Mapping[str, Any]) -> None:
    for name in ("name", "experiment"):
        take(values, name, str, RECORD_FILE)
    for name in ("start_ms", "end_ms"):
        take(values, name, int, RECORD_FILE)
    if values.get("status") not in get_args(Status):
        raise ContractError(f"`status` is {values.get('status')!r:.80}")
    for name in ("tags", "factors", "params"):
        texts(list(take(values, name, dict, RECORD_FILE).values()), f"`{name}`")
    take({"with_model": False, **values}, "with_model", bool, RECORD_FILE)
    metrics = take(values, "metrics", dict, RECORD_FILE)
    for name in metrics:
        take(metrics, name, float, "`metrics`")
    _check_names(values)


def _check_names(values: Mapping[str, Any]) -> None:
    """Refuse what no store takes, here where only this run is concerned."""
    for kind in ("tags", "params", "metrics", "series"):
        bad = next((name for name in values[kind] if not NAME.fullmatch(name)), None)
        if bad is not None:
            raise ContractError(f"`{kind}` has the name {bad!r:.80}, which no store takes")
    named = {"experiment": values["experiment"]}
    searched = {key: values["tags"].get(key, key) for key in ("sweep", "run_uid")}
    for key, name in (named | searched).items():
        if not 0 < len(name) <= NAME_LENGTH:
            raise ContractError(f"`{key}` is {name!r:.80}; it must have 1 to {NAME_LENGTH} characters")
        if key in searched and "'" in name:
            raise ContractError(f"`{key}` is {name!r:.80}; a name with a quote cannot be searched for")


def _point(values: Any) -> Point:
    named = dict(zip(Point._fields, values, strict=True))
    step, time_ms = (take(named, name, int, "a point of `series`") for name in ("step", "time_ms"))
    return Point(step, time_ms, take(named, "value", float, "a point of `series`"))


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
