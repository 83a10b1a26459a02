"""Bring the machine into a known state before the first run: how much it draws idle, then to working temperature."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from src.config.cpus import usable_cpus
from src.config.schema import Config
from src.errors import MeterError
from src.measure.energy import whole_file
from src.measure.environment import worker_environment
from src.measure.launch import launch
from src.measure.meters.select import Meter
from src.paths import ROOT
from src.protocol.display import Display
from src.protocol.host import background_load

GRACE_S = 60.0
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


def introduce_meter(display: Display, meter: Meter) -> None:
    """Say what measures and, plainly, when nothing does."""
    display.say(f"meter: {meter.description}")
    for reason in meter.rejected:
        display.say(f"  {reason}", "dim")
    for flag in meter.remarks.flags:
        display.say(flag.text, "bold yellow" if flag.grave else "yellow")
    if meter.energy_kind != "measured":
        display.say(f"energy is {meter.energy_kind.upper()}, not measured", "bold yellow")


@dataclass(frozen=True)
class MachineState:
    """What was seen before the first run: idle power by meter, where the protocol asks for it, and others' load."""

    idle_power_w: Mapping[Meter, float]
    background_load: float


def prepare_machine(config: Config, meters: Sequence[Meter], folder: Path, display: Display) -> MachineState:
    """Look whether the machine is free, measure it idle with every meter, and warm it up, as the protocol says.

    A replayed recording knows nothing of this machine at rest, so it gets no idle power.
    """
    busy = background_load()
    if busy > config.hardware.max_background_load:
        display.say(
            f"{background_text(busy, config)}: close them, or every number will be too high",
            "bold yellow",
        )
    idle_w, protocol = {}, config.protocol
    for meter in meters if protocol.baseline_s > 0 else ():
        if meter.energy_kind != "replayed":
            display.stage(f"measuring the idle machine with {meter.name}", protocol.baseline_s)
            idle_w[meter] = idle_power_w(meter, protocol.baseline_s, folder)
            display.say(f"idle power: {idle_w[meter]:.2f} W ({meter.energy_kind})")
    if protocol.warmup_s > 0:
        display.stage("warming up on all cores", protocol.warmup_s)
        warm_up(protocol.warmup_s)
    return MachineState(idle_w, busy)


def background_text(busy: float, config: Config) -> str:
    """What other programs took of the processor, beside what is thought harmless."""
    limit = config.hardware.max_background_load
    return f"other programs use {busy:.0%} of the processor (hardware.max_background_load={limit:g})"


def idle_power_w(meter: Meter, seconds: float, folder: Path) -> float:
    """Mean power of `seconds` in which this program leaves the machine alone; raises MeterError or EnergyError."""
    out = folder.resolve() / f"baseline_{meter.name}_{meter.interval_ms}ms.csv"
    sleep = [sys.executable, "-c", f"import time; time.sleep({seconds})"]
    environment = worker_environment(os.environ, {}, ROOT)
    launch(meter.command(out, sleep), out.with_suffix(".log"), environment, timeout_s=seconds + GRACE_S)
    return whole_file(meter.recorded(out), meter.columns).power_w


def warm_up(seconds: float) -> None:
    """Load every usable core fully for `seconds`, one process each.

    Raises MeterError when a process ends early, because the first runs would then meet a cold machine.
    """
    command = [sys.executable, "-m", "src.protocol.burn", str(seconds)]
    with ExitStack() as ending:
        burners = [_start_burner(command, ending) for _ in range(usable_cpus())]
        failed = [burner for burner in burners if burner.wait(timeout=seconds + GRACE_S) != 0]
    if failed:
        raise MeterError(f"the warm-up ended early ({len(failed)} of its processes failed); try `{' '.join(command)}`")


def _start_burner(command: Sequence[str], ending: ExitStack) -> subprocess.Popen[bytes]:
    """One burner, killed at the end of `ending`; whatever ends this process closes its standard input, which ends it.

    In a session of its own a Ctrl-C in the terminal does not reach it, which it would answer with a traceback.
    """
    environment = os.environ | ONE_THREAD
    burner = subprocess.Popen(command, cwd=ROOT, env=environment, stdin=subprocess.PIPE, start_new_session=True)
    ending.enter_context(burner)
    ending.callback(burner.kill)
    return burner
