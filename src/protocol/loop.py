"""The one loop: block after block, with rests and retries; every run is on disk before anything else happens to it."""

from __future__ import annotations

import shutil
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean

from src import stops
from src.config.schema import TEMPERATURE
from src.contract.plan_file import Slot, blocks
from src.contract.record import RECORD_FILE, RunRecord
from src.errors import MeterError, RunError, TrackError
from src.measure.run import measure
from src.plan.sweep_plan import SweepPlan
from src.plan.time_left import remaining_s
from src.protocol.display import Display
from src.protocol.enough import enough, looked_at
from src.protocol.filing import Filing
from src.protocol.machine import MachineState, rest, rest_and_look
from src.protocol.ready import Ready
from src.track import open_store
from src.track.patience import waiting_at_most

MEASURING_ERRORS = (MeterError, RunError)
STORE_WAIT_S = 4.0
"""The most that a block is held up by a store that does not answer."""


@dataclass(frozen=True)
class Missing:
    """A planned run that could not be measured, and why."""

    slot: Slot
    reason: str


@dataclass(kw_only=True)
class Course:
    """What has come of a plan so far, wherever its runs are measured.

    `records` are of finished runs, those of before a stop among them; `failed` of those that were tried in vain;
    `missing` are slots given up; `spared` ones need not be measured, as enough is known without them.
    """

    plan: SweepPlan
    folder: Path
    display: Display
    records: list[RunRecord] = field(default_factory=list)
    failed: list[RunRecord] = field(default_factory=list)
    missing: list[Missing] = field(default_factory=list)
    spared: int = 0

    def take(self, record: RunRecord) -> None:
        """Put a record where it belongs."""
        (self.records if record.status == "finished" else self.failed).append(record)

    def name(self, slot: Slot) -> str:
        """A run for people."""
        return f"{self.plan.label(slot)} {slot.iteration}/{self.plan.iterations}"


