"""The command line of `python -m src.ingest`: KEY=VALUE, typed, each mistake one line."""

from __future__ import annotations

import dataclasses
import difflib
import functools
import os
import re
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

from omegaconf import MISSING, DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from src.config.meanings import meanings
from src.contract.commands import override
from src.contract.record import EXPERIMENT_VARIABLE, IMPORTED_SWEEP
from src.errors import ConfigError

SEVERAL = re.compile(r"[^\s,]+(,[^\s,]+)+")
Options = TypeVar("Options")
EXAMPLE = "python -m src.ingest experiment=NAME framework=tf path=DIR"


@dataclass
class HardwareOptions:
    """The machine on which it was recorded."""

    name: str | None = None
    device: str | None = None


@dataclass
class ModelOptions:
    """The network that was trained."""

    name: str | None = None


@dataclass
class DatasetOptions:
    """What it learnt."""

    name: str | None = None
    train_size: int | None = None
    test_size: int | None = None


@dataclass
class TrainingOptions:
    """How it was trained."""

    epochs: int | None = None
    batch_size: int | None = None


@dataclass
class MeterOptions:
    """How to read the recordings."""

    # The energy columns to add up; empty recognises them.
    columns: list[str] = field(default_factory=list)
    # What makes J of Intel's counters; null recognises old EnergiBridge versions, whose counters have other units.
    scale: float | None = None


@dataclass
class IngestOptions:
    """Everything that may be said about a folder of recordings; only the first three must be."""

    # MLflow's experiment; where none is given, that of MLFLOW_EXPERIMENT_NAME.
    experiment: str = MISSING
    # What the runs are labelled with: any name; {folder}, {folder.2}, {file} and the factors of a run_table.csv are
    # filled in for each recording.
    framework: str = MISSING
    # A folder of CSVs (with the folders in it where the label has braces), one file, or a pattern of both.
    path: str = MISSING
    # Take recordings of several names as one treatment.
    one_treatment: bool = False
    # Take tables that were computed from recordings, too.
    derived: bool = False
    # MLflow's store; null takes MLFLOW_TRACKING_URI or MLflow's own default.
    tracking_uri: str | None = None
    # Runs of one sweep with the same iteration form a block.
    sweep: str = IMPORTED_SWEEP
    # Where the runs' folders are kept.
    output: str = "outputs/ingest"
    hardware: HardwareOptions = field(default_factory=HardwareOptions)
    model: ModelOptions = field(default_factory=ModelOptions)
    dataset: DatasetOptions = field(default_factory=DatasetOptions)
    training: TrainingOptions = field(default_factory=TrainingOptions)
    meter: MeterOptions = field(default_factory=MeterOptions)

    @functools.cached_property
    def name(self) -> str:
        """What this call is called, by which it can be taken back."""
        return f"{datetime.now():%Y-%m-%d_%H-%M-%S}_{uuid.uuid4().hex[:4]}"

    def facts(self) -> dict[str, Any]:
        """What describes the work and the machine, as groups of the configuration."""
        groups = ("hardware", "model", "dataset", "training")
        return {name: dataclasses.asdict(getattr(self, name)) for name in groups}


@dataclass
class WallOptions:
    """Everything that may be said about a wall meter's recording; only the first two must be."""

    # MLflow's experiment, whose runs are filed already.
    experiment: str = MISSING
    # The wall meter's CSV.
    path: str = MISSING
    # Only the runs of this sweep; null takes all.
    sweep: str | None = None
    # The column of the power or of the counter; null finds it by its name.
    column: str | None = None
    # Its unit: W, kW, J, kJ, Wh or kWh; null takes the one in the column's name.
    unit: str | None = None
    # The column of the time; null finds it by its name.
    time: str | None = None
    # What times without a zone are in, as Europe/Amsterdam; null takes this machine's.
    timezone: str | None = None
    # How far both clocks may differ.
    search_minutes: float = 10.0
    # What to add to the wall meter's clock; null finds it by the runs' power.
    offset_s: float | None = None
    # Put the energy of this file in place of another file's.
    replace: bool = False
    # MLflow's store; null takes MLFLOW_TRACKING_URI or MLflow's own default.
    tracking_uri: str | None = None
    # Where the runs' folders lie; the records that are there are added to.
    records: str = "multirun"


