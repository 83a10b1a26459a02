"""Sweeps that are killed at random moments, and what must hold after they were gone on with."""

from __future__ import annotations

import os
import random
import signal
import sys
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from src.contract.plan_file import PLAN_FILE, PlanFile
from src.contract.record import RECORD_FILE, RunRecord
from src.track import open_store
from tests.nursery import Nursery, nursery

VICTIMS = (
    *(("conductor",), ("guard",), ("keeper",), ("meter",), ("worker",), ("conductor", "guard")),
    *(("conductor", "keeper"), ("conductor", "meter"), ("conductor", "worker"), ("guard", "meter")),
    *(("guard", "worker"), ("meter", "worker"), ("keeper", "meter"), ("keeper", "worker"), ("conductor", "burner")),
)
"""Who is killed; of those that are not there, the others; where nobody is, the conductor."""
KILLS_A_SWEEP = 5
RUNNING_SHARE = 0.75
"""How many of the moments count from a run on; what comes before takes longer than all runs of so small a sweep."""
BEFORE_RUNS = ("plan", "begin", "priming or baseline", "warm-up")
LONGEST_S = 300.0


@dataclass
class Killing:
    """One sweep that is killed KILLS_A_SWEEP times; `killed` says who was, and in which phase."""

    nursery: Nursery
    folder: Path
    meter: str
    store_uri: str
    chance: random.Random
    span_s: float = 5.0
    killed: list[tuple[str, str]] = field(default_factory=list)

    @property
    def words(self) -> list[str]:
        commands = ",".join(f"'{sys.executable} -S -c \"import time; time.sleep(0.{n})\"'" for n in (2, 3))
        times = ("protocol.warmup_s=0.3", "protocol.baseline_s=0.4", "protocol.idle_s=0.1", "protocol.retries=4")
        of_meter = ("meter=energibridge", f"meter.binary='{self.meter}'", "meter.interval_ms=50")
        shared = ("protocol=smoke", "protocol.iterations=2", "analysis.bootstrap_samples=200", "experiment=killed")
        place = f"hydra.sweep.dir={self.folder / 'sweep'}"
        return ["-m", "workload=command", f"workload.command={commands}", *shared, *times, *of_meter,
                f"tracking_uri='{self.store_uri}'", place]  # fmt: skip

    def line(self) -> list[str]:
        begun = (self.folder / "sweep" / PLAN_FILE).exists()
        return [*self.words, f"resume='{self.folder / 'sweep'}'"] if begun else self.words

    def kill_at_random(self, kills: int = KILLS_A_SWEEP) -> None:
        """Start or go on with it, and kill somebody."""
        for _ in range(kills):
            child = self.nursery.bear(self.line(), self.folder)
            if self.chance.random() < RUNNING_SHARE:
                self.wait_for_run(child)
            time.sleep(self.chance.uniform(0.0, self.span_s))
            victims = self.chance.choice(VICTIMS)
            found = people(child)
            chosen = [name for name in victims if name in found] or (["conductor"] if "conductor" in found else [])
            self.killed.append(("+".join(chosen) or "nobody", self.phase(found)))
            for name in chosen:
                with suppress(ProcessLookupError):
                    os.kill(found[name], signal.SIGKILL)
            code = self.nursery.ended(child)
            assert code in self.expected(chosen), (code, self.killed, self.log())
            assert "Traceback" not in self.log(), (self.killed, self.log())

    def wait_for_run(self, child: int) -> None:
        """Until a run is being measured, or none is left to be."""
        while (found := people(child)) and self.phase(found) != "run":
            time.sleep(0.02)

    def expected(self, chosen: list[str]) -> tuple[int, ...]:
        """The exit codes that a kill may lead to: what is lost before the first run is an error, a run is repeated."""
        if "conductor" in chosen:
            return (-signal.SIGKILL,)
        return (0,) if self.killed[-1][1] not in BEFORE_RUNS else (0, 1, 2)

    def phase(self, found: dict[str, int]) -> str:
        """What the sweep was about, as far as processes and files tell."""
        sweep = self.folder / "sweep"
        if not (sweep / PLAN_FILE).exists():
            return "plan"
        if "burner" in found:
            return "warm-up"
        runs = [path for path in sweep.glob("0*") if path.is_dir()]
        open_runs = [run for run in runs if not (run / RECORD_FILE).exists()]
        if "worker" in found:
            return "run"
        if "guard" in found:
            return "priming or baseline"
        if (sweep / "report").exists():
            return "report"
        if open_runs:
            return "before or after a run"
        return "idle or filing" if runs else "begin"

    def finish(self) -> None:
        """Go on to the end, and check all that must hold then."""
        began = time.monotonic()
        code = self.nursery.ended(self.nursery.bear(self.line(), self.folder))
        assert code == 0, (self.killed, self.log())
        assert time.monotonic() - began < LONGEST_S
        self.check()

    def log(self) -> str:
        """The end of what it said."""
        return (self.folder / "log").read_text(errors="replace")[-3000:]

    def check(self) -> None:
        """The final set is the plan, and MLflow has each run once, with all its files."""
        sweep = self.folder / "sweep"
        plan = PlanFile.read(sweep)
        records = [RunRecord.read(path.parent) for path in sweep.glob(f"*/{RECORD_FILE}")]
        planned = [slot.sequence for slot in plan.slots]
        finished = sorted(int(record.tags["sequence"]) for record in records if record.status == "finished")
        assert finished == planned, (self.killed, self.log())
        store = open_store(self.store_uri)
        number = store.experiment_id("killed")
        filed = store.client.search_runs([number], "tags.kind = 'run'")
        assert Counter(run.data.tags["run_uid"] for run in filed) == Counter(record.uid for record in records)
        assert {run.info.status for run in filed} <= {"FINISHED", "FAILED"}
        kept = {record.uid: {path.name for path in record.artifacts()} for record in records}
        for run in filed:
            names = {file.path for file in store.client.list_artifacts(run.info.run_id)}
            assert names == kept[run.data.tags["run_uid"]], (self.killed, run.data.tags["run_uid"])
            if run.info.status == "FINISHED":
                assert names >= {"energy.csv", "outcome.json", "events.jsonl", "environment.json", "power.png"}
        (parent,) = store.client.search_runs([number], "tags.kind = 'sweep'")
        assert parent.info.status == "FINISHED"


