"""Bring the machine into a known state before the first run and back into it before the others, and look at it."""

from __future__ import annotations

import math
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from src import stops
from src.config.cpus import usable_cpus
from src.config.schema import STEADY, TEMPERATURE, Config, ProtocolConfig
from src.contract.flags import Flag
from src.contract.job import Prime
from src.doctor.host import background_load, governor
from src.errors import EnergyError, MeterError, SetupError
from src.measure.disturbance import package_temperature_c, snapshot
from src.measure.energy import whole_file
from src.measure.environment import worker_environment
from src.measure.launch import Ending, launch
from src.measure.meters.gpu_state import hottest_c, visible_states
from src.measure.meters.select import Meter
from src.measure.run_metrics import IdleBaseline, spread_of
from src.paths import ROOT
from src.protocol.display import Display, duration
from src.protocol.steady import Seen, still_moving, watched
from src.workloads.hardware import Device

GRACE_S = 60.0
LOOK_S, SHORT_LOOK_S = 5.0, 1.0
"""How long at least the end of a rest is looked at: with the meter, where the rest is twice as long, or without."""
LOOK_SHARE = 0.25
"""How much of a long rest the meter looks at: the last part, when the package is no longer warm of the run before."""
POLL_S = 1.0
"""How often the temperature is read while the package cools down."""
PIECE_S = 5.0
"""For how long the meter looks at a time at a machine that warms up."""
STARTING_S = 0.5
"""What of it a meter needs to start and to end."""
DRIFT = 0.2
"""Idle power that is this far from what it was at the start is told."""
PACKAGE, GPU = "package", "GPU"
"""Parts whose temperature a rest may wait for."""
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


def introduce_meter(display: Display, meter: Meter) -> None:
    """Say what measures and, plainly, when nothing does."""
    display.say(f"meter: {meter.description}")
    if meter.domains:
        display.say(f"  a run's energy is that of {' + '.join(meter.domains)}", "dim")
    if meter.lacks_processor:
        text = "the processor's own energy cannot be read here: energies are the GPU's alone, and every run says so"
        display.say(text, "bold yellow")
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
    `block_power_w`; the power of the first look of all is kept in `first_power_w`, those before blocks in
    `of_blocks_w` (all by meter). `first_run_c` are the temperatures of package and GPU when the first run began, where
    later ones rest until they are back, and `rest_flags` tell how the last rest fell short of that; `was_colder` says
    that one began colder than that.
    """

    idle_power_w: Mapping[Meter, float]
    background_load: float
    governor: str = "unknown"
    block_power_w: Mapping[Meter, float] = field(default_factory=dict)
    first_power_w: Mapping[Meter, float] = field(default_factory=dict)
    of_blocks_w: Mapping[Meter, tuple[float, ...]] = field(default_factory=dict)
    first_run_c: Mapping[str, float] = field(default_factory=dict)
    rest_flags: tuple[Flag, ...] = ()
    was_colder: bool = False

    def metrics(self, meter: Meter) -> dict[str, float]:
        """What is filed of it with every run of the block, as `contract.metrics` names it."""
        power = {"idle_power_block_w": self.block_power_w[meter]} if meter in self.block_power_w else {}
        return {"background_load": self.background_load, **power}

    def baseline(self, meter: Meter) -> IdleBaseline | None:
        """What a run's net energy is above: the power at rest before its block, else that of before the warm-up."""
        if meter in self.block_power_w:
            return IdleBaseline(self.block_power_w[meter], "block", spread_of(self.of_blocks_w.get(meter, ())))
        return IdleBaseline(self.idle_power_w[meter], "start") if meter in self.idle_power_w else None