def parse(arguments: Sequence[str]) -> IngestOptions:
    """The options of a command line; raises ConfigError naming the argument and the remedy."""
    options = parse_as(IngestOptions, arguments, EXAMPLE)
    if SEVERAL.fullmatch(options.framework):
        raise ConfigError(
            f"framework={options.framework}: one call files one treatment, so give one command for each: "
            f"{_each(options)}; or each folder's recordings as its own with framework={{folder}}; if this is one name, "
            "write it with spaces after the commas"
        )
    return options


def _each(options: IngestOptions) -> str:
    """The commands to give instead."""
    names = options.framework.strip("[]").split(",")
    own = override("experiment", options.experiment)
    return " and ".join(f"`python -m src.ingest {own} {override('framework', n)} path=FOLDER-OF-{n}`" for n in names)


def parse_as(of: type[Options], arguments: Sequence[str], example: str) -> Options:
    """Arguments of the form KEY=VALUE as a dataclass; raises ConfigError naming the argument and the remedy."""
    config = OmegaConf.structured(of)
    for argument in arguments:
        key, separator, value = argument.partition("=")
        if not separator:
            raise ConfigError(f"'{argument}' is not of the form KEY=VALUE; write for example {example}")
        _set(config, key, value, known_keys(of))
    if OmegaConf.is_missing(config, "experiment") and (named := os.environ.get(EXPERIMENT_VARIABLE)):
        config.experiment = named
    missing = sorted(str(key) for key in OmegaConf.missing_keys(config))
    if missing:
        raise ConfigError(f"{', '.join(missing)}: not given; write for example {example}")
    options = OmegaConf.to_object(config)
    assert isinstance(options, of)
    return options


def usage() -> str:
    """All keys, one a line."""
    told = meanings(IngestOptions)
    keys = "\n".join(f"  {key + '=VALUE':<28} {told.get(key, '')}".rstrip() for key in known_keys())
    return (
        f"{EXAMPLE}\npython -m src.ingest undo=NAME experiment=NAME\n\n"
        f"File a folder of EnergiBridge's CSVs as runs, or take such an import back. Keys:\n{keys}"
    )


def known_keys(of: type = IngestOptions, prefix: str = "") -> list[str]:
    """Every key that may be set, dotted."""
    keys = []
    for entry in dataclasses.fields(of):
        group = entry.default_factory
        if isinstance(group, type) and dataclasses.is_dataclass(group):
            keys += known_keys(group, f"{entry.name}.")
        else:
            keys.append(prefix + entry.name)
    return keys


def _set(config: DictConfig, key: str, value: str, known: Sequence[str]) -> None:
    if key not in known:
        close = difflib.get_close_matches(key, known, n=1)
        meant = f"; did you mean {close[0]}?" if close else ""
        raise ConfigError(f"{key}: no such key{meant} There are: {', '.join(known)}")
    if value == "":
        raise ConfigError(f"{key}: nothing stands after the '='; write {key}=VALUE")
    try:
        OmegaConf.update(config, key, _value(key, value))
    except OmegaConfBaseException as error:
        raise ConfigError(f"{key}={value}: {str(error).splitlines()[0]}") from error


def _value(key: str, text: str) -> str | list[str] | None:
    """The text as it stands: a label such as `1` or `a, b` stays one; only lists and null are more.

    The quotes that Hydra wants around some texts are taken off, as they are on the other commands.
    """
    if len(text) > 2 and text[0] == text[-1] and text[0] in "'\"":
        text = text[1:-1]
    if key == "meter.columns":
        return [name.strip() for name in text.strip("[]").split(",") if name.strip()]
    return None if text == "null" else text
