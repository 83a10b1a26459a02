"""A sweep on the machines of a cluster: its blocks are given away in shares, and what comes of them is gathered."""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path

from rich.console import RenderableType
from rich.markup import escape
from rich.table import Table

from src import stops
from src.contract.plan_file import Slot, blocks
from src.contract.record import RunRecord
from src.contract.share_file import SHARES, ShareFile, share_folder
from src.doctor.preflight import OF_SHARE, changes_in
from src.errors import ConfigError, RunError, SetupError, TrackError
from src.plan.schedule import deal
from src.plan.sweep_plan import SweepPlan, plain
from src.protocol.announce import planned
from src.protocol.cluster import LOCAL, Cluster, Job, read_jobs, write_jobs
from src.protocol.display import counted, duration
from src.protocol.loop import STORE_WAIT_S, Course, Missing
from src.protocol.outcomes import significant
from src.protocol.resume import Progress, progress_of
from src.protocol.sweep_run import SweepRun
from src.track.patience import waiting_at_most

LOOK_S = 2.0
ASK_S = 5.0
SECOND_LOOK_S = 20.0
"""A job that its cluster does not know any more is believed dead after so long without a word of its own: on a shared
folder a file may be seen late."""
MOST_TRIES = 3
"""How many jobs may be given the same blocks."""
SHOWN = 20


@dataclass
class Share:
    """One share as it is seen from here: its blocks, those that are gathered, and since when its job is gone."""

    job: Job
    blocks: list[list[Slot]]
    gathered: set[int] = field(default_factory=set)
    file: ShareFile | None = None
    gone_since: float | None = None
    last: str = ""

    @property
    def state(self) -> str:
        """For people."""
        return self.file.state if self.file else "waiting"

    @property
    def machine(self) -> str:
        """Where it is measured, as far as is known."""
        return self.file.machine if self.file else ""


