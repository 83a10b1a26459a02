"""Try each meter that may be taken, and see what Linux shows of the counters."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from pathlib import Path

from src.config.schema import MeterConfig
from src.contract.flags import Flag
from src.doctor.host import gpu_names
from src.doctor.state import Meters, MeterTrial
from src.errors import ConfigError, MeterError
from src.measure.meters import energibridge
from src.measure.meters.gpu_state import slowed_by, visible_states
from src.measure.meters.powercap import POWERCAP, Powercap
from src.measure.meters.processor import packages
from src.measure.meters.remedies import lockdown_mode
from src.measure.meters.sampler import ReaderError
from src.measure.meters.select import AUTO, AUTO_OF_SERVERS, Meter, make_meter, probe

MSR = Path("/dev/cpu/0/msr")
CAPABILITY = "security.capability"
MOVES_S = 0.2
"""Long enough for every counter to move."""
MIRRORED = "mirrored"
UNTOLD = ("too_short", "short_window", "estimated", "zone_left_out", MIRRORED)
"""Flags of every short trial, and what another finding tells."""


def read_meters(config: MeterConfig, gpu: bool, trials: Sequence[MeterTrial]) -> Meters:
    """What is known beside the trials."""
    domains, flags, mirrored, failure = _rapl(Path(config.powercap) if config.powercap else POWERCAP)
    version, binary, missing = _energibridge(config)
    return Meters(
        trials=tuple(trials),
        wanted=config.name,
        energibridge=version,
        energibridge_failure=missing,
        msr_readable=os.access(MSR, os.R_OK),
        capability=_capability(binary) if binary else None,
        lockdown=lockdown_mode(),
        rapl=domains,
        rapl_flags=flags,
        mirrored=mirrored,
        rapl_failure=failure,
        gpus=gpu_names(),
        gpu_slowed=slowed_by(visible_states(os.environ)),
        gpu_wanted=gpu,
    )


def try_meters(config: MeterConfig, gpu: bool) -> list[MeterTrial]:
    """Each meter that a sweep might take, in the order in which it is asked; a second for each."""
    names = [config.name] if config.name != "auto" else list(AUTO_OF_SERVERS if packages() > 1 else AUTO)
    return [_tried(name, config, gpu) for name in names]


def _tried(name: str, config: MeterConfig, gpu: bool) -> MeterTrial:
    try:
        meter = make_meter(name, config, gpu)
        energy = probe(meter)
    except (MeterError, ConfigError) as error:
        return MeterTrial(name, failure=str(error))
    flags = tuple(flag.text for flag in energy.flags if flag.code not in UNTOLD)
    return MeterTrial(
        name, meter.energy_kind, meter.description, energy.power_w, tuple(sorted(energy.domains_j)), flags
    )


def as_trial(meter: Meter) -> MeterTrial:
    """A meter that a sweep has tried already."""
    return MeterTrial(meter.name, meter.energy_kind, meter.description)


def _rapl(root: Path) -> tuple[tuple[str, ...], tuple[Flag, ...], tuple[str, ...], str]:
    """Powercap's domains, what is wrong with its zones, which of them mirror another, and why there is none."""
    try:
        powercap = Powercap(root)
        powercap.read()
        time.sleep(MOVES_S)
        powercap.read()
    except (ReaderError, OSError) as error:
        return (), (), (), str(error)
    flags = powercap.remarks().flags
    domains = tuple(column.removesuffix(" (J)").removesuffix("_ENERGY").lower() for column in powercap.columns)
    wrong = tuple(flag for flag in flags if flag.code != MIRRORED)
    return domains, wrong, tuple(flag.text.partition(" always")[0] for flag in flags if flag.code == MIRRORED), ""


def _energibridge(config: MeterConfig) -> tuple[str, str, str]:
    """EnergiBridge's version and place, or why there is none."""
    try:
        program = energibridge.program(energibridge.Settings(binary=config.binary), False)
    except MeterError as error:
        return "", "", str(error)
    return program.version, program.argv[0], ""


def _capability(binary: str) -> bool | None:
    """Whether the program was given a capability; root needs none. None where the system has no such thing."""
    if not hasattr(os, "getxattr"):
        return None
    if os.geteuid() == 0:
        return True
    try:
        return bool(os.getxattr(binary, CAPABILITY))
    except OSError:
        return False
