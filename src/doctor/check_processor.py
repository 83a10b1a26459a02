"""What the processor's state means for a measurement: clock, heat, power supply, memory, and who else is at work."""

from __future__ import annotations

from collections.abc import Iterable

from src.doctor.finding import Finding, careful, fine, stop, unseen
from src.doctor.state import Busy, MachineState, Processor, Room

LINUX, MAC, WINDOWS = "linux", "darwin", "win32"
TUNE = """pyperf (pip install pyperf) sets governor and turbo; `reset` in place of `tune` undoes it:
  sudo python -m pyperf system tune"""
"""The lines of a remedy that begin with two spaces are commands."""
PERFORMANCE = {LINUX: TUNE, WINDOWS: "  powercfg /setactive SCHEME_MIN"}
TURBO_OFF = f"""{TUNE}
on AMD, where it does not know that:
  echo 0 | sudo tee /sys/devices/system/cpu/cpufreq/boost"""
PLUG_IN = "plug the machine in: on battery the system lowers the clock as the charge falls"
HOT_C, TOO_HOT_C = 70.0, 90.0
"""At rest: what a desktop reaches under load, and where processors begin to slow themselves down."""
LOW_CHARGE_PERCENT = 30.0
SAVING = ("low-power", "quiet", "cool", "power-saver")
FULL_CLOCK = 0.98
MUCH_LOAD = 0.25
STEAL, MUCH_STEAL = 0.005, 0.1
CLOCK_STEP_S = 0.05
MIB, GIB = 2**20, 2**30
LITTLE_MEMORY, TOO_LITTLE_MEMORY = 2 * GIB, GIB // 2
LITTLE_DISK, TOO_LITTLE_DISK = 5 * GIB, GIB // 2
SWAP_IN_USE = 64 * MIB


def processor(state: MachineState) -> Iterable[Finding]:
    """Governor, frequencies, turbo, SMT, temperature and throttling."""
    seen = state.processor
    yield _governor(seen, state.system)
    yield _frequency(seen)
    yield _turbo(seen, state.system)
    yield _smt(seen)
    yield _temperature(seen)
    yield _throttling(seen)


def _governor(seen: Processor, system: str) -> Finding:
    if not seen.governors:
        return unseen("governor", "the system shows no frequency scaling")
    named = f"{', '.join(seen.governors)}{f' ({seen.driver})' if seen.driver else ''}"
    if seen.governors == ("performance",):
        return fine("governor", named)
    return careful("governor", f"{named}: the clock follows the load", PERFORMANCE.get(system, ""))


def _frequency(seen: Processor) -> Finding:
    if seen.now_mhz is None and seen.most_mhz is None:
        return unseen("frequency", "the system shows no frequencies")
    now = "" if seen.now_mhz is None else f"{seen.now_mhz:.0f} MHz now"
    if seen.most_mhz is None or seen.allowed_mhz is None:
        return fine("frequency", now)
    if seen.allowed_mhz < FULL_CLOCK * seen.most_mhz:
        limit = f"limited to {seen.allowed_mhz:.0f} of {seen.most_mhz:.0f} MHz"
        return careful("frequency", limit, f"  sudo cpupower frequency-set -u {seen.most_mhz:.0f}MHz")
    return fine("frequency", ", ".join(filter(None, [now, f"up to {seen.most_mhz:.0f} MHz"])))


def _turbo(seen: Processor, system: str) -> Finding:
    if seen.turbo is None:
        return unseen("turbo", "the system does not tell")
    if not seen.turbo:
        return fine("turbo", "off")
    said = "on: the clock falls as the machine warms up"
    return careful("turbo", said, TURBO_OFF if system == LINUX else "")


def _smt(seen: Processor) -> Finding:
    if not seen.smt:
        return unseen("SMT", "the system does not tell")
    return fine("SMT", "on, two threads share a core" if seen.smt == "on" else "off")


def _temperature(seen: Processor) -> Finding:
    if seen.temperature_c is None:
        return unseen("temperature", "no sensor of the package")
    told = f"{seen.temperature_c:.0f} °C"
    if seen.temperature_c >= TOO_HOT_C:
        return stop("temperature", f"{told} at rest", "see that fans turn and air gets in, and let it cool down")
    if seen.temperature_c >= HOT_C:
        return careful("temperature", f"{told} at rest", "let it cool down, and see what heats it")
    return fine("temperature", told)


def _throttling(seen: Processor) -> Finding:
    if seen.throttled is None:
        return unseen("throttling", "the system does not count it")
    if seen.throttled:
        return stop("throttling", "the processor slows itself down now", "let it cool down; see to fans and dust")
    if seen.throttled_since_boot:
        said = f"not now, {seen.throttled_since_boot} times since the start"
        return careful("throttling", said, "rest for longer (protocol.idle_s), or turn turbo off")
    return fine("throttling", "none since the start")