def require_sensors(protocol: ProtocolConfig, meter: Meter) -> None:
    """Raise SetupError where what a warm-up or a rest is to be ended by cannot be read on this machine."""
    now = snapshot()
    if protocol.rest == TEMPERATURE and now.temperature_c is None:
        raise SetupError(
            "protocol.rest=temperature: this machine shows no temperature of its processor's package; rest for a fixed "
            "time with protocol.rest=fixed, or load the sensor's driver (on Linux `modprobe coretemp` or `k10temp`)"
        )
    gpu_c = gpu_temperature_c() if meter.gpu else None
    if protocol.rest == TEMPERATURE and meter.gpu and gpu_c is None:
        raise SetupError(
            "protocol.rest=temperature: the GPU tells no temperature; rest for a fixed time with protocol.rest=fixed"
        )
    if protocol.warmup == STEADY and not watched(_measures(meter), now.temperature_c, now.frequency_mhz, gpu_c):
        raise SetupError(
            f"protocol.warmup=steady: the meter {meter.name} measures no power here, and this machine does not show "
            "both temperature and frequency of its processor; warm up for a fixed time with protocol.warmup=fixed"
        )


def unknown(configs: Sequence[Config]) -> Iterator[str]:
    """What the runs will not tell of the machine's state, as it cannot be read or the protocol does not measure it."""
    if package_temperature_c() is None:
        yield "this machine shows no temperature of its processor's package, so no run tells it"
    if any(config.hardware.device is Device.cuda for config in configs) and gpu_temperature_c() is None:
        yield "the GPU shows no temperature, so no run tells it"
    protocol = configs[0].protocol
    if protocol.baseline_s > 0:
        return
    if max(config.protocol.idle_s for config in configs) < 2 * LOOK_S:
        yield (
            "power at rest is not measured, so no energy above it is told; protocol.baseline_s, or protocol.idle_s of "
            f"{2 * LOOK_S:g} and more, would measure it"
        )
    elif protocol.rest != TEMPERATURE:
        yield (
            "power at rest is not measured before the first block, so its runs tell no energy above it; "
            "protocol.baseline_s would measure it"
        )


def _measures(meter: Meter) -> bool:
    """Whether it tells power over time; an estimate knows nothing of heat, and a recording nothing of today."""
    return meter.energy_kind == "measured"


