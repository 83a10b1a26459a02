"""The typed configuration: one dataclass per group of `conf/`, in the order a run uses them.

Hydra checks every key and type against these before anything else happens, and `src.config.check` the rules beside
them (`src.rules`). A default stands here only where it is honest for everybody; all others stand in `conf/`.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated, Any, cast

from hydra.core.config_store import ConfigStore
from omegaconf import MISSING, DictConfig, OmegaConf
from omegaconf.errors import ConfigKeyError

from src.analysis.settings import AnalysisConfig
from src.config.cpus import usable_cpus
from src.config.meanings import key_help
from src.measure.meters import energibridge, estimate, native, replay
from src.rules import ABOVE_ZERO, UNIQUE, Rule, at_least, one_of, within
from src.workloads.command.command_line import CommandConfig
from src.workloads.hardware import HardwareConfig
from src.workloads.inference.inference_settings import InferenceConfig
from src.workloads.training.data.dataset import DatasetConfig
from src.workloads.training.training_settings import FrameworkConfig, ModelConfig, TrainingConfig

EXPERIMENT = Rule(
    "a name without '/'",
    lambda value: bool(value.strip()) and "/" not in value,
)

ITERATIONS, PRECISION = "iterations", "precision"
WARN, STRICT, OFF = "warn", "strict", "off"
FIXED, STEADY, TEMPERATURE = "fixed", "steady", "temperature"


class Order(StrEnum):
    """How the treatments are ordered within a block."""

    shuffled = "shuffled"
    balanced = "balanced"
    fixed = "fixed"


@dataclass
class ProtocolConfig:
    """How a sweep measures."""

    # What the protocol is called; a report takes `study` before the others.
    name: str = MISSING
    # Blocks; each holds every treatment once.
    iterations: Annotated[int, at_least(1)] = MISSING
    # iterations | precision: measure all blocks, or stop at a look where every pair's verdict is settled or its
    # interval narrow. The looks are set beforehand, and what they may err adds up to analysis.alpha.
    stop: Annotated[str, one_of(ITERATIONS, PRECISION)] = ITERATIONS
    # Before so many blocks nobody looks.
    minimum_iterations: Annotated[int, at_least(2)] = 10
    # How wide, from end to end, a narrow interval of a ratio is, in percent.
    precision_percent: Annotated[float, ABOVE_ZERO] = 5.0
    # shuffled | balanced | fixed: in which order each block runs the treatments.
    order: Order = MISSING
    # Decides the order within the blocks.
    seed: int = MISSING
    # Full load on all cores, once before the first run.
    warmup_s: Annotated[float, at_least(0)] = MISSING
    # fixed | steady: warm up for all of warmup_s, or end earlier, when power and temperature have been steady for a
    # minute.
    warmup: Annotated[str, one_of(FIXED, STEADY)] = FIXED
    # A steady warm-up ends no earlier.
    warmup_minimum_s: Annotated[float, at_least(0)] = 60.0
    # Measured rest before the warm-up; gives the idle power of runs before whose block none was measured. 0 leaves it
    # out.
    baseline_s: Annotated[float, at_least(0)] = MISSING
    # Rest between two runs.
    idle_s: Annotated[float, at_least(0)] = MISSING
    # fixed | temperature: rest for idle_s, or longer, until the package (and the GPU of hardware=cuda) is at most
    # rest_margin_c warmer than when the first run began, which then rests after the warm-up, too.
    rest: Annotated[str, one_of(FIXED, TEMPERATURE)] = FIXED
    # How much warmer than at the first run a rest by temperature may end, in degrees.
    rest_margin_c: Annotated[float, ABOVE_ZERO] = 2.0
    # The longest rest; a run that begins too warm after it is flagged.
    rest_max_s: Annotated[float, ABOVE_ZERO] = 300.0
    # How often a failed run is tried again at the end of its block.
    retries: Annotated[int, at_least(0)] = MISSING
    # A run that takes longer is ended and counts as failed.
    timeout_s: Annotated[float, ABOVE_ZERO] = MISSING
    # What others may use of the processor while a run is measured; above it the run is flagged, and measured again at
    # the end of its block as long as there are retries.
    max_foreign_cpu_share: Annotated[float, within(0, 1)] = 0.05
    # warn | strict | off: look at the machine where a sweep begins and ends, as `python -m src.doctor` does, and say
    # what to be careful about; strict refuses to begin where it is not fit to measure.
    preflight: Annotated[str, one_of(WARN, STRICT, OFF)] = WARN
    # Measure although another sweep is being measured on this machine; for tests of the tool itself.
    allow_concurrent: bool = False
    # How many machines share the blocks, each with its own baseline and warm-up; needs a launcher of a cluster.
    machines: Annotated[int, at_least(1)] = 1
    # The blocks that this machine measures when several are started by hand: 2/4 is the second of four shares.
    share: str | None = None
    # How often all of it is measured, one sweep after the other, baseline and warm-up anew; tells what one cannot know.
    sweeps: Annotated[int, at_least(1)] = 1
    # End after each sweep and ask for a reboot; resume goes on after it.
    reboot: bool = False


@dataclass(kw_only=True)
class MeterConfig(energibridge.Settings, native.Settings, estimate.Settings, replay.Settings):
    """What measures, and how often; the meters' own keys stand in their files."""

    # auto | energibridge | native | estimate | replay: what measures.
    name: str = MISSING
    # Milliseconds between two samples. No meter keeps up with shorter ones, and longer ones leave nothing to see of a
    # run's phases.
    interval_ms: Annotated[int, within(10, 10_000)] = MISSING
    # The energy columns to add up; empty recognises them. Parts of a named package are told, but not added.
    columns: Annotated[list[str], UNIQUE] = field(default_factory=list)
    # Meters that record the same runs beside it, to be compared with it; the first one's energy counts.
    also: Annotated[list[str], UNIQUE] = field(default_factory=list)
    # Settings of a meter that has no keys here; its own dataclass types and checks them.
    options: dict[str, Any] = field(default_factory=dict)


