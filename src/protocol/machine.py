"""Bring the machine into a known state before the first run, and look before every block whether it is still in it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path

from src.config.cpus import usable_cpus
from src.config.schema import Config
from src.doctor.host import background_load, governor
from src.errors import EnergyError, MeterError
from src.measure.energy import whole_file
from src.measure.environment import worker_environment
from src.measure.launch import Ending, launch
from src.measure.meters.select import Meter
from src.paths import ROOT
from src.protocol.display import Display

GRACE_S = 60.0
LOOK_S, SHORT_LOOK_S = 5.0, 1.0
"""How long the end of a rest before a block is looked at: with the meter, where it is twice as long, or without."""
STARTING_S = 0.5
"""What of it a meter needs to start and to end."""
DRIFT = 0.2
"""Idle power that is this far from what it was at the start is told."""
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
    """The machine at rest. `idle_power_w` (by meter) is of before the warm-up, where the protocol asks for it.

    All else was seen when it was last looked at, before the present block: others' load, the frequency governor, and
    `block_power_w`; that of the first look is kept in `first_power_w` (both by meter).
    """

    idle_power_w: Mapping[Meter, float]
    background_load: float
    governor: str = "unknown"
    block_power_w: Mapping[Meter, float] = field(default_factory=dict)
    first_power_w: Mapping[Meter, float] = field(default_factory=dict)

    def metrics(self, meter: Meter) -> dict[str, float]:
        """What is filed of it with every run of the block, as `contract.metrics` names it."""
        power = {"idle_power_block_w": self.block_power_w[meter]} if meter in self.block_power_w else {}
        return {"background_load": self.background_load, **power}


def prepare_machine(config: Config, meters: Sequence[Meter], folder: Path, display: Display) -> MachineState:
    """Look whether the machine is free, measure it idle with every meter, and warm it up, as the protocol says.

    A replayed recording knows nothing of this machine at rest, so it gets no idle power.
    """
    busy = background_load()
    _tell_load(busy, config, display)
    idle_w, protocol = {}, config.protocol
    for meter in meters if protocol.baseline_s > 0 else ():
        if meter.energy_kind != "replayed":
            display.stage(f"measuring the idle machine with {meter.name}", protocol.baseline_s)
            idle_w[meter] = idle_power_w(meter, protocol.baseline_s, folder)
            display.say(f"idle power: {idle_w[meter]:.2f} W ({meter.energy_kind})")
    if protocol.warmup_s > 0:
        display.stage("warming up on all cores", protocol.warmup_s)
        warm_up(protocol.warmup_s)
    return MachineState(idle_w, busy, governor(), idle_w, idle_w)


def rest_and_look(state: MachineState, config: Config, meter: Meter, folder: Path, display: Display) -> MachineState:
    """Rest for `protocol.idle_s`, look at the machine at the end of it, and say what is no longer as at the start."""
    rest_s = config.protocol.idle_s
    until_s = time.monotonic() + rest_s
    measured = rest_s >= 2 * LOOK_S and meter.energy_kind != "replayed"
    look_s = LOOK_S if measured else min(SHORT_LOOK_S, rest_s)
    time.sleep(rest_s - look_s)
    busy, power_w = _look(meter, look_s, folder) if measured else (background_load(look_s), None)
    time.sleep(max(0.0, until_s - time.monotonic()))
    now = {} if power_w is None else {meter: power_w}
    seen = replace(
        state,
        background_load=busy,
        governor=governor(),
        block_power_w=now,
        first_power_w={**now, **state.first_power_w},
    )
    _tell_load(busy, config, display)
    _tell_change(state, seen, meter, display)
    return seen


def _look(meter: Meter, seconds: float, folder: Path) -> tuple[float, float | None]:
    """Others' load, and the idle power unless the meter fails, of which the next run will tell."""
    try:
        power_w, ending = _at_rest(meter, seconds - STARTING_S, folder, "rest")
    except (MeterError, EnergyError):
        return background_load(), None
    share = None if ending.disturbance is None else ending.disturbance.foreign_cpu_share
    return background_load() if share is None else share, power_w


def _tell_load(busy: float, config: Config, display: Display) -> None:
    if busy > config.hardware.max_background_load:
        text = f"{background_text(busy, config)}: close them, or every number will be too high"
        display.say(text, "bold yellow")


def _tell_change(before: MachineState, now: MachineState, meter: Meter, display: Display) -> None:
    """Say where idle power left what it was at the start, or the governor was changed since the last look."""
    if now.governor != before.governor:
        display.say(f"the frequency governor is {now.governor} now, before it was {before.governor}", "bold yellow")
    first_w, power_w = now.first_power_w.get(meter), now.block_power_w.get(meter)
    if first_w is not None and power_w is not None and abs(power_w - first_w) > DRIFT * first_w:
        text = f"the machine at rest draws {power_w:.1f} W now, at the start it was {first_w:.1f} W"
        display.say(f"{text}: see what else runs or heats it, or rest for longer (protocol.idle_s)", "bold yellow")


def background_text(busy: float, config: Config) -> str:
    """What other programs took of the processor, beside what is thought harmless."""
    limit = config.hardware.max_background_load
    return f"other programs use {busy:.0%} of the processor (hardware.max_background_load={limit:g})"


def idle_power_w(meter: Meter, seconds: float, folder: Path) -> float:
    """Mean power of `seconds` in which this program leaves the machine alone; raises MeterError or EnergyError."""
    return _at_rest(meter, seconds, folder, "baseline")[0]


def _at_rest(meter: Meter, seconds: float, folder: Path, name: str) -> tuple[float, Ending]:
    """Mean power, and how the sleeping program and its meter ended."""
    out = folder.resolve() / f"{name}_{meter.name}_{meter.interval_ms}ms.csv"
    sleep = [sys.executable, "-c", f"import time; time.sleep({seconds})"]
    environment = worker_environment(os.environ, {}, ROOT)
    ending = launch(meter.command(out, sleep), out.with_suffix(".log"), environment, timeout_s=seconds + GRACE_S)
    return whole_file(meter.recorded(out), meter.columns).power_w, ending


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