def prepare_machine(
    config: Config, meters: Sequence[Meter], folder: Path, display: Display, gpu_burner: Prime | None = None
) -> MachineState:
    """Look whether the machine is free, measure it idle with every meter, and warm it up, as the protocol says.

    `gpu_burner` loads the GPU beside the cores, where one is computed on. A replayed recording knows nothing of this
    machine at rest, so it gets no idle power.
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
        steady = protocol.warmup == STEADY
        on_gpu = f" and the GPU (by {burner_name(gpu_burner)})" if gpu_burner else ""
        until = " until the machine is steady" if steady else ""
        display.stage(f"warming up on all cores{on_gpu}{until}", protocol.warmup_s)
        end = (lambda: _until_steady(protocol, meters[0], folder, display)) if steady else None
        warm_up(protocol.warmup_s, end, gpu_burner)
    return MachineState(idle_w, busy, governor(), first_power_w=idle_w)


def _until_steady(protocol: ProtocolConfig, meter: Meter, folder: Path, display: Display) -> bool:
    """Watch the machine warm up, until it is steady or no time is left; returns whether it is."""
    began_s = time.monotonic()
    seen: list[Seen] = []
    why: str | None = "there was no time to watch it"
    while time.monotonic() - began_s + PIECE_S <= protocol.warmup_s:
        stops.check()
        seen.append(_seen(meter, folder, began_s))
        now = seen[-1]
        heat = now.temperature_c, now.frequency_mhz, now.gpu_temperature_c
        why = still_moving(seen, watched(_measures(meter), *heat))
        if why is None and now.at_s >= protocol.warmup_minimum_s:
            display.say(f"warm and steady after {duration(now.at_s)}")
            return True
    display.say(f"the machine was not steady within protocol.warmup_s={protocol.warmup_s:g}: {why}", "yellow")
    return False


def _seen(meter: Meter, folder: Path, began_s: float) -> Seen:
    """The next PIECE_S of a machine that warms up."""
    until_s = time.monotonic() + PIECE_S
    power_w = None
    if _measures(meter):
        with suppress(MeterError, EnergyError):
            power_w, _ = _at_rest(meter, PIECE_S - STARTING_S, folder, "warmup")
    time.sleep(max(0.0, until_s - time.monotonic()))
    now, gpu_c = snapshot(), gpu_temperature_c() if meter.gpu else None
    return Seen(time.monotonic() - began_s, power_w, now.frequency_mhz, now.temperature_c, gpu_c)


def rest(state: MachineState, config: Config, display: Display) -> MachineState:
    """Rest as the protocol says; returns the state with what that came to."""
    _rest_but(0.0, state, config, display)
    return _rested(state, config, display)


def temperatures(config: Config) -> dict[str, float | None]:
    """Of the package, and of the GPU where a run computes on one; None where it shows none."""
    seen = {PACKAGE: package_temperature_c()}
    return seen | ({GPU: gpu_temperature_c()} if config.hardware.device is Device.cuda else {})


def gpu_temperature_c() -> float | None:
    """The hottest of the GPUs that a run may see."""
    return hottest_c(visible_states(os.environ))


def _rest_but(look_s: float, state: MachineState, config: Config, display: Display) -> None:
    """The rest but for its last `look_s`.

    What is colder than before the first run is no reason to wait, as that does not warm it.
    """
    began_s, protocol = time.monotonic(), config.protocol
    time.sleep(protocol.idle_s - look_s)
    if protocol.rest == TEMPERATURE:
        most_c = {part: first_c + protocol.rest_margin_c for part, first_c in state.first_run_c.items()}
        _cool_down(most_c, began_s + protocol.rest_max_s - look_s, config, display)


def _rested(state: MachineState, config: Config, display: Display) -> MachineState:
    """The state with the temperatures as the rest left them, or with what is to be said of them."""
    protocol, first_c = config.protocol, state.first_run_c
    if protocol.rest != TEMPERATURE:
        return state
    now_c = temperatures(config)
    begun = [part for part in now_c if part in first_c]
    flags = tuple(flag for part in begun for flag in rest_flags(part, now_c[part], first_c[part], protocol))
    for flag in flags:
        display.say(flag.text, "yellow")
    known = {part: celsius for part, celsius in now_c.items() if celsius is not None}
    colder = [part for part in begun if part in known and known[part] < first_c[part] - protocol.rest_margin_c]
    if colder and not state.was_colder:
        part = colder[0]
        text = f"the {part} is at {known[part]:.1f} °C now, before the first run it was at {first_c[part]:.1f} °C"
        display.say(f"{text}: a longer protocol.idle_s lets the first run begin colder, too", "yellow")
    was_colder = state.was_colder or bool(colder)
    return replace(state, first_run_c={**known, **first_c}, rest_flags=flags, was_colder=was_colder)


def _cool_down(most_c: Mapping[str, float], until_s: float, config: Config, display: Display) -> None:
    """Wait until each part is at most that warm, or until then in monotonic seconds."""
    if above := _above(most_c, config):
        told = " and ".join(f"the {part} is at {most_c[part]:.1f} °C" for part in above)
        display.stage(f"resting on, until {told} at most", until_s - time.monotonic())
    while (left_s := until_s - time.monotonic()) > 0 and _above(most_c, config):
        stops.check()
        time.sleep(min(POLL_S, left_s))


def _above(most_c: Mapping[str, float], config: Config) -> list[str]:
    """The parts that are still too warm; a temperature that can no longer be read is nothing to wait for."""
    if not most_c:
        return []
    now = temperatures(config).items()
    return [part for part, now_c in now if now_c is not None and now_c > most_c.get(part, math.inf)]


def rest_flags(part: str, now_c: float | None, first_run_c: float, protocol: ProtocolConfig) -> tuple[Flag, ...]:
    """What is to be said of a run that begins with this part at `now_c`, warmer than the first one did."""
    if now_c is None:
        text = f"the {part}'s temperature could not be read any more before the run"
    elif now_c <= first_run_c + protocol.rest_margin_c:
        return ()
    else:
        of_part = "" if part == PACKAGE else f" ({part})"
        text = (
            f"the run began at {now_c:.1f} °C{of_part}, the first one at {first_run_c:.1f} °C, after the longest rest"
        )
        text += f" (protocol.rest_max_s={protocol.rest_max_s:g})"
    return (Flag("start_temperature", text),)


def rest_and_look(state: MachineState, config: Config, meter: Meter, folder: Path, display: Display) -> MachineState:
    """Rest, look at the machine at the end of it, and say what is no longer as at the start."""
    rest_s = config.protocol.idle_s
    measured = rest_s >= 2 * LOOK_S and meter.energy_kind != "replayed"
    look_s = max(LOOK_S, LOOK_SHARE * rest_s) if measured else min(SHORT_LOOK_S, rest_s)
    _rest_but(look_s, state, config, display)
    until_s = time.monotonic() + look_s
    busy, power_w = _look(meter, look_s, folder) if measured else (background_load(look_s), None)
    time.sleep(max(0.0, until_s - time.monotonic()))
    now = {} if power_w is None else {meter: power_w}
    of_blocks = {m: (*state.of_blocks_w.get(m, ()), watts) for m, watts in now.items()}
    seen = replace(
        state,
        background_load=busy,
        governor=governor(),
        block_power_w=now,
        first_power_w={**now, **state.first_power_w},
        of_blocks_w={**state.of_blocks_w, **of_blocks},
    )
    _tell_load(busy, config, display)
    _tell_change(state, seen, meter, display)
    return _rested(seen, config, display)


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


def burner_name(burner: Prime) -> str:
    """The package that loads the GPU."""
    return burner.command[-2]


def warm_up(seconds: float, until: Callable[[], bool] | None = None, gpu_burner: Prime | None = None) -> None:
    """Load every usable core fully for `seconds`, one process each, or until `until` comes back with true.

    Where there is a `gpu_burner`, it loads the GPU all that time. Raises MeterError when a process ends early, because
    the first runs would then meet a cold machine.
    """
    command = [sys.executable, "-m", "src.protocol.burn", str(seconds)]
    with ExitStack() as ending:
        on_gpu = _start_gpu_burner(gpu_burner, ending) if gpu_burner else None
        burners = [_start_burner(command, ending) for _ in range(usable_cpus())]
        enough = until is not None and until()
        codes = [burner.poll() if enough else burner.wait(timeout=seconds + GRACE_S) for burner in burners]
        gpu_ended = on_gpu is not None and on_gpu.poll() is not None
    failed = [code for code in codes if code]
    if failed:
        raise MeterError(f"the warm-up ended early ({len(failed)} of its processes failed); try `{' '.join(command)}`")
    if gpu_burner and gpu_ended:
        raise _no_gpu_load(gpu_burner, "ended early")


def _start_gpu_burner(burner: Prime, ending: ExitStack) -> subprocess.Popen[bytes]:
    """What loads the GPU, once it does; raises MeterError where it ends before, as it does after minutes."""
    environment = worker_environment(os.environ, dict(burner.environment), ROOT)
    process = _start_burner(burner.command, ending, environment, subprocess.PIPE)
    assert process.stdout is not None
    if not process.stdout.readline():
        raise _no_gpu_load(burner, "ended before it began")
    return process


def _no_gpu_load(burner: Prime, how: str) -> MeterError:
    return MeterError(f"the warm-up of the GPU {how}; see what `{' '.join(burner.command)}` says. {burner.remedy}")


def _start_burner(
    command: Sequence[str],
    ending: ExitStack,
    environment: Mapping[str, str] | None = None,
    stdout: int | None = None,
) -> subprocess.Popen[bytes]:
    """One burner, killed at the end of `ending`; whatever ends this process closes its standard input, which ends it.

    In a session of its own a Ctrl-C in the terminal does not reach it, which it would answer with a traceback.
    """
    burner = subprocess.Popen(
        command,
        cwd=ROOT,
        env=os.environ | ONE_THREAD if environment is None else environment,
        stdin=subprocess.PIPE,
        stdout=stdout,
        stderr=None if stdout is None else subprocess.DEVNULL,
        start_new_session=True,
    )
    ending.enter_context(burner)
    ending.callback(burner.kill)
    return burner
