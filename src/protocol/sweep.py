"""A sweep from its plan to its report: what one command line measures, a single run among them."""

from __future__ import annotations

import errno
import functools
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from src import stops
from src.config.schema import Config
from src.contract.commands import joined, override
from src.contract.record import RunRecord
from src.doctor.host import host_facts
from src.doctor.preflight import Preflight, preflight
from src.errors import JoulebenchError, RunError, TrackError
from src.measure.alone import measuring_alone
from src.paths import ROOT
from src.plan.sweep_plan import SweepPlan
from src.protocol.cluster import Cluster
from src.protocol.display import Display, counted
from src.protocol.filing import filing_command
from src.protocol.here import distinct_meters, loop_of, measure_here, meter_tags
from src.protocol.lock import claim
from src.protocol.loop import Course, Missing
from src.protocol.outcomes import missing_table, summary_table
from src.protocol.ready import make_ready, ready_store
from src.protocol.resume import Progress, go_on, progress_of
from src.protocol.shares import Shares, preflights, still_measured
from src.protocol.sweep_run import SweepRun
from src.public import password_from, public
from src.track.folder_lock import filing_alone

if TYPE_CHECKING:
    from src.report.make import Report
    from src.track.store import Store

UNWRITABLE = {
    getattr(errno, name)
    for name in ("ENOSPC", "EDQUOT", "EFBIG", "EROFS", "EACCES", "EPERM", "ENOENT", "ENOTDIR", "EIO", "EEXIST")
    if hasattr(errno, name)
}
"""What the system says of a disk that is full, and of a folder that is read-only or gone."""
REPORTED_FROM = 2
"""A single run has nothing to be compared with."""


def measure_sweep(
    plan: SweepPlan, folder: Path, display: Display | None = None, cluster: Cluster | None = None
) -> list[RunRecord]:
    """Measure every run of the plan, here or on a cluster's machines, and file it; returns the finished runs' records.

    With `resume`, the plan on disk goes on. Raises RunError at the end when runs are missing, and TrackError when
    MLflow lacks something, after everything else has been measured and filed.
    """
    display = display or Display()
    here = Path.cwd()
    resumed = plan.shared.resume is not None
    if resumed:
        plan, folder = go_on(plan, here)
    folder = here / folder
    concurrent = plan.shared.protocol.allow_concurrent or cluster is not None
    with measuring_alone(plan.shared.experiment, folder, concurrent), ExitStack() as held:
        if resumed:
            held.enter_context(filing_alone(folder))
        ready = [] if cluster else make_ready(plan.configs, ROOT, here, display.say)
        store = ready_store(plan.shared)
        checkup = Preflight(plan.shared, []) if cluster else preflight(plan.shared, distinct_meters(ready), display.say)
        stops.check()
        still = still_measured(folder, cluster) if cluster and resumed else frozenset()
        progress = (
            progress_of(plan, folder, recover=cluster is None) if resumed else Progress([], [], list(plan.slots), {})
        )
        if resumed:
            plan.rewrite(folder)
        else:
            folder = claim(plan, folder, held)
        stops.way_on = f"go on with: {resume_command(sys.argv[1:], folder)}"
        checkup.write(folder)
        course: Course
        if cluster:
            sweep_run = SweepRun.begin(store, plan, folder, None, {"meter": plan.shared.meter.name})
            course = Shares(
                plan=plan, folder=folder, display=display, cluster=cluster, sweep_run=sweep_run, progress=progress
            )
            measure = functools.partial(course.run, still)
        else:
            sweep_run = SweepRun.begin(store, plan, folder, host_facts(), meter_tags(ready), checkup.params)
            course = loop_of(plan, folder, display, ready, progress, sweep_run.run_id)
            measure = functools.partial(measure_here, course)
        course.spared = len(plan.slots) - len(plan.asked)
        report: Report | None = None
        try:
            if progress.left:
                measure()
                checkup.repeat(display.say)
                if course.spared:
                    replace(plan, enough=max(int(run.tags["iteration"]) for run in course.records)).rewrite(folder)
            else:
                display.say("every planned run is finished; more protocol.iterations would add some")
            sweep_run.file_missing([*course.records, *course.failed])
            stops.check()
            if len(course.records) >= REPORTED_FROM:
                report = report_on(store, plan.shared, folder / "report", [plan.sweep], display)
            stops.check()
        except OSError as error:
            if error.errno not in UNWRITABLE:
                raise
            raise RunError(
                f"{error.filename or folder} cannot be written ({error.strerror}); what was finished is kept. See that "
                f"{folder} is there and can be written, then {stops.way_on}"
            ) from error
        finally:
            looks = preflights(folder) if cluster else checkup.files
            unfiled = _close(sweep_run, course, report, looks)
    _refuse_missing(plan, folder, course.missing)
    if unfiled:
        raise TrackError("not all of this sweep is in MLflow; see above why, and how to file the rest")
    return course.records