@dataclass(kw_only=True)
class Loop(Course):
    """Measures `todo`, the slots of `plan` that are left, on this machine; `ready` holds one entry a treatment.

    `seen_s` holds wall seconds of runs by treatment; `tried` says how often a slot was tried before a stop. Runs are
    filed below `parent`; without one, as in a share, somebody else files them.
    """

    ready: list[Ready]
    machine: MachineState
    todo: list[Slot]
    parent: str | None = None
    tried: dict[int, int] = field(default_factory=dict)
    seen_s: dict[int, list[float]] = field(default_factory=dict)
    _launched: int = 0
    _longer_s: list[float] = field(default_factory=list)
    _kept: list[RunRecord] = field(default_factory=list)
    _silent_since: int | None = None

    @property
    def guess_s(self) -> list[float | None]:
        """A first guess at each treatment's run."""
        return [ready.work.expected_s for ready in self.ready]

    def run(self) -> None:
        """Every block that is left."""
        left = blocks(self.todo)
        for number, block in enumerate(left, 1):
            self._run_block(block, later=[slot for following in left[number:] for slot in following])
            self._file_kept(block[0].iteration)
            if self._may_stop(block[0].iteration):
                self.spared = sum(map(len, left[number:]))
                return

    def _may_stop(self, iteration: int) -> bool:
        """Whether enough is known after this block; said, with what is saved."""
        if iteration not in looked_at(self.plan.shared.protocol):
            return False
        why = enough(self.plan, self.records)
        if why:
            saved = self.plan.iterations - iteration
            self.display.say(f"stopped after {iteration} of {self.plan.iterations} blocks, {saved} saved: {why}")
        return why is not None

    def _run_block(self, block: Sequence[Slot], later: Sequence[Slot]) -> None:
        """Every slot of a block; a failed one waits for its next try at the block's end."""
        queue = deque((slot, 0) for slot in block)
        while queue:
            stops.check()
            slot, retry = queue.popleft()
            left = [slot, *(waiting for waiting, _ in queue), *later]
            self._rest(slot, begins=slot is block[0] and not retry)
            is_last = retry >= self.plan.shared.protocol.retries
            record = self._run(slot, self.tried.get(slot.sequence, 0) + retry, left, is_last)
            if record.status == "finished":
                continue
            reason = record.tags["error"]
            color = "yellow" if record.status == "disturbed" else "red"
            self.display.say(f"{self.name(slot)} {'failed: ' if color == 'red' else ''}{reason}", color)
            if is_last:
                self.missing.append(Missing(slot, reason))
            else:
                queue.append((slot, retry + 1))

    def _rest(self, slot: Slot, begins: bool) -> None:
        """The rest before a run; one that `begins` a block ends with a look at the machine.

        Before the first run there is one only where the others wait for its temperature.
        """
        config, meter = self.plan.configs[slot.treatment], self.ready[slot.treatment].meter
        idle_s, begin_s = config.protocol.idle_s, time.monotonic()
        if idle_s == 0 or not (self._launched or config.protocol.rest == TEMPERATURE):
            return
        self.display.stage(f"idle before {self.name(slot)}", idle_s)
        if begins:
            self.machine = rest_and_look(self.machine, config, meter, self.folder, self.display)
        else:
            self.machine = rest(self.machine, config, self.display)
        self._longer_s.append(time.monotonic() - begin_s - idle_s if config.protocol.rest == TEMPERATURE else 0.0)

    def _run(self, slot: Slot, attempt: int, left: Sequence[Slot], is_last: bool) -> RunRecord:
        """One run, on disk and, where the store takes it, in MLflow; `is_last` if it is not tried again."""
        following = self.name(left[1]) if len(left) > 1 else "nothing, this is the last run"
        longer_s = fmean(self._longer_s or [0.0])
        left_s = remaining_s(self.plan, left, self.guess_s, self.seen_s, longer_s)
        self.display.started(self.name(slot), following, left_s)
        begin = time.monotonic()
        filing = self.filing(slot, attempt)
        clear(filing.folder)
        filing.begin()
        try:
            record = self._measured(filing, is_last)
        except BaseException:
            self._keep_whole(filing.folder)
            raise
        self._launched += 1
        self.take(record)
        if record.status == "finished":
            self.seen_s.setdefault(slot.treatment, []).append(time.monotonic() - begin)
        self._file(record, slot.iteration)
        if record.status == "finished":
            self.display.finished(self.name(slot), record)
        return record

    def _measured(self, filing: Filing, is_last: bool) -> RunRecord:
        """The run's record; a disturbed run that can be tried again does not count, else it is kept with its flags."""
        ready, protocol = filing.ready, filing.config.protocol
        limits = protocol.timeout_s, protocol.max_foreign_cpu_share
        try:
            measured = measure(ready.meter, ready.work.job, filing.folder, filing.environment, *limits)
        except MEASURING_ERRORS as error:
            return filing.failed(error)
        return filing.finished(measured, is_last)

    def filing(self, slot: Slot, attempt: int) -> Filing:
        """What is known of a run before it begins."""
        ready = self.ready[slot.treatment]
        return Filing(
            config=self.plan.configs[slot.treatment],
            sweep=self.plan.sweep,
            treatment=self.plan.treatments[slot.treatment],
            slot=slot,
            attempt=attempt,
            folder=self.folder / self.plan.folder(slot, attempt),
            ready=ready,
            environment=ready.environment(),
            idle=self.machine.baseline(ready.meter),
            background_load=self.machine.background_load,
            before_block=self.machine.metrics(ready.meter),
            rest_flags=self.machine.rest_flags,
        )

    def _file(self, record: RunRecord, iteration: int) -> None:
        """The store is opened only to file: whether it still answers is no reason not to measure, nor to wait long.

        After it failed once, runs are kept on disk until it answers at the end of a later block, or of the sweep.
        """
        if self.parent is None:
            return
        self._kept.append(record)
        if self._silent_since is not None:
            return
        try:
            self._file_all()
        except TrackError:
            self._silent_since = iteration
            self.display.say(
                f"MLflow does not take {record.name} now; runs are kept on disk and filed as soon as it does", "yellow"
            )

    def _file_kept(self, iteration: int) -> None:
        """Once a block, but not in the one that was held up already."""
        if self._silent_since in (None, iteration):
            return
        try:
            self._file_all()
        except TrackError:
            return
        self._silent_since = None
        self.display.say("MLflow takes runs again")

    def _file_all(self) -> None:
        with stops.deferred(), waiting_at_most(STORE_WAIT_S):
            store = open_store(self.plan.shared.tracking_uri)
            while self._kept:
                store.file_run(self._kept[0], self.parent)
                self._kept.pop(0)

    def _keep_whole(self, folder: Path) -> None:
        """Keep a run that was stopped after it was measured: by then its record was written."""
        if (folder / RECORD_FILE).exists():
            self.take(RunRecord.read(folder))


def clear(folder: Path) -> None:
    """Remove what an interrupted run left in its folder; one with a record is never touched."""
    if folder.exists() and not (folder / RECORD_FILE).exists():
        shutil.rmtree(folder)
