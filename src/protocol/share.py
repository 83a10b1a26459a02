"""Measures one share of a sweep, as a cluster starts it: `python -m src.protocol.share SWEEP NUMBER HERE`.

It reads the plan and writes its runs below the sweep's folder; whoever gave the shares away files them. Relative paths
of measured commands begin at HERE.
"""

from __future__ import annotations

import dataclasses
import sys
import time
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from omegaconf import OmegaConf

from src import stops

if __name__ == "__main__":
    stops.heed()

from src.config.check import check
from src.config.cpus import usable_cpus
from src.config.schema import Config, typed
from src.contract.plan_file import PlanFile, Slot
from src.contract.record import RunRecord, flatten
from src.contract.share_file import SHARES, ShareFile, State, share_folder
from src.doctor.host import host_facts, machine_name
from src.doctor.preflight import OF_SHARE, preflight
from src.errors import ConfigError, JoulebenchError, RunError, SetupError, told
from src.measure.alone import measuring_alone
from src.paths import ROOT
from src.plan.sweep_plan import SweepPlan
from src.protocol.display import Display
from src.protocol.here import distinct_meters, loop_of, prepare_and_run
from src.protocol.loop import Loop
from src.protocol.machine import introduce_meter
from src.protocol.ready import make_ready
from src.protocol.resume import Progress, progress_of
from src.public import shown

THREADS = "hardware.threads="
ELSEWHERE = "its block began on {machine}, and is measured as a whole on another machine"


class ShareDisplay(Display):
    """Says as plain lines what happens, and keeps the share's file for those who wait for it elsewhere."""

    def __init__(self, folder: Path, share: int) -> None:
        super().__init__()
        self.folder = folder
        self.file = ShareFile(share, machine_name(), "preparing", time.time(), host=dataclasses.asdict(host_facts()))

    def tell(self, **changes: Any) -> None:
        """Write the share's file anew."""
        self.file = dataclasses.replace(self.file, updated_s=time.time(), **changes)
        self.file.write(self.folder)

    def stage(self, text: str, seconds: float) -> None:
        """Something that takes `seconds` begins."""
        super().stage(text, seconds)
        self.tell(now=text)

    def started(self, text: str, following: str, left_s: float | None) -> None:
        """A run begins."""
        super().started(text, following, left_s)
        self.tell(state="measuring", now=text, left_s=left_s)


def main() -> int:
    """Measure the share that the command line names, whose file tells how it ended; returns the exit code."""
    folder, share, here = Path(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3])
    (folder / SHARES).mkdir(exist_ok=True)
    try:
        with FileLock(folder / SHARES / f".{share:03d}.lock", timeout=0):
            measure_share(folder, share, here, ShareDisplay(folder, share))
    except Timeout:
        stops.say(f"share {share} of {folder} is being measured already")
        return RunError.exit_code
    except JoulebenchError as error:
        stops.say(shown(told(error)))
        return error.exit_code
    return 0


def measure_share(folder: Path, share: int, here: Path, display: ShareDisplay) -> None:
    """Measure what is left of a share; raises a JoulebenchError where this machine cannot."""
    display.tell()
    try:
        plan, own = read_plan(folder, share)
        with measuring_alone(plan.shared.experiment, folder, plan.shared.protocol.allow_concurrent):
            loop = prepared(plan, own, folder, here, display)
            for meter in distinct_meters(loop.ready):
                introduce_meter(display, meter)
            checkup = preflight(plan.shared, distinct_meters(loop.ready), display.say)
            loop.ready = [dataclasses.replace(each, facts={**each.facts, **checkup.params}) for each in loop.ready]
            if loop.todo:
                own_files = share_folder(folder, share)
                own_files.mkdir(exist_ok=True)
                checkup.write(own_files, f"{OF_SHARE}{share:03d}")
                prepare_and_run(loop)
                checkup.repeat(display.say)
        display.tell(state="finished", now="", left_s=0.0)
    except JoulebenchError as error:
        state: State = "refused" if isinstance(error, SetupError | ConfigError) else "stopped"
        display.tell(state=state, reason=str(error))
        raise
    except BaseException as error:
        said = stops.told() if stops.asked() else f"{type(error).__name__}: {error}"
        display.tell(state="stopped", reason=said)
        raise


def prepared(plan: SweepPlan, own: tuple[Slot, ...], folder: Path, here: Path, display: Display) -> Loop:
    """The loop over what is left of a share, everything that can be refused being refused."""
    ready = make_ready(plan.configs, ROOT, here, display.say)
    facts = flatten({"host": dataclasses.asdict(host_facts())})
    ready = [dataclasses.replace(each, facts={**each.facts, **facts}) for each in ready]
    progress = progress_of(dataclasses.replace(plan, slots=own), folder)
    return loop_of(plan, folder, display, ready, set_aside(own, progress), parent=None)


def read_plan(folder: Path, share: int) -> tuple[SweepPlan, tuple[Slot, ...]]:
    """The plan in a sweep's folder as it is to be measured on this machine, and the slots of the share."""
    found = PlanFile.read(folder)
    configs = []
    for treatment, values in zip(found.treatments, found.configs, strict=True):
        config = typed(OmegaConf.merge(OmegaConf.structured(Config), values))  # type: ignore[arg-type]
        if not any(word.lstrip("+").startswith(THREADS) for word in treatment.overrides):
            config.hardware.threads = len(config.hardware.affinity) or usable_cpus()
        check(config)
        configs.append(config)
    plan = SweepPlan(found.sweep, found.treatments, tuple(configs), found.slots, found.number)
    own = tuple(slot for slot in found.slots if slot.share == share)
    return plan, own


def set_aside(own: tuple[Slot, ...], progress: Progress) -> Progress:
    """A block belongs to one machine: where one was begun elsewhere, its runs do not count and it is measured anew."""
    left = {slot.iteration for slot in progress.left}
    elsewhere = {
        int(record.tags["iteration"])
        for record in progress.finished
        if record.tags.get("machine") != machine_name() and int(record.tags["iteration"]) in left
    }
    kept, failed = [], list(progress.failed)
    tried = dict(progress.tried)
    for record in progress.finished:
        if int(record.tags["iteration"]) not in elsewhere:
            kept.append(record)
            continue
        failed.append(_not_counting(record))
        sequence = int(record.tags["sequence"])
        tried[sequence] = 1 + sum(int(other.tags["sequence"]) == sequence for other in progress.failed)
    finished = {int(record.tags["sequence"]) for record in kept}
    return Progress(kept, failed, [slot for slot in own if slot.sequence not in finished], tried)


def _not_counting(record: RunRecord) -> RunRecord:
    reason = ELSEWHERE.format(machine=record.tags.get("machine"))
    changed = dataclasses.replace(
        record, status="disturbed", tags={**record.tags, "status": "disturbed", "error": reason}
    )
    changed.write()
    return changed


if __name__ == "__main__":
    stops.leave(stops.in_order(main))
