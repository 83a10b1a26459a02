"""A sweep from its plan to its report: what one command line measures, a single run among them."""

from __future__ import annotations

import errno
import os
import shlex
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from src import stops
from src.contract.commands import override
from src.contract.job import Prime
from src.contract.record import RunRecord
from src.doctor.host import host_facts
from src.doctor.preflight import preflight
from src.errors import JoulebenchError, RunError, SetupError, TrackError
from src.measure.alone import measuring_alone
from src.measure.environment import worker_environment
from src.measure.launch import launch
from src.measure.meters.select import Meter
from src.paths import ROOT
from src.plan.sweep_plan import SweepPlan
from src.plan.time_left import remaining_s
from src.protocol.display import Display, duration
from src.protocol.enough import looked_at
from src.protocol.filing import filing_command
from src.protocol.lock import claim
from src.protocol.loop import Loop, Missing
from src.protocol.machine import MachineState, introduce_meter, prepare_machine
from src.protocol.outcomes import missing_table, summary_table
from src.protocol.ready import Ready, make_ready, ready_store
from src.protocol.resume import Progress, go_on, progress_of
from src.protocol.sweep_run import SweepRun
from src.public import password_from, public
from src.track.folder_lock import filing_alone

PRIME_TIMEOUT_S = 600.0
LAST_LINES = 5
LOADER_PATHS = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")
UNWRITABLE = {
    getattr(errno, name)
    for name in ("ENOSPC", "EDQUOT", "EFBIG", "EROFS", "EACCES", "EPERM", "ENOENT", "ENOTDIR", "EIO", "EEXIST")
    if hasattr(errno, name)
}
"""What the system says of a disk that is full, and of a folder that is read-only or gone."""
REPORTED_FROM = 2
"""A single run has nothing to be compared with."""


def measure_sweep(plan: SweepPlan, folder: Path, display: Display | None = None) -> list[RunRecord]:
    """Measure every run of the plan and file it; returns the finished runs' records.

    With `resume`, the plan on disk goes on. Raises RunError at the end when runs are missing, and TrackError when
    MLflow lacks something, after everything else has been measured and filed.
    """
    display = display or Display()
    here = Path.cwd()
    resumed = plan.shared.resume is not None
    if resumed:
        plan, folder = go_on(plan, here)
    folder = here / folder
    with measuring_alone(plan.shared.experiment, folder, plan.shared.protocol.allow_concurrent), ExitStack() as held:
        if resumed:
            held.enter_context(filing_alone(folder))
        ready = make_ready(plan.configs, ROOT, here, display.say)
        store = ready_store(plan.shared)
        checkup = preflight(plan.shared, distinct_meters(ready), display.say)
        stops.check()
        progress = progress_of(plan, folder) if resumed else Progress([], [], list(plan.slots), {})
        if resumed:
            plan.rewrite(folder)
        else:
            folder = claim(plan, folder, held)
        stops.way_on = f"go on with: {resume_command(sys.argv[1:], folder)}"
        checkup.write(folder)
        sweep_run = SweepRun.begin(store, plan, folder, host_facts(), _tags(ready), checkup.params)
        loop = _loop(plan, folder, display, ready, progress, sweep_run.run_id)
        report_files: Sequence[Path] = ()
        try:
            if progress.left:
                title = f"joulebench: {plan.shared.experiment}, sweep {plan.sweep}"
                with display.live(title, len(plan.slots), len(progress.finished)):
                    _introduce(loop)
                    _prime(ready)
                    loop.machine = prepare_machine(plan.shared, distinct_meters(ready), folder, display)
                    loop.run()
                    checkup.repeat(display.say)
            else:
                display.say("every planned run is finished; more protocol.iterations would add some")
            sweep_run.file_missing([*loop.records, *loop.failed])
            stops.check()
            report_files = _report(sweep_run, loop)
            stops.check()
        except OSError as error:
            if error.errno not in UNWRITABLE:
                raise
            raise RunError(
                f"{error.filename or folder} cannot be written ({error.strerror}); what was finished is kept. See that "
                f"{folder} is there and can be written, then {stops.way_on}"
            ) from error
        finally:
            unfiled = _close(sweep_run, loop, [*report_files, *checkup.files])
    _refuse_missing(plan, folder, loop.missing)
    if unfiled:
        raise TrackError("not all of this sweep is in MLflow; see above why, and how to file the rest")
    return loop.records


def distinct_meters(ready: Sequence[Ready]) -> list[Meter]:
    """The meters of a sweep, each once, in the order of the treatments."""
    return list(dict.fromkeys(each.meter for each in ready))


def _tags(ready: Sequence[Ready]) -> dict[str, str]:
    meters = distinct_meters(ready)
    return {
        "meter": ", ".join(meter.name for meter in meters),
        "energy_kind": ", ".join(sorted({meter.energy_kind for meter in meters})),
    }