def supply(state: MachineState) -> Iterable[Finding]:
    """Mains or battery, and the profile that goes with it."""
    seen = state.supply
    if not seen.has_battery:
        yield fine("supply", "no battery")
    elif seen.plugged is None:
        yield unseen("supply", "there is a battery, but nobody tells whether it is in use")
    elif seen.plugged:
        yield fine("supply", f"mains{_charge(seen.charge_percent)}")
    else:
        low = (seen.charge_percent or 0.0) < LOW_CHARGE_PERCENT
        yield (stop if low else careful)("supply", f"on battery{_charge(seen.charge_percent)}", PLUG_IN)
    if seen.profile in SAVING:
        yield careful("profile", f"{seen.profile} saves power", "  powerprofilesctl set performance")
    elif seen.profile:
        yield fine("profile", seen.profile)


def _charge(percent: float | None) -> str:
    return "" if percent is None else f", charged to {percent:.0f} %"


def memory(state: MachineState) -> Iterable[Finding]:
    """Free memory, swap and disk."""
    seen = state.room
    yield _short("memory", seen.memory_free, "free", (LITTLE_MEMORY, TOO_LITTLE_MEMORY), "close what holds it")
    yield _swap(seen, state.system)
    where = f"free in {seen.disk_place}" if seen.disk_place else "free"
    yield _short("disk", seen.disk_free, where, (LITTLE_DISK, TOO_LITTLE_DISK), "make room, runs are kept there")


def _short(code: str, free: int, words: str, limits: tuple[int, int], remedy: str) -> Finding:
    said = f"{free / GIB:.1f} GiB {words}"
    if free >= limits[0]:
        return fine(code, said)
    return careful(code, said, remedy) if free >= limits[1] else stop(code, said, remedy)


def _swap(seen: Room, system: str) -> Finding:
    if not seen.swap:
        return fine("swap", "none")
    used = f"{seen.swap_used / GIB:.1f} of {seen.swap / GIB:.1f} GiB in use"
    remedy = "free memory, then\n  sudo swapoff -a && sudo swapon -a" if system == LINUX else "free memory"
    if seen.swapped_in:
        return careful("swap", f"{used}, and read from now", remedy)
    return careful("swap", used, remedy) if seen.swap_used > SWAP_IN_USE else fine("swap", used)


def others(state: MachineState) -> Iterable[Finding]:
    """Foreign load and who makes it, stolen time, and whether the clock was set."""
    if state.busy.sweep:
        yield stop("another sweep", f"is being measured: {state.busy.sweep}", "wait for its end")
    yield _load(state.busy)
    yield _steal(state.busy)
    if abs(state.busy.clock_step_s) >= CLOCK_STEP_S:
        step = f"it was set by {state.busy.clock_step_s:+.2f} s just now"
        yield careful("clock set", step, "wait until it is synchronised")


def _load(seen: Busy) -> Finding:
    if seen.foreign_share is None:
        return unseen("load", "the system does not tell what others use")
    who = ", ".join(f"{name} {share:.0%}" for name, share in seen.programs)
    said = f"others use {min(1.0, seen.foreign_share):.1%} of the processor{f': {who}' if who else ''}"
    if seen.foreign_share > MUCH_LOAD:
        return stop("load", said, "end these programs, or wait for them")
    if seen.foreign_share > seen.most_foreign_share:
        return careful("load", said, "end these programs, or wait for them")
    return fine("load", said)


def _steal(seen: Busy) -> Finding:
    if seen.steal_share is None:
        return unseen("stolen time", "the system does not count it")
    said = f"{seen.steal_share:.1%} went to other virtual machines"
    remedy = "ask for a machine, or processors, of your own"
    if seen.steal_share > MUCH_STEAL:
        return stop("stolen time", said, remedy)
    return careful("stolen time", said, remedy) if seen.steal_share > STEAL else fine("stolen time", "none")


def held(state: MachineState) -> Iterable[Finding]:
    """Virtual machine, container, and how many CPUs are left."""
    seen = state.held
    if seen.virtual:
        told = f"{seen.virtual}: energy and clock are the host's"
        yield careful("virtual machine", told, "measure on the machine itself where you can")
    else:
        yield fine("virtual machine", "none seen")
    yield fine("container", seen.container or "none seen")
    if seen.quota_cpus is not None and seen.quota_cpus < seen.cpus:
        said = f"a quota of {seen.quota_cpus:g} of {seen.cpus} CPUs: threads beyond it are halted by turns"
        yield careful("CPUs", said, "start the container without --cpus, or set hardware.threads to whole CPUs")
    elif seen.allowed_cpus < seen.cpus:
        yield fine("CPUs", f"{seen.allowed_cpus} of {seen.cpus} may be used")
    else:
        yield fine("CPUs", f"all {seen.cpus}")
