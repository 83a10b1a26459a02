"""Which meter a run uses, found out by trying: one works if its energy moves during a short command."""

from __future__ import annotations

import dataclasses
import importlib
import os
import pkgutil
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, Protocol, cast

from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from src.contract.json_files import ContractError
from src.contract.record import EnergyKind
from src.errors import ConfigError, EnergyError, MeterError
from src.measure import meters
from src.measure.domains import PARTS
from src.measure.energy import Energy, whole_file
from src.measure.environment import worker_environment
from src.measure.launch import launch
from src.measure.meters.processor import packages
from src.measure.meters.program import MeterModule, Program
from src.measure.meters.remarks import NONE, Remarks
from src.measure.meters.remedies import real_cause, sample_too_slow
from src.measure.recording import Recording, read_recording
from src.paths import ROOT
from src.rules import check_fields

OPTIONS = "meter.options"
AUTO = ("energibridge", "native", "estimate")
AUTO_OF_SERVERS = ("native", "energibridge", "estimate")
"""EnergiBridge reads one package, so with several of them it comes after what reads all."""
NO_SECOND = {
    "auto": "a second meter has to be named",
    "replay": "what it serves was not recorded in the same run",
}
"""What cannot record beside another meter, and why."""
PROBE_S = 0.5
PROBE_TIMEOUT_S = 20.0


class MeterConfig(Protocol):
    """What every meter needs of the `meter` group, and a place for what only one of them knows."""

    @property
    def name(self) -> str: ...
    @property
    def interval_ms(self) -> int: ...
    @property
    def columns(self) -> Sequence[str]: ...
    @property
    def also(self) -> Sequence[str]: ...
    @property
    def options(self) -> Mapping[str, Any]: ...


@dataclass(frozen=True)
class Meter:
    """A meter that was tried on this machine. `rejected` says why `auto` did not take the ones before it.

    `also` are those that record the same runs beside it. `domains` are those whose energy it told when it was tried and
    added up; cores are within their package.
    """

    name: str
    energy_kind: EnergyKind
    description: str
    version: str
    program: tuple[str, ...]
    interval_ms: int
    columns: tuple[str, ...]
    gpu: bool
    remedy: str
    rejected: tuple[str, ...] = ()
    remarks: Remarks = NONE
    also: tuple[Meter, ...] = ()
    domains: tuple[str, ...] = ()

    @property
    def lacks_processor(self) -> bool:
        """Whether it was found to tell the energy of a GPU, and not that of the processor."""
        return "gpu" in self.domains and not {"package", "system", "other"} & set(self.domains)

    @property
    def hidden_gpus(self) -> tuple[str, ...]:
        """How the columns of GPUs begin that it records, but a run may not see: `GPU1_`."""
        return tuple(f"{name.partition('_')[0]}_" for name in self.remarks.left_out if name.startswith("GPU"))

    def command(self, out: Path, worker_command: Sequence[str]) -> list[str]:
        """The command line that runs the worker under this meter, its samples going to `out`."""
        gpu = ["-g"] if self.gpu else []
        return [*self.program, "-o", str(out), "-i", str(self.interval_ms), *gpu, "--", *worker_command]

    def recorded(self, out: Path) -> Recording:
        """What it left in `out`, flagged with its remarks and without the columns that they leave out.

        Raises EnergyError.
        """
        try:
            recording, remarks = read_recording(out), self.remarks + Remarks.beside(out)
        except ContractError as error:
            raise EnergyError(str(error)) from error
        kept = {name: values for name, values in recording.columns.items() if name not in remarks.left_out}
        return dataclasses.replace(recording, columns=kept, flags=(*recording.flags, *remarks.flags))

    def remedy_of(self, said: str) -> str:
        """What to do where it left no recording; `said` is what it said."""
        return real_cause(said) or self.remedy


def select_meter(config: MeterConfig, gpu: bool) -> Meter:
    """The meter that `config.name` asks for, tried out, and those of `config.also` beside it.

    `auto` takes the first of AUTO that works.

    On a machine of several packages that is AUTO_OF_SERVERS. With `gpu` it must report a GPU's energy too. Raises
    MeterError, saying what to do, where it does not work, and ConfigError where the settings make no sense. Takes about
    a second for each meter tried.
    """
    check_options(config)
    first = _select_first(config, gpu)
    return dataclasses.replace(first, also=tuple(_select_second(name, first, config, gpu) for name in config.also))


def _select_second(name: str, first: Meter, config: MeterConfig, gpu: bool) -> Meter:
    """One of `config.also`, tried out; `config.columns` are the first meter's."""
    if name in NO_SECOND or name == first.name:
        why = NO_SECOND.get(name, "it is the first meter already")
        raise ConfigError(f"meter.also={name}: {why}; name another one, or leave it out with 'meter.also=[]'")
    try:
        meter = tried(make_meter(name, config, gpu, columns=()))
        if meter.lacks_processor and not first.lacks_processor:
            raise MeterError(f"it measures the GPU, but not the processor, as {first.name} does")
    except MeterError as error:
        raise MeterError(f"meter.also={name}: {error}") from error
    return meter


def _select_first(config: MeterConfig, gpu: bool) -> Meter:
    if config.name != "auto":
        return tried(make_meter(config.name, config, gpu))
    rejected: list[str] = []
    for name in AUTO_OF_SERVERS if packages() > 1 else AUTO:
        try:
            meter = tried(make_meter(name, config, gpu))
            if meter.lacks_processor:
                raise MeterError("it measures the GPU, but not the processor")
        except MeterError as error:
            rejected.append(f"{name}: {error}")
        else:
            return dataclasses.replace(meter, rejected=tuple(rejected))
    raise MeterError("no meter works on this machine:\n" + "\n".join(rejected))


