"""All sweeps of one command line, one after the other; most have one."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import psutil

from src.contract.plan_file import PLAN_FILE, PlanFile
from src.contract.record import RunRecord
from src.errors import RunError, TrackError
from src.plan.sweep_plan import SweepPlan, numbered
from src.protocol.cluster import LOCAL, Cluster
from src.protocol.display import Display
from src.protocol.dry_run import show
from src.protocol.ready import ready_store
from src.protocol.resume import go_on
from src.protocol.shares import refuse_passwords, side_by_side
from src.protocol.sweep import measure_sweep, report_on, resume_command, tell

NAME = "sweep-{}"
"""The folder of each, where there are several."""


def measure_sweeps(
    plan: SweepPlan, folder: Path, cluster: Cluster | None = None, display: Display | None = None
) -> list[RunRecord]:
    """Measure every sweep that the plan's protocol asks for; returns the finished runs' records.

    With `resume`, the last that was begun goes on, and those that were not begun follow. One that lacks runs holds up
    no other. Raises as `measure_sweep`.
    """
    if plan.shared.dry_run:
        show(plan, display or Display())
        return []
    if cluster:
        refuse_passwords(plan)
        plan = side_by_side(plan) if cluster.kind == LOCAL else plan
    protocol = plan.shared.protocol
    if protocol.sweeps == 1:
        return measure_sweep(plan, folder, display, cluster)
    number, records, failure = 1, [], None
    display = display or Display()
    if plan.shared.resume is not None:
        begun, own = go_on(plan, Path.cwd())
        folder, number = own.parent, begun.number
        plan = replace(plan, sweep=PlanFile.read(Path.cwd() / folder / NAME.format(1)).sweep)
    for this in range(number, protocol.sweeps + 1):
        own = Path.cwd() / folder / NAME.format(this)
        display.say(f"sweep {this} of {protocol.sweeps}")
        try:
            records += measure_sweep(_planned(plan, own, this), own, display)
        except (RunError, TrackError) as error:
            failure = failure or error
        if this < protocol.sweeps and protocol.reboot and not _rebooted_since(records):
            asked = f"reboot this machine, then go on with: {resume_command(sys.argv[1:], own)}"
            display.copied(f"sweep {this} of {protocol.sweeps} has ended; {asked}", "bold")
            break
    else:
        _report_all(plan, folder, display)
    if failure:
        raise failure
    return records


def _planned(plan: SweepPlan, folder: Path, number: int) -> SweepPlan:
    """One of the sweeps, to be gone on with where it was begun."""
    this = numbered(plan, number)
    resume = str(folder) if (folder / PLAN_FILE).exists() else None
    return replace(this, configs=tuple(replace(config, resume=resume) for config in this.configs))


def _rebooted_since(records: Sequence[RunRecord]) -> bool:
    return bool(psutil.boot_time() > max((record.end_ms / 1000 for record in records), default=0.0))


def _report_all(plan: SweepPlan, folder: Path, display: Display) -> None:
    """The report of all sweeps, which alone can tell what changes from one to the next."""
    plans = [PlanFile.read(path.parent) for path in (Path.cwd() / folder).glob(f"{NAME.format('*')}/{PLAN_FILE}")]
    names = [each.sweep for each in sorted(plans, key=lambda each: each.number)]
    store = ready_store(plan.shared)
    if report := report_on(store, plan.shared, Path.cwd() / folder / "report", names, display):
        tell(report, store, display)