@dataclass(kw_only=True)
class Shares(Course):
    """The course of a sweep that a cluster measures; its runs are filed from here, whole blocks at a time.

    `progress` is what was on disk at the beginning.
    """

    cluster: Cluster
    sweep_run: SweepRun
    progress: Progress
    jobs: dict[int, Job] = field(default_factory=dict)
    open: dict[int, Share] = field(default_factory=dict)
    ended: list[Share] = field(default_factory=list)
    _asked_at: float = 0.0
    _silent: bool = False

    def __post_init__(self) -> None:
        left = {slot.iteration for slot in self.progress.left}
        for record in [*self.progress.finished, *self.progress.failed]:
            if int(record.tags["iteration"]) not in left:
                self.take(record)

    def run(self, still: frozenset[int]) -> None:
        """Give away every block that is not finished and that no share in `still` measures yet, and gather them all."""
        self._introduce()
        self.jobs = read_jobs(self.folder)
        left = {slot.iteration for slot in self.progress.left}
        for share in still:
            own = [block for block in self._blocks(share) if block[0].iteration in left]
            if own:
                self.open[share] = Share(self.jobs[share], own)
        measured = {block[0].iteration for share in self.open.values() for block in share.blocks}
        free = [block for block in blocks(self.plan.slots) if block[0].iteration in left - measured]
        machines = max(1, self.plan.shared.protocol.machines - len(still))
        if free:
            dealt = deal([slot for block in free for slot in block], min(machines, len(free)))
            self._give([list(own) for _, own in groupby(dealt, key=lambda slot: slot.share)])
        try:
            with self.display.showing(self.table):
                while self.open:
                    stops.check()
                    self.look()
                    time.sleep(LOOK_S if self.open else 0.0)
        except (KeyboardInterrupt, SystemExit):
            if self.open:
                end = self.cluster.end_command(share.job for share in self.open.values())
                self.display.say(f"the shares go on being measured, and resume finds them; `{end}` ends them", "yellow")
            raise

    def look(self) -> None:
        """See what every open share came to, and gather its blocks."""
        alive = self._alive()
        for share in list(self.open.values()):
            before = share.state
            share.file = ShareFile.read(self.folder, share.job.share) or share.file
            if share.state != before and not (share.file and share.file.ended):
                self.display.plain(f"share {share.job.share} on {share.machine}: {share.state}")
            self._gather(share)
            if share.file and share.file.ended:
                self._settle(share, share.file.reason, share.file.state)
            elif self._is_dead(share, alive):
                self._settle(share, self.cluster.ending(share.job), "dead")

    def _alive(self) -> frozenset[int] | None:
        if time.monotonic() - self._asked_at < ASK_S:
            return None
        self._asked_at = time.monotonic()
        return self.cluster.alive(share.job for share in self.open.values())

    @staticmethod
    def _is_dead(share: Share, alive: frozenset[int] | None) -> bool:
        """Whether its job is gone, seen twice, with nothing heard of it in between."""
        if alive is None:
            return False
        if share.job.share in alive:
            share.gone_since = None
        elif share.gone_since is None:
            share.gone_since = time.monotonic()
        return share.gone_since is not None and time.monotonic() - share.gone_since >= SECOND_LOOK_S

    def _blocks(self, share: int) -> list[list[Slot]]:
        return blocks(slot for slot in self.plan.slots if slot.share == share)

    def _gather(self, share: Share) -> None:
        """Take the blocks that its machine finished since."""
        for block in share.blocks:
            if block[0].iteration in share.gathered:
                continue
            if not (self.folder / self.plan.folder(block[-1], 0)).exists():
                break
            progress = progress_of(self._only(block), self.folder, recover=False)
            if progress.left:
                continue
            self._take(share, block, progress)

    def _take(self, share: Share, block: Sequence[Slot], progress: Progress) -> None:
        share.gathered.add(block[0].iteration)
        for record in [*progress.finished, *progress.failed]:
            self.take(record)
        energies = [f"{self.plan.label(slot)} {_energy(progress, slot)}" for slot in block]
        share.last = ", ".join(energies)
        left = f", about {duration(share.file.left_s)} left" if share.file and share.file.left_s else ""
        self.display.plain(
            f"share {share.job.share} on {share.machine}: block {len(share.gathered)} of {len(share.blocks)}: "
            f"{share.last}{left}"
        )
        self._file([*progress.finished, *progress.failed])

    def _only(self, block: Sequence[Slot]) -> SweepPlan:
        return dataclasses.replace(self.plan, slots=tuple(block))

    def _file(self, records: Sequence[RunRecord]) -> None:
        """File them, unless the store failed before: at the end all that is missing is filed."""
        if self._silent:
            return
        try:
            with stops.deferred(), waiting_at_most(STORE_WAIT_S):
                for record in records:
                    self.sweep_run.store.file_run(record, self.sweep_run.run_id)
        except TrackError:
            self._silent = True
            self.display.say("MLflow takes no runs now; they are kept on disk and filed at the end", "yellow")

    def _settle(self, share: Share, reason: str, how: str) -> None:
        """A share has ended: what is left of it is given to another job, or given up."""
        number = share.job.share
        del self.open[number]
        self.ended.append(share)
        progress = progress_of(self._only([slot for block in share.blocks for slot in block]), self.folder)
        left = {slot.iteration for slot in progress.left}
        for block in share.blocks:
            if block[0].iteration not in left | share.gathered:
                self._take(share, block, progress_of(self._only(block), self.folder))
        unfinished = [block for block in share.blocks if block[0].iteration in left]
        for path in preflights(self.folder, number)[-1:]:
            for text in changes_in(path):
                self.display.say(f"share {number} on {share.machine}, since its start: {text}", "yellow")
        where = f"share {number}{f' on {share.machine}' if share.machine else ''}"
        if not unfinished:
            self.display.plain(f"{where}: finished")
            return
        count = f"{len(unfinished)} of {counted(len(share.blocks), 'block')}"
        if how == "finished":
            self._give_up(unfinished, "")
            self.display.say(f"{where} ended with {count} unfinished", "yellow")
        elif share.job.tries + 1 >= MOST_TRIES:
            self.display.say(f"{where} ended ({reason}), the {MOST_TRIES}rd job to do so; {count} are given up", "red")
            self._give_up(unfinished, reason)
        else:
            self.display.say(f"{where} ended early ({reason}); its {count} left are given to another job", "yellow")
            avoided = (*share.job.avoided, *([share.machine] if how == "refused" else []))
            self._give([[slot for block in unfinished for slot in block]], share.job.tries + 1, avoided, reason)

    def _give(
        self, shares: Sequence[Sequence[Slot]], tries: int = 0, avoided: tuple[str, ...] = (), why: str = ""
    ) -> None:
        """Give the slots of each share to a new job; what it is to measure is on disk before it begins."""
        first = max(self.jobs, default=0) + 1
        numbers = {slot.sequence: number for number, own in enumerate(shares, first) for slot in own}
        slots = [dataclasses.replace(slot, share=numbers.get(slot.sequence, slot.share)) for slot in self.plan.slots]
        self.plan = dataclasses.replace(self.plan, slots=tuple(slots))
        self.plan.rewrite(self.folder)
        for number, own in enumerate(shares, first):
            self._submit(
                Job(number, f"joulebench_{self.plan.sweep}_{number:03d}", "", tries, avoided), blocks(own), why
            )

    def _submit(self, job: Job, own: list[list[Slot]], why: str) -> None:
        self._note(job)
        try:
            job = dataclasses.replace(job, job=self.cluster.submit(self.folder, job))
        except RunError as error:
            if not self.open and not self.records:
                raise
            self.display.say(str(error), "red")
            self._give_up(own, f"{why}; {error}" if why else str(error))
            return
        self._note(job)
        self.open[job.share] = Share(job, own)

    def _note(self, job: Job) -> None:
        self.jobs[job.share] = job
        write_jobs(self.folder, self.jobs)

    def _give_up(self, given_up: Sequence[Sequence[Slot]], reason: str) -> None:
        """Take what there is of these blocks; the rest is missing."""
        for block in given_up:
            progress = progress_of(self._only(block), self.folder)
            for record in [*progress.finished, *progress.failed]:
                self.take(record)
            errors = {int(record.tags["sequence"]): record.tags["error"] for record in progress.failed}
            for slot in progress.left:
                self.missing.append(Missing(slot, errors.get(slot.sequence) or reason or "it was not measured"))

    def _introduce(self) -> None:
        protocol = self.plan.shared.protocol
        self.display.once(planned(self.plan))
        if self.cluster.kind == LOCAL:
            text = "shares on one machine are measured side by side and spoil each other's energy: only to try it out"
            self.display.say(text, "bold yellow")
        limit = self.cluster.settings.get("timeout_min")
        self.display.say(
            f"{protocol.machines} {'share' if protocol.machines == 1 else 'shares'} on {self.cluster.kind}, each with "
            f"a baseline and warm-up of its own and at most {limit} min (hydra.launcher.timeout_min). "
            f"Files: {self.folder}"
        )

    def table(self) -> RenderableType:
        """All shares, those that are measured now first."""
        shares = sorted([*self.open.values(), *self.ended], key=_order)
        done = sum(len(share.gathered) for share in shares)
        table = Table(box=None, padding=(0, 2, 0, 0), title_justify="left")
        for heading, how in (("share", "right"), ("machine", "left"), ("state", "left"), ("blocks", "right")):
            table.add_column(heading, justify=how, no_wrap=True)  # type: ignore[arg-type]
        table.add_column("now", no_wrap=True, overflow="ellipsis", ratio=1)
        table.add_column("left", justify="right", no_wrap=True)
        for share in shares[:SHOWN]:
            file = share.file
            left = duration(file.left_s) if file and file.left_s and not file.ended else ""
            now = (file.reason or file.now if file else "") or share.last
            blocks_done = f"{len(share.gathered)}/{len(share.blocks)}"
            table.add_row(str(share.job.share), escape(share.machine), share.state, blocks_done, escape(now), left)
        hidden = f", {len(shares) - SHOWN} more shares are not shown" if len(shares) > SHOWN else ""
        states = [share.state for share in shares]
        told = ", ".join(f"{states.count(state)} {state}" for state in dict.fromkeys(states))
        gathered = f"{done} {'block' if done == 1 else 'blocks'} gathered"
        table.title = escape(f"joulebench: {self.plan.shared.experiment}: {told}; {gathered}{hidden}")
        return table