@dataclass
class WorkloadConfig(CommandConfig):
    """What is measured; all but `kind` is about commands."""

    # training | inference | command: a folder of src/workloads.
    kind: str = MISSING


@dataclass
class TrackConfig:
    """What is filed with the runs beside what was measured."""

    # Your own tags, on every run and on the sweep: track.tags.note=hello
    tags: dict[str, str] = field(default_factory=dict)
    # A training's weights are kept and filed where they take at most so many megabytes; 0 keeps none.
    weights_max_mb: Annotated[float, at_least(0)] = 10.0
    # File them as a model, too, which mlflow.pyfunc.load_model loads wherever there are MLflow and NumPy.
    model: bool = False


@dataclass
class Config:
    """The whole configuration of one treatment; the groups that its workload does not have are None."""

    # MLflow's experiment.
    experiment: Annotated[str, EXPERIMENT] = MISSING
    # What `experiment=NAME` of a command line sets (src/config/command_words.py); it comes before that of any file.
    experiment_name: str | None = None
    # MLflow's store; null takes MLFLOW_TRACKING_URI or MLflow's own default.
    tracking_uri: str | None = None
    # A stopped sweep to go on with: latest, or its folder.
    resume: str | None = None
    # Show the plan and what is missing; nothing is measured, and nothing written.
    dry_run: bool = False
    workload: WorkloadConfig = MISSING
    framework: FrameworkConfig | None = None
    model: ModelConfig | None = None
    dataset: DatasetConfig | None = None
    training: TrainingConfig | None = None
    inference: InferenceConfig | None = None
    protocol: ProtocolConfig = MISSING
    hardware: HardwareConfig = MISSING
    meter: MeterConfig = MISSING
    analysis: AnalysisConfig = MISSING
    track: TrackConfig = field(default_factory=TrackConfig)


def register() -> None:
    """Make the schema and the project's resolvers known to Hydra; may be called again."""
    OmegaConf.register_new_resolver("usable_cpus", usable_cpus, replace=True)
    OmegaConf.register_new_resolver("key_help", key_help, replace=True)
    node = OmegaConf.structured(Config)
    OmegaConf.set_struct(node.track.tags, value=False)  # whose names are the user's: no plus is needed
    ConfigStore.instance().store(name="schema", node=node)


def typed(cfg: DictConfig) -> Config:
    """The composed configuration as dataclasses, every interpolation resolved.

    Raises OmegaConf's own errors for keys that were added with `+` and for values that are missing.
    """
    own = without_hydra(cfg)
    if OmegaConf.get_type(own, "workload") is dict:  # a run's own config.yaml, which has no types
        own = cast("DictConfig", OmegaConf.merge(OmegaConf.structured(Config), own))
    refuse_additions(own)
    return resolved(own)


def resolved(own: DictConfig) -> Config:
    """The same of a project's own part that has types, and whose keys are known to be the schema's."""
    nodes = {f.name: own[f.name] for f in dataclasses.fields(Config)}
    values: dict[str, Any] = {k: OmegaConf.to_object(n) if OmegaConf.is_config(n) else n for k, n in nodes.items()}
    named = values.pop("experiment_name")
    return Config(**values if named is None else {**values, "experiment": named})


def without_hydra(cfg: DictConfig) -> DictConfig:
    """The project's own part of what Hydra composed: a small one, and cheap to copy."""
    if "hydra" not in cfg:
        return cfg
    own = OmegaConf.masked_copy(cfg, [str(key) for key in cfg if key != "hydra"])
    OmegaConf.set_struct(own, True)
    return own


def refuse_additions(node: DictConfig, schema: type = Config, prefix: str = "") -> None:
    """Raise ConfigKeyError for a key that the schema lacks; `+key=value` gets past OmegaConf's own check."""
    known = {f.name for f in dataclasses.fields(schema)}
    for key in map(str, node):
        if key not in known:
            error = ConfigKeyError(f"Key '{key}' not in '{schema.__name__}'")
            error.full_key = prefix + key
            raise error
        kind = OmegaConf.get_type(node, key)
        if kind is not None and dataclasses.is_dataclass(kind) and isinstance(kind, type):
            refuse_additions(node[key], kind, f"{prefix}{key}.")