def make_meter(name: str, config: MeterConfig, gpu: bool, columns: Sequence[str] | None = None) -> Meter:
    """One meter by name, not tried yet; it counts `columns`, where they are given, instead of `config.columns`."""
    module = find_module(name)
    program = module.program(settings_of(module, config), gpu)
    counted = tuple(config.columns if columns is None else columns)
    _refuse_left_out(counted, program)
    return Meter(
        name,
        program.energy_kind,
        program.description,
        program.version,
        program.argv,
        config.interval_ms,
        counted,
        gpu,
        program.remedy,
        remarks=program.remarks,
    )


def _refuse_left_out(columns: Sequence[str], program: Program) -> None:
    """Raise ConfigError where `meter.columns` names what cannot be right on this machine."""
    for column in columns:
        if column in program.remarks.left_out:
            why = "; ".join(flag.text for flag in program.remarks.flags if column in flag.text)
            raise ConfigError(f"meter.columns names `{column}`, but {why}; leave it out")


def find_module(name: str, key: str = "meter.name") -> MeterModule:
    """The module of a meter; raises ConfigError for its `key`, naming those that there are, where it is none."""
    if name in _module_names() and hasattr(module := _import(name), "program"):
        return cast(MeterModule, module)
    known = [other for other in _module_names() if hasattr(_import(other), "program")]
    auto = "auto, " if key == "meter.name" else ""
    raise ConfigError(f"{key}={name} is unknown; use one of {auto}{', '.join(known)}")


def settings_of(module: MeterModule, config: MeterConfig) -> Any:
    """The meter's own settings: the group's keys, and of `meter.options` those that it knows, typed and checked."""
    own = _own_options(module, config)
    shared = {field.name: getattr(config, field.name) for field in _fields(module) if field.name not in own}
    given = {key: value for key, value in config.options.items() if key in own}
    place = OmegaConf.create({"meter": {"options": OmegaConf.structured(module.Settings)}})
    try:
        place.merge_with({"meter": {"options": shared | given}})
        settings = OmegaConf.to_object(place.meter.options)
    except OmegaConfBaseException as error:
        raise ConfigError(f"{error.full_key}: {str(error).splitlines()[0]}") from error
    check_fields(settings, OPTIONS)
    return settings


def check_options(config: MeterConfig) -> None:
    """Raise ConfigError for a key of `meter.options` that no meter which may be taken knows."""
    modules = [find_module(name) for name in (AUTO if config.name == "auto" else [config.name])]
    modules += [find_module(name, "meter.also") for name in config.also if name not in NO_SECOND]
    known = sorted({key for module in modules for key in _own_options(module, config)})
    for key in config.options:
        if key not in known:
            raise ConfigError(
                f"{OPTIONS}.{key}: no such key; meter={config.name} has {', '.join(known) or 'none of its own'}"
            )


def tried(meter: Meter) -> Meter:
    """The meter with the domains that it told in a trial run; raises MeterError as `probe` does."""
    told = probe(meter).domains_j
    return dataclasses.replace(meter, domains=tuple(domain for domain in told if domain not in PARTS))


def probe(meter: Meter) -> Energy:
    """Run a short command under the meter; raises MeterError unless it records energy that moves."""
    sleep_s = max(PROBE_S, 2.5 * meter.interval_ms / 1000)
    command = [sys.executable, "-c", f"import time; time.sleep({sleep_s})"]
    with tempfile.TemporaryDirectory() as name:
        csv, log = Path(name) / "probe.csv", Path(name) / "probe.log"
        environment = worker_environment(os.environ, {}, ROOT)
        ending = launch(meter.command(csv, command), log, environment, PROBE_TIMEOUT_S + sleep_s)
        said = ending.error or log.read_text(encoding="utf-8", errors="replace").strip() or "nothing"
        if ending.ending == "timeout":
            raise MeterError(f"it hung for {PROBE_TIMEOUT_S:.0f} s on a trial run and said: {said}")
        if not csv.exists():
            raise MeterError(f"a trial run gave no recording. It said:\n{said}\n{meter.remedy_of(said)}".strip())
        if ending.returncode:
            slow = sample_too_slow(said, meter.interval_ms)
            why = f": {slow}. It" if slow else " and"
            raise MeterError(f"a trial run ended with exit code {ending.returncode}{why} said:\n{said}")
        try:
            energy = whole_file(meter.recorded(csv), meter.columns)
        except EnergyError as error:
            raise MeterError(f"a trial run gave no energy: {error}. It said:\n{said}") from error
    if meter.gpu and "gpu" not in energy.domains_j:
        raise MeterError("it reports no GPU's energy, but the run uses one (hardware.device)")
    return energy


def _fields(module: MeterModule) -> tuple[dataclasses.Field[Any], ...]:
    return dataclasses.fields(cast(Any, module.Settings))


def _own_options(module: MeterModule, config: MeterConfig) -> list[str]:
    """The meter's settings that are no key of the group: they stand in `meter.options`."""
    return [field.name for field in _fields(module) if not hasattr(config, field.name)]


def _module_names() -> list[str]:
    return sorted(info.name for info in pkgutil.iter_modules(meters.__path__))


def _import(name: str) -> ModuleType:
    return importlib.import_module(f"{meters.__name__}.{name}")