def people(conductor: int) -> dict[str, int]:
    """Who lives of a sweep: the process id of each role."""
    found: dict[str, int] = {}
    try:
        process = psutil.Process(conductor)
        everyone = [process, *process.children(recursive=True)]
    except psutil.Error:
        return found
    for each in everyone:
        with suppress(psutil.Error):
            if each.status() != psutil.STATUS_ZOMBIE:
                found[_role(each, conductor, found)] = each.pid
    return found


def _role(process: psutil.Process, conductor: int, found: dict[str, int]) -> str:
    if process.pid == conductor:
        return "conductor"
    words = " ".join(process.cmdline())
    if "src.measure.guard" in words and process.ppid() in (conductor, found.get("keeper")):
        return "keeper" if process.ppid() == conductor else "guard"
    if "src.protocol.burn" in words:
        return "burner"
    if "energibridge" in words.partition(" -- ")[0]:
        return "meter"
    return "worker" if "src.workloads.command.child" in words else "trial"


def left(temporary: Path, nursery_pid: int) -> list[str]:
    """Processes that sweeps left behind."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            own = process.environ().get("TMPDIR") == str(temporary) and process.pid != nursery_pid
            if own and process.status() != psutil.STATUS_ZOMBIE:
                found.append(f"{process.pid} {process.cmdline()}")
    return found


def killed_sweeps(kills: int, seed: int, folder: Path, meter: str, database: Path) -> Counter[tuple[str, str]]:
    """Kill sweeps `kills` times in all, go on with each to its end and check it; returns who was killed, and when."""
    chance, counts = random.Random(seed), Counter[tuple[str, str]]()
    temporary = folder / "temporary"
    temporary.mkdir()
    with nursery(temporary) as made:
        for number in range(-(-kills // KILLS_A_SWEEP)):
            place = folder / str(number)
            place.mkdir()
            (place / "mlflow.db").write_bytes(database.read_bytes())
            killing = Killing(made, place, meter, f"sqlite:///{place}/mlflow.db", chance)
            killing.kill_at_random(min(KILLS_A_SWEEP, kills - number * KILLS_A_SWEEP))
            killing.finish()
            deadline = time.monotonic() + 10
            while (found := left(temporary, made.process.pid)) and time.monotonic() < deadline:
                time.sleep(0.05)
            assert not found, (found, killing.killed)
            counts.update(killing.killed)
    return counts