def report_on(store: Store, shared: Config, folder: Path, sweeps: Sequence[str], display: Display) -> Report | None:
    """Write the report of some sweeps; None where that fails, which is said. Runs are never lost to a report."""
    try:
        from src.report.make import make_report  # loads statistics and figures, which no run should wait for

        return make_report(store, shared.experiment, shared.analysis, folder, sweeps, shared.tracking_uri)
    except Exception as error:  # noqa: BLE001 (whatever a report stumbles over, the runs are measured)
        reason = str(error) if isinstance(error, JoulebenchError) else f"{type(error).__name__}: {error}"
        display.say(f"no report: {' '.join(reason.split())}", "yellow")
        return None


def tell(report: Report, store: Store, display: Display) -> None:
    """Say what a report answers, and where it lies."""
    for sentence in report.answer:
        display.say(sentence)
    if store.left_out:
        display.say(store.left_out, "yellow")
    display.copied(f"report: {report.page}")


def _close(sweep_run: SweepRun, course: Course, report: Report | None, others: Sequence[Path]) -> list[str]:
    """File the summary and the files, and show it all, also when the sweep was stopped; what it came to is said last.

    Returns what MLflow refused, and why.
    """
    plan, display, records = course.plan, course.display, course.records
    wanted = len(plan.slots) - course.spared
    files = [*(report.files if report else ()), *others]
    refused = replace(sweep_run, planned=wanted).end([*records, *course.failed], files)
    if records:
        display.console.print(summary_table(records, display.console.width))
    if course.missing:
        gone = [(plan.label(m.slot), m.slot.iteration, m.reason) for m in course.missing]
        display.console.print(missing_table(gone))
    for reason in refused:
        display.say(f"not in MLflow: {reason}", "red")
    if refused:
        command = filing_command(course.folder, plan.shared.tracking_uri)
        display.copied(f"file the rest with {command} when the store works again", "red")
    if report:
        tell(report, sweep_run.store, display)
    spared = f", {course.spared} spared" if course.spared else ""
    done = f"{len(records)} of {counted(len(plan.slots), 'run')} finished{spared}"
    display.say(f"{done}, in experiment '{plan.shared.experiment}'; {sweep_run.way}")
    display.copied(f"  {sweep_run.page()}")
    if len(records) < wanted:
        if report is None and len(records) >= REPORTED_FROM:
            display.copied(f"compare what is finished with: {_report_command(plan)}")
        display.copied(stops.way_on)
        if hint := password_from(plan.shared.tracking_uri):
            display.say(f"  ({hint})")
    if stops.is_read():
        stops.way_on = ""
    return refused


def _report_command(plan: SweepPlan) -> str:
    """The command line that compares the runs of this sweep."""
    words = [override("experiment", plan.shared.experiment), override("sweep", plan.sweep)]
    if plan.shared.tracking_uri:
        words.append(override("tracking_uri", public(plan.shared.tracking_uri)))
    return f"python -m src.report {' '.join(words)}"


def resume_command(arguments: Sequence[str], folder: Path) -> str:
    """The command line that goes on with the sweep in `folder`, to be copied into a shell."""
    words = [word for word in arguments if not word.startswith(("resume=", "hydra.sweep.dir=", "hydra.run.dir="))]
    shown = [public(word) for word in words]
    return f"{joined(['python', '-m', 'src.main', *shown])} {override('resume', str(folder))}"


def _refuse_missing(plan: SweepPlan, folder: Path, missing: Sequence[Missing]) -> None:
    if not missing:
        return
    names = ", ".join(f"{plan.label(m.slot)} #{m.slot.iteration:02d}" for m in missing)
    raise RunError(
        f"{len(missing)} of {counted(len(plan.slots), 'run')} could not be measured: {names}; see the table above, and "
        f"worker.log in their folders below {folder}"
    )
