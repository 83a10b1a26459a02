"""What a command line would measure, and what is missing for it; nothing is measured, and nothing written."""

from __future__ import annotations

from pathlib import Path

from src.config.schema import Config
from src.config.workload_parts import training_parts
from src.contract.plan_file import blocks
from src.errors import JoulebenchError, SetupError
from src.measure.meters.select import Meter, select_meter
from src.paths import ROOT
from src.plan.sweep_plan import SweepPlan
from src.plan.time_left import remaining_s
from src.protocol.announce import planned
from src.protocol.display import Display, counted
from src.protocol.here import length_of, seen
from src.protocol.machine import introduce_meter
from src.protocol.ready import prepare_work
from src.protocol.resume import go_on, progress_of
from src.workloads.command.command_line import KIND as COMMAND
from src.workloads.hardware import Device
from src.workloads.training.data.prepared import whereabouts
from src.workloads.training.interpreter import interpreter

SHOWN = 5
PREPARED = "prepared"


def show(plan: SweepPlan, display: Display) -> None:
    """Say plan, order, meter, length and what is missing; raises SetupError where something is."""
    left, seen_s = list(plan.slots), dict[int, list[float]]()
    if plan.shared.resume is not None:
        plan, folder = go_on(plan, Path.cwd())
        progress = progress_of(plan, folder, recover=False)
        left, seen_s = progress.left, seen(plan, progress.finished)
        display.say(f"going on in {folder}: {len(progress.finished)} of {len(plan.slots)} runs are finished")
    display.once(planned(plan))
    shown = blocks(left)
    for block in shown[:SHOWN]:
        display.say(f"  block {block[0].iteration}: {', '.join(plan.label(slot) for slot in block)}")
    if len(shown) > SHOWN:
        display.say(f"  and {counted(len(shown) - SHOWN, 'more block')}")
    missing: list[str] = []
    said: dict[str, None] = {}
    for meter in dict.fromkeys(filter(None, (_meter(config, missing) for config in plan.configs))):
        introduce_meter(display, meter)
    guesses = [_guess_s(config, said, missing) for config in plan.configs]
    for line in said:
        display.say(f"  {line}")
    length = length_of(plan, remaining_s(plan, left, guesses, seen_s))
    display.say(f"length: {length}; energy: not known before a run was measured")
    if missing:
        raise SetupError("; ".join(dict.fromkeys(missing)))
    display.say("nothing is missing; leave dry_run out to measure this" if left else "every planned run is finished")


def _meter(config: Config, missing: list[str]) -> Meter | None:
    try:
        return select_meter(config.meter, gpu=config.hardware.device is Device.cuda)
    except JoulebenchError as error:
        missing.append(f"meter={config.meter.name}: {error}")
        return None


def _guess_s(config: Config, said: dict[str, None], missing: list[str]) -> float | None:
    """How long a run may take, as far as that can be told without fetching data or training weights."""
    here = Path.cwd()
    try:
        if config.workload.kind == COMMAND:
            return prepare_work(config, ROOT, here, said.setdefault).expected_s
        parts = training_parts(config)
        interpreter(parts.framework, parts.hardware.device, ROOT)
        place = whereabouts(parts.dataset, ROOT)
        if not place:
            said.setdefault(f"{parts.dataset.name} is still to be downloaded")
        if not place.startswith(PREPARED) or config.inference is not None:
            return None
        return prepare_work(config, ROOT, here, said.setdefault).expected_s
    except JoulebenchError as error:
        missing.append(str(error))
        return None
