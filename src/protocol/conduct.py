"""Conduct a sweep: baseline, warm-up, then block after block, with rests, retries and a table at the end."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from hydra.core.utils import JobReturn, JobStatus

from src.contract.record import RECORD_FILE, RunRecord
from src.errors import JoulebenchError, MeterError, RunError, TrackError
from src.measure.meters.select import Meter
from src.paths import ROOT
from src.plan.schedule import Slot
from src.plan.sweep_plan import SweepPlan
from src.plan.time_left import expected_run_s, remaining_s
from src.protocol.display import Display, duration
from src.protocol.filing import filing_command
from src.protocol.host import host_facts
from src.protocol.machine import MachineState, introduce_meter, prepare_machine
from src.protocol.outcomes import missing_table, outcome_of, summarise, summary_table
from src.protocol.preflight import Ready, gemm_gflop_per_s, make_ready, ready_store
from src.protocol.priming import prime
from src.protocol.sweep_run import SweepRun

Launch = Callable[[Sequence[str], int], JobReturn]


@dataclass(frozen=True)
class Missing:
    """A planned run that could not be measured, and why."""

    slot: Slot
    reason: str


def conduct(plan: SweepPlan, folder: Path, launch: Launch, display: Display | None = None) -> list[RunRecord]:
    """Measure every run of the plan and file it; returns the finished runs' records.

    Raises RunError at the end when runs are missing, and TrackError when MLflow lacks something, after everything else
    has been measured and filed.
    """
    display = display or Display()
    ready = [make_ready(config, ROOT) for config in plan.configs]
    store = ready_store(plan.shared)
    plan.write(folder)
    host = host_facts()
    meters = distinct_meters(ready)
    tags = {
        "meter": ", ".join(meter.name for meter in meters),
        "energy_kind": ", ".join(sorted({meter.energy_kind for meter in meters})),
    }
    sweep_run = SweepRun.begin(store, plan, folder, host, tags)
    conductor = _Conductor(plan, folder, launch, display, ready, sweep_run.run_id)
    report_files: Sequence[Path] = ()
    try:
        with display.live(f"joulebench: {plan.shared.experiment}, sweep {plan.sweep}", len(plan.slots)):
            conductor.run()
        sweep_run.file_missing([*conductor.records, *conductor.failed])
        report_files = _report(sweep_run, conductor)
    finally:
        unfiled = _close(sweep_run, conductor, report_files)
    _refuse_missing(plan, folder, conductor.missing)
    if unfiled:
        raise TrackError("not all of this sweep is in MLflow; see above why, and how to file the rest")
    return conductor.records


def _report(sweep_run: SweepRun, conductor: _Conductor) -> Sequence[Path]:
    """Write the sweep's report and say what it answers; returns its files. Runs are never lost to a report."""
    from src.report.make import make_report  # loads statistics and figures, which no run should wait for

    plan, display = conductor.plan, conductor.display
    if not conductor.records:
        return ()
    try:
        shared = plan.shared
        folder = conductor.folder / "report"
        report = make_report(
            sweep_run.store, shared.experiment, shared.analysis, folder, plan.sweep, shared.tracking_uri
        )
    except JoulebenchError as error:
        display.say(f"no report: {error}", "yellow")
        return ()
    for sentence in report.answer:
        display.say(sentence)
    display.say(f"report: {report.page}")
    return report.files


def _close(sweep_run: SweepRun, conductor: _Conductor, report_files: Sequence[Path]) -> list[str]:
    """File the summary and show it, also when the sweep was stopped; returns what MLflow refused, and why."""
    plan, display, records = conductor.plan, conductor.display, conductor.records
    refused = sweep_run.end([*records, *conductor.failed], report_files)
    if records:
        display.console.print(summary_table(summarise([outcome_of(record) for record in records])))
    if conductor.missing:
        gone = [(plan.label(m.slot), m.slot.iteration, m.reason) for m in conductor.missing]
        display.console.print(missing_table(gone))
    for reason in refused:
        display.say(f"not in MLflow: {reason}", "red")
    if refused:
        command = filing_command(conductor.folder, plan.shared.tracking_uri)
        display.say(f"file the rest with {command} when the store works again", "red")
    done = f"{len(records)} of {len(plan.slots)} runs finished"
    display.say(f"{done}, in experiment '{plan.shared.experiment}'; {sweep_run.way}")
    display.say(f"  {sweep_run.page()}")
    return refused


def distinct_meters(ready: Sequence[Ready]) -> list[Meter]:
    """The meters of a sweep, each once, in the order of the treatments."""
    return list(dict.fromkeys(each.meter for each in ready))


