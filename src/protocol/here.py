"""Measuring on this machine: a whole plan, or the share of it that this machine has."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from src.contract.job import Prime
from src.contract.record import RunRecord
from src.errors import SetupError
from src.measure.environment import worker_environment
from src.measure.launch import launch
from src.measure.meters.select import Meter
from src.paths import ROOT
from src.plan.sweep_plan import SweepPlan
from src.plan.time_left import remaining_s
from src.protocol.announce import coming_first, planned
from src.protocol.display import Display, duration
from src.protocol.enough import looked_at
from src.protocol.loop import Loop
from src.protocol.machine import MachineState, introduce_meter, prepare_machine, unknown
from src.protocol.ready import Ready, gpu_burner
from src.protocol.resume import Progress

PRIME_TIMEOUT_S = 600.0
LAST_LINES = 5
LOADER_PATHS = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")


def distinct_meters(ready: Sequence[Ready]) -> list[Meter]:
    """The meters of a sweep, each once, in the order of the treatments."""
    return list(dict.fromkeys(each.meter for each in ready))


def meter_tags(ready: Sequence[Ready]) -> dict[str, str]:
    """What a sweep's own run says of its meters."""
    meters = distinct_meters(ready)
    return {
        "meter": ", ".join(meter.name for meter in meters),
        "energy_kind": ", ".join(sorted({meter.energy_kind for meter in meters})),
    }


def seen(plan: SweepPlan, finished: Sequence[RunRecord]) -> dict[int, list[float]]:
    """How long each treatment's runs took, s, by its index."""
    seen_s: dict[int, list[float]] = {}
    treatments = {treatment.label: index for index, treatment in enumerate(plan.treatments)}
    for record in finished:
        seen_s.setdefault(treatments[record.tags["treatment"]], []).append((record.end_ms - record.start_ms) / 1000)
    return seen_s


def loop_of(
    plan: SweepPlan, folder: Path, display: Display, ready: list[Ready], progress: Progress, parent: str | None
) -> Loop:
    """The loop over what is left of a plan, as far as is known before the machine is prepared."""
    return Loop(
        plan=plan,
        folder=folder,
        display=display,
        ready=ready,
        machine=MachineState({}, 0.0),
        todo=progress.left,
        parent=parent,
        tried=progress.tried,
        records=progress.finished,
        failed=progress.failed,
        seen_s=seen(plan, progress.finished),
    )


def measure_here(loop: Loop) -> None:
    """Everything that is left: the environments tried, the machine prepared, then block after block."""
    plan = loop.plan
    title = f"joulebench: {plan.shared.experiment}, sweep {plan.sweep}"
    with loop.display.live(title, len(plan.slots), len(loop.records)):
        _introduce(loop)
        prepare_and_run(loop)


def prepare_and_run(loop: Loop) -> None:
    """Try the environments, prepare the machine, and measure."""
    _prime(loop.ready)
    meters, burner = distinct_meters(loop.ready), gpu_burner(loop.ready)
    loop.machine = prepare_machine(loop.plan.shared, meters, loop.folder, loop.display, burner)
    loop.run()


def length_of(plan: SweepPlan, runs_s: float | None) -> str:
    """How long it all takes when the runs and the rests between them take `runs_s`."""
    protocol = plan.shared.protocol
    if runs_s is None:
        return "not known before the first block"
    whole = duration(protocol.baseline_s + protocol.warmup_s + runs_s)
    return f"roughly {whole}{coming_first(protocol)}; sharper after the first block"


def _introduce(loop: Loop) -> None:
    """What is to be measured, with what, and how long it takes."""
    plan, display, protocol = loop.plan, loop.display, loop.plan.shared.protocol
    display.once(planned(plan))
    if places := looked_at(protocol):
        said = ", ".join(map(str, places))
        display.say(
            f"it may stop after {said} blocks, and save up to {1 - places[0] / plan.iterations:.0%} of the runs"
        )
    if loop.records:
        display.say(f"{len(loop.records)} of them are finished already, {len(loop.todo)} are left")
    for meter in distinct_meters(loop.ready):
        introduce_meter(display, meter)
    for gap in unknown(plan.configs):
        display.say(gap, "dim")
    length = length_of(plan, remaining_s(plan, loop.todo, loop.guess_s, loop.seen_s))
    display.say(f"length: {length}. Files: {loop.folder}")


def _prime(ready: Sequence[Ready]) -> None:
    """Start once, unmeasured, what every run starts; a broken environment is found out here, not after the warm-up."""
    for prime in dict.fromkeys(prime for each in ready for prime in each.work.primes):
        environment = worker_environment(os.environ, dict(prime.environment), ROOT)
        failure = _failure(prime.command, environment)
        if failure:
            raise SetupError(f"{_remedy(prime, environment)}. It {failure}")


def _failure(command: Sequence[str], environment: Mapping[str, str]) -> str:
    """How a command that should end well did not, and what it said last; nothing where it did."""
    handle, name = tempfile.mkstemp(prefix="joulebench-", suffix=".log")
    os.close(handle)
    log = Path(name)
    try:
        ending = launch(list(command), log, environment, PRIME_TIMEOUT_S)
        if ending.ending == "exit" and ending.returncode == 0:
            return ""
        late = f"did not end within {PRIME_TIMEOUT_S:.0f} s, and " if ending.ending == "timeout" else ""
        said = "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-LAST_LINES:])
        return f"{late}said:\n{said or ending.error or 'nothing'}"
    finally:
        log.unlink(missing_ok=True)


def _remedy(prime: Prime, environment: Mapping[str, str]) -> str:
    """What to do where a prime failed: where it ends well without a variable, that variable is to blame."""
    for name in LOADER_PATHS:
        without = {key: value for key, value in environment.items() if key != name}
        if name in environment and not _failure(prime.command, without):
            return (
                f"{name}={environment[name]} puts other libraries before those of the environment, and without that "
                f"variable all is well: start joulebench with `env -u {name} ...`"
            )
    return prime.remedy