def _loop(plan: SweepPlan, folder: Path, display: Display, ready: list[Ready], progress: Progress, parent: str) -> Loop:
    seen_s: dict[int, list[float]] = {}
    treatments = {treatment.label: index for index, treatment in enumerate(plan.treatments)}
    for record in progress.finished:
        seen_s.setdefault(treatments[record.tags["treatment"]], []).append((record.end_ms - record.start_ms) / 1000)
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
        seen_s=seen_s,
    )


def _introduce(loop: Loop) -> None:
    """What is to be measured, with what, and how long it takes."""
    plan, display, protocol = loop.plan, loop.display, loop.plan.shared.protocol
    count = len(plan.treatments)
    labels = ", ".join(treatment.label for treatment in plan.treatments)
    display.say(
        f"plan: {count} {'treatment' if count == 1 else 'treatments'} ({labels}) in "
        f"{plan.iterations} {protocol.order.value} {'block' if plan.iterations == 1 else 'blocks'} = "
        f"{len(plan.slots)} {'run' if len(plan.slots) == 1 else 'runs'}; "
        f"protocol {protocol.name}: {duration(protocol.warmup_s)} warm-up, {duration(protocol.idle_s)} between runs"
    )
    if places := looked_at(protocol):
        said = ", ".join(map(str, places))
        display.say(
            f"it may stop after {said} blocks, and save up to {1 - places[0] / plan.iterations:.0%} of the runs"
        )
    if loop.records:
        display.say(f"{len(loop.records)} of them are finished already, {len(loop.todo)} are left")
    for meter in distinct_meters(loop.ready):
        introduce_meter(display, meter)
    runs_s = remaining_s(plan, loop.todo, loop.guess_s, loop.seen_s)
    length = "not known before the first block"
    if runs_s is not None:
        length = f"roughly {duration(protocol.baseline_s + protocol.warmup_s + runs_s)}; sharper after the first block"
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


def _report(sweep_run: SweepRun, loop: Loop) -> Sequence[Path]:
    """Write the sweep's report and say what it answers; returns its files. Runs are never lost to a report."""
    if len(loop.records) < REPORTED_FROM:
        return ()
    plan, display, shared = loop.plan, loop.display, loop.plan.shared
    try:
        from src.report.make import make_report  # loads statistics and figures, which no run should wait for

        report = make_report(
            sweep_run.store, shared.experiment, shared.analysis, loop.folder / "report", plan.sweep, shared.tracking_uri
        )
    except Exception as error:  # noqa: BLE001 (whatever a report stumbles over, the runs are measured)
        reason = str(error) if isinstance(error, JoulebenchError) else f"{type(error).__name__}: {error}"
        display.say(f"no report: {' '.join(reason.split())}", "yellow")
        return ()
    for sentence in report.answer:
        display.say(sentence)
    if sweep_run.store.left_out:
        display.say(sweep_run.store.left_out, "yellow")
    display.say(f"report: {report.page}")
    return report.files


def _close(sweep_run: SweepRun, loop: Loop, report_files: Sequence[Path]) -> list[str]:
    """File the summary and show it, also when the sweep was stopped; returns what MLflow refused, and why."""
    plan, display, records = loop.plan, loop.display, loop.records
    wanted = len(plan.slots) - loop.spared
    refused = replace(sweep_run, planned=wanted).end([*records, *loop.failed], report_files)
    if records:
        display.console.print(summary_table(records))
    if loop.missing:
        gone = [(plan.label(m.slot), m.slot.iteration, m.reason) for m in loop.missing]
        display.console.print(missing_table(gone))
    for reason in refused:
        display.say(f"not in MLflow: {reason}", "red")
    if refused:
        command = filing_command(loop.folder, plan.shared.tracking_uri)
        display.say(f"file the rest with {command} when the store works again", "red")
    spared = f", {loop.spared} spared" if loop.spared else ""
    done = f"{len(records)} of {len(plan.slots)} runs finished{spared}"
    display.say(f"{done}, in experiment '{plan.shared.experiment}'; {sweep_run.way}")
    display.say(f"  {sweep_run.page()}")
    if len(records) < wanted:
        display.say(stops.way_on)
        if hint := password_from(plan.shared.tracking_uri):
            display.say(f"  ({hint})")
    if stops.is_read():
        stops.way_on = ""
    return refused


def resume_command(arguments: Sequence[str], folder: Path) -> str:
    """The command line that goes on with the sweep in `folder`, to be copied into a shell."""
    words = [word for word in arguments if not word.startswith(("resume=", "hydra.sweep.dir=", "hydra.run.dir="))]
    shown = [public(word) for word in words]
    return f"{shlex.join(['python', '-m', 'src.main', *shown])} {override('resume', str(folder))}"


def _refuse_missing(plan: SweepPlan, folder: Path, missing: Sequence[Missing]) -> None:
    if not missing:
        return
    names = ", ".join(f"{plan.label(m.slot)} #{m.slot.iteration:02d}" for m in missing)
    raise RunError(
        f"{len(missing)} of {len(plan.slots)} runs could not be measured: {names}; see the table above, and worker.log "
        f"in their folders below {folder}"
    )
