"""Which meter works here, which would be taken, and what the numbers would miss."""

from __future__ import annotations

from collections.abc import Iterable

from src.doctor.check_processor import LINUX
from src.doctor.finding import Finding, careful, fine, stop, unseen
from src.doctor.state import MachineState, Meters, MeterTrial

MEASURED = "measured"
SILENT = "a trial run gave no recording"


def meters(state: MachineState) -> Iterable[Finding]:
    """The meter that a sweep takes, each one that was tried, RAPL's domains, mirrored dies, GPUs."""
    seen = state.meters
    if seen is None:
        return
    yield _taken(seen)
    measures = any(trial.energy_kind == MEASURED for trial in seen.trials)
    yield from (_trial(trial, measures) for trial in seen.trials)
    if state.system == LINUX:
        yield from _counters(seen)
    yield _sockets(state, _first_working(seen))
    yield _gpus(seen)


def _first_working(seen: Meters) -> MeterTrial | None:
    """Trials stand in the order in which `auto` asks them."""
    return next((trial for trial in seen.trials if trial.energy_kind), None)


def _taken(seen: Meters) -> Finding:
    taken = _first_working(seen)
    if taken is None:
        return stop("meter", f"none works (meter={seen.wanted})")
    if taken.energy_kind == MEASURED:
        return fine("meter", f"{taken.name} measures (meter={seen.wanted})")
    return careful("meter", f"{taken.name}: energy would be {taken.energy_kind.upper()}, not measured")


def _trial(trial: MeterTrial, measures: bool) -> Finding:
    """One that does not work is no matter where another one measures."""
    code = f"  {trial.name}"
    if trial.failure:
        said = f"no: {reason_of(trial)}"
        return fine(code, said) if measures else careful(code, said, trial.failure)
    if not trial.power_w:
        return fine(code, trial.description)
    said = f"{trial.power_w:.1f} W at rest ({', '.join(trial.domains)}), {trial.energy_kind}"
    return careful(code, f"{said}; {'; '.join(trial.flags)}") if trial.flags else fine(code, said)


def reason_of(trial: MeterTrial) -> str:
    """In a few words: what the meter said, where it said something."""
    first, *said = trial.failure.splitlines()
    if said and first.startswith(SILENT):
        return said[0].removeprefix(f"{trial.name}: ").partition(";")[0]
    return first.partition(". ")[0]


def _counters(seen: Meters) -> Iterable[Finding]:
    """EnergiBridge's version and rights, and powercap's zones."""
    if seen.energibridge:
        yield _rights(seen)
    else:
        yield unseen("EnergiBridge", "not installed")
    if seen.rapl:
        yield fine("RAPL", ", ".join(seen.rapl))
    else:
        yield unseen("RAPL", (seen.rapl_failure or "none").partition(";")[0].splitlines()[0])
    for flag in seen.rapl_flags:
        yield (careful if flag.grave else fine)("RAPL zones", flag.text)
    if seen.mirrored:
        yield fine("mirrored dies", f"{', '.join(seen.mirrored)}: counted once")
    elif seen.rapl:
        yield fine("mirrored dies", "none")


def _rights(seen: Meters) -> Finding:
    if any(trial.name == "energibridge" and trial.energy_kind for trial in seen.trials):
        return fine("EnergiBridge", f"{seen.energibridge}, with its rights")
    if seen.lockdown:
        return careful("EnergiBridge", f"{seen.energibridge}; the kernel is locked down ({seen.lockdown})",
                       "meter=native reads the same counters")  # fmt: skip
    lacks = [
        text
        for text, has in (("/dev/cpu/*/msr cannot be read", seen.msr_readable), ("no capability", seen.capability))
        if has is False
    ]
    if lacks:
        remedy = "  sudo modprobe msr\n  sudo setcap cap_sys_rawio=ep $(which energibridge)"
        return careful("EnergiBridge", f"{seen.energibridge}, without rights: {', '.join(lacks)}", remedy)
    return fine("EnergiBridge", f"{seen.energibridge}, with its rights")


def _sockets(state: MachineState, taken: MeterTrial | None) -> Finding:
    count = state.processor.packages
    if count > 1 and taken is not None and taken.name == "energibridge":
        return careful("sockets", f"{count}, of which EnergiBridge reads one", "meter=native")
    return fine("sockets", str(count))


def _gpus(seen: Meters) -> Finding:
    if seen.gpus and seen.gpu_slowed:
        said = f"{', '.join(seen.gpus)}, slowed down by {', '.join(seen.gpu_slowed)}"
        return careful("GPU", said, "let it cool down and see `nvidia-smi -q -d PERFORMANCE,POWER,TEMPERATURE`")
    if seen.gpus:
        return fine("GPU", ", ".join(seen.gpus))
    if seen.gpu_wanted:
        return stop("GPU", "none that a run may see answers", "nvidia-smi must list one, or take hardware=cpu")
    return unseen("GPU", "no NVIDIA GPU")
