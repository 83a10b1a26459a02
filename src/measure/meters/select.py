"""Which meter a run uses, found out by trying: one works if its energy moves during a short command."""

from __future__ import annotations

import dataclasses
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from src.errors import ConfigError, EnergyError, MeterError
from src.measure.energy import Energy, whole_file
from src.measure.environment import worker_environment
from src.measure.launch import launch
from src.measure.meters.powercap import POWERCAP
from src.measure.meters.remedies import energibridge_fails, energibridge_missing, sample_too_slow
from src.measure.recording import read_recording
from src.paths import ROOT

EnergyKind = Literal["measured", "estimated", "replayed"]
AUTO = ("energibridge", "native", "estimate")
VERSION = "1"
PROBE_S = 0.5
PROBE_TIMEOUT_S = 20.0


class MeterConfig(Protocol):
    """The settings of the `meter` group."""

    @property
    def name(self) -> str: ...
    @property
    def binary(self) -> str | None: ...
    @property
    def interval_ms(self) -> int: ...
    @property
    def columns(self) -> Sequence[str]: ...
    @property
    def recording(self) -> str | None: ...
    @property
    def idle_w(self) -> float: ...
    @property
    def busy_w(self) -> float: ...
    @property
    def power_model_source(self) -> str: ...


@dataclass(frozen=True)
class Meter:
    """A meter that was tried on this machine. `rejected` says why `auto` did not take the ones before it."""

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

    def command(self, out: Path, worker_command: Sequence[str]) -> list[str]:
        """The command line that runs the worker under this meter, its samples going to `out`."""
        gpu = ["-g"] if self.gpu else []
        return [*self.program, "-o", str(out), "-i", str(self.interval_ms), *gpu, "--", *worker_command]


def select_meter(config: MeterConfig, gpu: bool, powercap: Path = POWERCAP) -> Meter:
    """The meter that `config.name` asks for, tried out; `auto` takes the first of AUTO that works.

    With `gpu` it must report a GPU's energy too. Raises MeterError, saying what to do, where it does not
    work, and ConfigError where the settings make no sense. Takes about a second for each meter tried.
    """
    if config.name != "auto":
        meter = make_meter(config.name, config, gpu, powercap)
        probe(meter)
        return meter
    rejected: list[str] = []
    for name in AUTO:
        try:
            meter = make_meter(name, config, gpu, powercap)
            if any(flag.code == "gpu_only" for flag in probe(meter).flags):
                raise MeterError("it measures the GPU, but not the processor")
        except MeterError as error:
            rejected.append(f"{name}: {error}")
        else:
            return dataclasses.replace(meter, rejected=tuple(rejected))
    raise MeterError("no meter works on this machine:\n" + "\n".join(rejected))


def make_meter(name: str, config: MeterConfig, gpu: bool, powercap: Path = POWERCAP) -> Meter:
    """One meter by name, not tried yet."""
    python = (sys.executable, "-m", f"src.measure.meters.{name}")
    kind: EnergyKind = "measured"
    version = VERSION
    remedy = ""
    if name == "energibridge":
        binary = _find_energibridge(config.binary or "energibridge")
        program: tuple[str, ...] = (binary,)
        version = _version(binary)
        description = f"EnergiBridge {version}"
        remedy = energibridge_fails(binary)
    elif name == "native":
        program = (*python, "--powercap", str(powercap))
        description = "Linux powercap (RAPL of all sockets)" + (" and NVIDIA's energy counters" if gpu else "")
    elif name == "estimate":
        kind, program = "estimated", (*python, *_power_model(config))
        description = (
            f"ESTIMATED, not measured: {config.idle_w:g} W idle to {config.busy_w:g} W busy for each logical "
            "CPU "
            f"({config.power_model_source})"
        )
    elif name == "replay":
        kind, program = "replayed", (*python, "--recording", _recording(config))
        description = f"REPLAYED, not measured: {config.recording}"
    else:
        raise ConfigError(f"meter.name={name} is unknown; use one of auto, {', '.join(AUTO)}, replay")
    columns = tuple(config.columns)
    return Meter(name, kind, description, version, program, config.interval_ms, columns, gpu, remedy)


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
            raise MeterError(f"a trial run gave no recording. It said:\n{said}\n{meter.remedy}".strip())
        if ending.returncode:
            slow = sample_too_slow(said, meter.interval_ms)
            why = f": {slow}. It" if slow else " and"
            raise MeterError(f"a trial run ended with exit code {ending.returncode}{why} said:\n{said}")
        try:
            energy = whole_file(read_recording(csv), meter.columns)
        except EnergyError as error:
            raise MeterError(f"a trial run gave no energy: {error}. It said:\n{said}") from error
    if meter.gpu and "gpu" not in energy.domains_j:
        raise MeterError("it reports no GPU's energy, but the run uses one (hardware.device)")
    return energy


def _find_energibridge(binary: str) -> str:
    found = shutil.which(binary)
    if found is None:
        raise MeterError(energibridge_missing(binary))
    return str(Path(found).resolve())


def _version(binary: str) -> str:
    """What `--version` says after the program's name."""
    try:
        done = subprocess.run([binary, "--version"], capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise MeterError(f"{binary} cannot be run ({error}); is it made for this system and executable?") from error
    return done.stdout.split()[-1] if done.stdout.split() else "of unknown version"


def _power_model(config: MeterConfig) -> tuple[str, ...]:
    if not 0 <= config.idle_w <= config.busy_w or config.busy_w == 0:
        raise ConfigError(
            f"meter.idle_w={config.idle_w:g} and meter.busy_w={config.busy_w:g} must be powers in W, idle below busy"
        )
    return "--idle-w", str(config.idle_w), "--busy-w", str(config.busy_w)


def _recording(config: MeterConfig) -> str:
    if not config.recording or not Path(config.recording).is_file():
        raise ConfigError(f"meter.recording={config.recording} is no file; name the CSV to replay")
    return str(Path(config.recording).resolve())