@dataclass
class _Conductor:
    """The loop over blocks and runs, and what it has come to.

    `records` are of finished runs, `failed` of those that were tried in vain, `missing` are slots given up; `seen_s`
    holds wall seconds of runs by treatment.
    """

    plan: SweepPlan
    folder: Path
    launch: Launch
    display: Display
    ready: list[Ready]
    parent: str
    machine: MachineState = field(default_factory=lambda: MachineState({}, 0.0))
    launched: int = 0
    records: list[RunRecord] = field(default_factory=list)
    failed: list[RunRecord] = field(default_factory=list)
    missing: list[Missing] = field(default_factory=list)
    seen_s: dict[int, list[float]] = field(default_factory=dict)
    guess_s: list[float] = field(default_factory=list)

    def run(self) -> None:
        """Everything between the plan and the summary."""
        self._introduce()
        self.display.say("loading each framework once, so that no measured run has to wait for the disk")
        prime((ready.python, c.framework) for ready, c in zip(self.ready, self.plan.configs, strict=True))
        self.machine = prepare_machine(self.plan.shared, distinct_meters(self.ready), self.folder, self.display)
        blocks = self.plan.blocks
        for number, block in enumerate(blocks, 1):
            self._run_block(block, later=[slot for following in blocks[number:] for slot in following])

    def _introduce(self) -> None:
        plan = self.plan
        rate = gemm_gflop_per_s()
        self.guess_s = [
            expected_run_s(config, ready.prepared.train_size, rate)
            for config, ready in zip(plan.configs, self.ready, strict=True)
        ]
        protocol = plan.shared.protocol
        expected_s = protocol.baseline_s + protocol.warmup_s + remaining_s(plan, plan.slots, self.guess_s, {})
        self.display.say(
            f"plan: {len(plan.treatments)} treatments ({', '.join(t.label for t in plan.treatments)}) in "
            f"{protocol.iterations} {protocol.order.value} blocks = {len(plan.slots)} runs; "
            f"protocol {protocol.name}: {duration(protocol.warmup_s)} warm-up, {duration(protocol.idle_s)} between runs"
        )
        for meter in distinct_meters(self.ready):
            introduce_meter(self.display, meter)
        self.display.say(f"length: roughly {duration(expected_s)}; sharper after the first block. Files: {self.folder}")

    def _run_block(self, block: Sequence[Slot], later: Sequence[Slot]) -> None:
        """Every slot of a block; a failed one waits for its next try at the block's end."""
        queue = deque((slot, 0) for slot in block)
        while queue:
            slot, attempt = queue.popleft()
            left = [slot, *(waiting for waiting, _ in queue), *later]
            idle_s = self.plan.configs[slot.treatment].protocol.idle_s
            if self.launched and idle_s > 0:
                self.display.stage(f"idle before {self._name(slot)}", idle_s)
                time.sleep(idle_s)
            reason = self._run(slot, attempt, left)
            if reason is None:
                continue
            self.display.say(f"{self._name(slot)} failed: {reason}", "red")
            if attempt < self.plan.shared.protocol.retries:
                queue.append((slot, attempt + 1))
            else:
                self.missing.append(Missing(slot, reason))

    def _run(self, slot: Slot, attempt: int, left: Sequence[Slot]) -> str | None:
        """One run; returns why it failed, or None."""
        following = self._name(left[1]) if len(left) > 1 else "nothing, this is the last run"
        left_s = remaining_s(self.plan, left, self.guess_s, self.seen_s)
        self.display.started(self._name(slot), following, left_s)
        begin = time.monotonic()
        folder = self.folder / self.plan.folder(slot, attempt)
        try:
            returned = self.launch(self.plan.overrides(slot, attempt, self._seen(slot)), self.launched)
        except BaseException:
            self._keep_whole(folder)
            raise
        self.launched += 1
        record = _record(returned, folder)
        if _is_unfiled(returned):
            self.display.say(f"MLflow does not take {self._name(slot)} now; it is filed when the sweep ends", "yellow")
        if record.status != "finished":
            self.failed.append(record)
            return record.tags["error"]
        self.records.append(record)
        self.seen_s.setdefault(slot.treatment, []).append(time.monotonic() - begin)
        self.display.finished(self._name(slot), outcome_of(record))
        return None

    def _keep_whole(self, folder: Path) -> None:
        """Keep a run that was stopped while it was being filed: by then it was measured, and its record written."""
        if (folder / RECORD_FILE).exists():
            record = RunRecord.read(folder)
            (self.records if record.status == "finished" else self.failed).append(record)

    def _seen(self, slot: Slot) -> dict[str, object]:
        """What the sweep knows and a run of its own cannot."""
        return {
            "run.parent": self.parent,
            "run.idle_power_w": self.machine.idle_power_w.get(self.ready[slot.treatment].meter, "null"),
            "run.background_load": self.machine.background_load,
        }

    def _name(self, slot: Slot) -> str:
        return f"{self.plan.label(slot)} {slot.iteration}/{self.plan.shared.protocol.iterations}"


def _record(returned: JobReturn, folder: Path) -> RunRecord:
    """What a launched run left, also when it could not be measured or filed; errors of our own are raised on."""
    if returned.status is JobStatus.COMPLETED:
        record = returned.return_value
        assert isinstance(record, RunRecord)
        return record
    error = returned._return_value  # the property would raise it
    if not isinstance(error, MeterError | RunError | TrackError):
        raise error
    return RunRecord.read(folder)


def _is_unfiled(returned: JobReturn) -> bool:
    """Whether MLflow refused the run: what it said is the error itself, or noted on that of a failed run."""
    error = returned._return_value
    return isinstance(error, TrackError) or bool(getattr(error, "__notes__", ()))


def _refuse_missing(plan: SweepPlan, folder: Path, missing: Sequence[Missing]) -> None:
    if not missing:
        return
    names = ", ".join(f"{plan.label(m.slot)} #{m.slot.iteration:02d}" for m in missing)
    raise RunError(
        f"{len(missing)} of {len(plan.slots)} runs could not be measured: {names}; see the table above, and worker.log "
        f"in their folders below {folder}"
    )