def preflights(folder: Path, share: int | None = None) -> list[Path]:
    """What the doctor saw where a sweep's shares, or this one, began and ended; in the order of their starts."""
    folders = [share_folder(folder, share)] if share is not None else sorted((folder / SHARES).glob("[0-9]*/"))
    return [path for own in folders for path in sorted(own.glob(f"{OF_SHARE}*.json"), key=_start)]


def _start(path: Path) -> int:
    return int(path.stem.partition("-")[2] or 1)


def still_measured(folder: Path, cluster: Cluster) -> frozenset[int]:
    """The shares below a sweep's folder that wait or are measured now; raises SetupError where nobody can tell."""
    alive = cluster.alive(read_jobs(folder).values())
    if alive is None:
        raise SetupError("Slurm does not say which shares still run (squeue failed); resume when it answers again")
    files = {share: ShareFile.read(folder, share) for share in alive}
    return frozenset(share for share, file in files.items() if file is None or not file.ended)


def side_by_side(plan: SweepPlan) -> SweepPlan:
    """The plan for shares of one machine, none of which can have it alone."""
    protocols = (dataclasses.replace(config.protocol, allow_concurrent=True) for config in plan.configs)
    configs = (dataclasses.replace(c, protocol=p) for c, p in zip(plan.configs, protocols, strict=True))
    return dataclasses.replace(plan, configs=tuple(configs))


def refuse_passwords(plan: SweepPlan) -> None:
    """Raise ConfigError where the plan on disk, which the machines read, does not hold all of the configuration."""
    for config in plan.configs:
        written, meant = plain(config), json.loads(json.dumps(dataclasses.asdict(config)))
        if written | {"tracking_uri": None} != meant | {"tracking_uri": None}:
            raise ConfigError(
                "a part of the configuration is secret, so it is not written into the plan that the machines read; "
                "give it in the environment of the jobs instead"
            )


def _order(share: Share) -> tuple[int, int]:
    ranks = ("measuring", "preparing", "waiting", "refused", "stopped")
    return (ranks.index(share.state) if share.state in ranks else len(ranks), share.job.share)


def _energy(progress: Progress, slot: Slot) -> str:
    found: Iterable[RunRecord] = progress.finished
    joules = [record.metrics["energy_j"] for record in found if record.tags["sequence"] == str(slot.sequence)]
    return f"{significant(joules[0])} J" if joules else "none"
