"""Sweeps that are stopped and gone on with, as a user does it: processes of their own, commands copied into a shell."""

from __future__ import annotations

import json
import os
import random
import re
import shlex
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from src.contract.commands import override
from src.contract.plan_file import PlanFile, Slot, Treatment
from src.paths import ROOT
from src.track import open_store
from tests.kills import Killing, left, people
from tests.nursery import nursery

pytestmark = pytest.mark.skipif(os.name != "posix", reason="sends signals")

WORK = """
import pathlib, sys, time
here = pathlib.Path(__file__).parent
with (here / "started").open("a") as started:
    started.write(sys.argv[1] + "\\n")
place = len((here / "started").read_text().splitlines())
while place == 3 and (here / "hold").exists():
    time.sleep(0.02)
time.sleep(0.25)
sys.exit(place == 3 and (here / "fail").exists())
"""
"""Writes its name down; the third to do so waits while there is a file `hold`, and fails if there is one `fail`."""


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """Where the command lies and joulebench is started."""
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "work.py").write_text(WORK)
    return tmp_path / "here"


@pytest.fixture
def line(work: Path, store_uri: str) -> Callable[..., list[str]]:
    """A command line that compares the command called `a` with the one called `b c`, in three blocks."""

    def words(*more: str) -> list[str]:
        commands = ",".join(f"'{sys.executable} {work}/work.py {name}'" for name in ("a", '"b c"'))
        of_meter = ("meter=estimate", "meter.interval_ms=50")
        of_protocol = ("protocol=smoke", "protocol.iterations=3", "protocol.warmup_s=0.2", "protocol.baseline_s=0.5")
        sweep = ("-m", "workload=command", f"workload.command={commands}", *of_protocol, *of_meter)
        return [*sweep, f"tracking_uri='{store_uri}'", "analysis.bootstrap_samples=200", *more]

    return words


def start(work: Path, words: list[str]) -> subprocess.Popen[str]:
    """joulebench in `work`, with a folder for temporary files, and so a lock, of the test's own."""
    (work / "temporary").mkdir(exist_ok=True)
    python = Path(sys.executable).parent
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(work / "temporary")}
    environment["PATH"] = f"{python}{os.pathsep}{os.environ['PATH']}"
    return subprocess.Popen(
        words, cwd=work, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        preexec_fn=heed_ctrl_c,
    )  # fmt: skip


def heed_ctrl_c() -> None:
    """Whoever runs the tests in the background may have it ignored, which processes inherit."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def joulebench(work: Path, words: list[str]) -> subprocess.Popen[str]:
    return start(work, [sys.executable, "-m", "src.main", *words])


def ended(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    out, errors = process.communicate(timeout=200)
    return process.returncode, out, errors


def started(work: Path) -> list[str]:
    path = work / "started"
    return path.read_text().splitlines() if path.exists() else []


def wait_until(reached: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 120
    while not reached():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.05)


def planned(folder: Path) -> list[str]:
    """What the plan's runs write down, in their order."""
    plan = PlanFile.read(folder)
    return [plan.treatments[slot.treatment].factors["workload.command"].split("work.py ")[1] for slot in plan.slots]


def test_a_killed_sweep_holds_no_lock_and_goes_on_where_it_was(work: Path, line: Callable[..., list[str]]) -> None:
    words = line("experiment=killed", "protocol.allow_concurrent=false")
    (work / "hold").touch()
    first = joulebench(work, words)
    wait_until(lambda: len(started(work)) == 3, first)
    code, out, errors = ended(joulebench(work, words))
    assert (code, out.count("\n"), errors.count("\n")) == (2, 1, 1)
    assert "plan: 2 treatments" in out
    assert f"another sweep is being measured on this machine (experiment 'killed', process {first.pid} of " in errors
    first.kill()
    first.communicate()
    (work / "hold").unlink()
    (folder,) = (path.parent for path in work.glob("multirun/*/*/plan.json"))
    kept = {path: path.read_bytes() for path in folder.glob("*/record.json")}
    assert len(kept) == 2

    code, out, errors = ended(joulebench(work, [*words, "resume=latest"]))
    assert code == 0, errors
    assert out.index("measuring the idle machine") < out.index("warming up") < out.index("2/3: ")
    assert "2 of them are finished already, 4 are left" in out
    names = [name.replace('"', "") for name in planned(folder)]
    assert started(work) == [*names[:3], *names[2:]]
    assert {path: path.read_bytes() for path in kept} == kept
    assert len(list(folder.glob("*/record.json"))) == 6

    code, out, errors = ended(joulebench(work, [*words, "protocol.iterations=4", override("resume", str(folder))]))
    assert code == 0, errors
    longer = [name.replace('"', "") for name in planned(folder)]
    assert longer[:6] == names
    assert started(work)[7:] == longer[6:]

    store = open_store(next(word for word in words if word.startswith("tracking_uri")).split("=")[1].strip("'"))
    runs = store.records("killed")
    assert sorted(int(run.tags["sequence"]) for run in runs) == list(range(1, 9))
    assert Counter(run.factors["workload.command"][-1] for run in runs) == {"a": 4, '"': 4}
    (sweep,) = store.client.search_runs([store.experiment_id("killed")], "tags.kind = 'sweep'")
    assert sweep.info.status == "FINISHED"
    assert {store.client.get_run(run.run_id).data.tags["mlflow.parentRunId"] for run in runs} == {sweep.info.run_id}
    assert {run.metrics["idle_power_w"] > 0 for run in runs} == {True}
    assert os.listdir(work / "temporary") in ([], ["joulebench.lock"])


STOPS = {"Ctrl-C": (signal.SIGINT, 130), "a run that fails": (None, 1)}


@pytest.mark.parametrize(("number", "code"), STOPS.values(), ids=STOPS)
def test_the_command_that_a_stopped_sweep_prints_goes_on(
    work: Path, line: Callable[..., list[str]], number: int | None, code: int
) -> None:
    place = 'my "own", it\'s = ${x} é'
    folder = work / place
    experiment = 'it\'s my "own", $HOME'
    words = [shlex.split(override(key, text))[0] for key, text in
             (("experiment", experiment), ("hydra.sweep.dir", place))]  # fmt: skip
    (work / ("hold" if number else "fail")).touch()
    process = joulebench(work, line(*words))
    wait_until(lambda: len(started(work)) == 3, process)
    if number:
        process.send_signal(number)
    ending, out, errors = ended(process)
    assert ending == code, errors
    assert "Traceback" not in errors
    (printed,) = re.findall(r"go on with: (.*)", out)
    (work / ("hold" if number else "fail")).unlink()

    ending, out, errors = ended(start(work, ["bash", "-c", printed]))
    assert ending == 0, errors
    assert "6 of 6 runs finished" in out
    assert "go on with" not in out
    records = [json.loads(path.read_text()) for path in sorted(folder.glob("*/record.json"))]
    assert sum(record["status"] == "finished" for record in records) == 6
    assert {record["experiment"] for record in records} == {experiment}
    assert [path.name for path in work.glob("multirun")] == []


PHASES = {
    "priming or baseline": (signal.SIGINT, "stopped by Ctrl-C"),
    "warm-up": (signal.SIGTERM, "stopped by SIGTERM"),
    "run": (signal.SIGHUP, "stopped by SIGHUP, as its terminal was closed"),
    "idle or filing": (signal.SIGINT, "stopped by Ctrl-C"),
}


@pytest.fixture
def sweeps(
    tmp_path: Path, energibridge: Callable[..., str], empty_database: Path
) -> Iterator[Callable[[str], Killing]]:
    """Makes small sweeps that begin at once."""
    (tmp_path / "temporary").mkdir()
    with nursery(tmp_path / "temporary") as made:

        def make(name: str) -> Killing:
            folder = tmp_path / name
            folder.mkdir()
            (folder / "mlflow.db").write_bytes(empty_database.read_bytes())
            return Killing(made, folder, energibridge(), f"sqlite:///{folder}/mlflow.db", random.Random(0))

        yield make
        assert not left(tmp_path / "temporary", made.process.pid)


def reach(sweep: Killing, phase: str) -> int:
    """The process of a sweep that has just come to a phase."""
    child = sweep.nursery.bear(sweep.line(), sweep.folder)
    deadline = time.monotonic() + 100
    while sweep.phase(people(child)) != phase:
        assert time.monotonic() < deadline, sweep.log()
        time.sleep(0.005)
    return child


@pytest.mark.parametrize(
    ("phase", "number", "reason"), [(phase, *ending) for phase, ending in PHASES.items()], ids=PHASES
)
def test_a_stop_in_any_phase_says_why_it_ended_and_how_to_go_on(
    sweeps: Callable[[str], Killing], phase: str, number: int, reason: str
) -> None:
    sweep = sweeps("stopped")
    child = reach(sweep, phase)
    os.kill(child, number)
    assert sweep.nursery.ended(child) == 128 + number, (phase, sweep.log())
    log = sweep.log()
    assert f"joulebench: {reason}; what was finished is kept" in log
    assert f"resume={sweep.folder}" in log.replace("\n", "")
    assert "Traceback" not in log
    store = open_store(sweep.store_uri)
    (parent,) = store.client.search_runs([store.experiment_id("killed")], "tags.kind = 'sweep'")
    assert parent.info.status == "KILLED"


def test_a_second_ctrl_c_ends_at_once_and_leaves_no_process(sweeps: Callable[[str], Killing]) -> None:
    sweep = sweeps("twice")
    child = reach(sweep, "run")
    os.kill(child, signal.SIGINT)
    os.kill(child, signal.SIGINT)
    time.sleep(0.05)
    with suppress(ProcessLookupError):
        os.kill(child, signal.SIGINT)
    assert sweep.nursery.ended(child) == 130
    assert "joulebench: stopped by Ctrl-C at once; what was finished is kept; go on with: python" in sweep.log()
    wait_for_none_left(sweep)
    sweep.finish()


def wait_for_none_left(sweep: Killing) -> None:
    deadline = time.monotonic() + 15
    while left(sweep.folder.parent / "temporary", sweep.nursery.process.pid) and time.monotonic() < deadline:
        time.sleep(0.05)


EARLY = {
    "main": ["src.main", "workload=command", "workload.command=sleep 0", "protocol=smoke", "meter=estimate"],
    "track": ["src.track", "."],
    "report": ["src.report", "experiment=none"],
    "ingest": ["src.ingest", "experiment=none", "framework=a", "path=."],
}


@pytest.mark.parametrize("module", EARLY)
def test_a_stop_while_modules_are_imported_is_one_line(work: Path, module: str) -> None:
    (work / "sweep").mkdir()
    PlanFile("s", (Treatment("a"),), (Slot(1, 1, 1, 0),)).write(work / "sweep")
    for wait_s, number in ((0.15, signal.SIGINT), (0.5, signal.SIGTERM), (1.2, signal.SIGINT)):
        process = start(work, [sys.executable, "-X", "importtime", "-m", *EARLY[module]])
        assert process.stderr is not None
        seen = ""
        while "src.stops" not in seen:  # from then on; before, Python itself has just begun
            seen = process.stderr.readline()
            assert seen
        time.sleep(wait_s)
        process.send_signal(number)
        code, _, errors = ended(process)
        if code == 0:
            continue  # it was done before
        assert code == 128 + number
        (line,) = [line for line in errors.splitlines() if not line.startswith("import time:")]
        assert line.startswith(f"joulebench: stopped by {'Ctrl-C' if number == signal.SIGINT else 'SIGTERM'}")


def test_output_that_nobody_reads_ends_the_sweep_in_order(work: Path, line: Callable[..., list[str]]) -> None:
    words = " ".join(shlex.quote(word) for word in line("experiment=head", "hydra.sweep.dir=sweep"))
    command = f"set -o pipefail; {shlex.quote(sys.executable)} -m src.main {words} | head -n 1"
    code, out, errors = ended(start(work, ["bash", "-c", command]))
    assert code == 141, errors
    assert out.count("\n") == 1
    assert errors.startswith(
        "joulebench: stopped because nobody reads its output any more; what was finished is kept; go"
    )
    assert errors.count("\n") == 1
    assert (work / "sweep" / "plan.json").exists()


DEFERRED = """
import os, signal
from src import stops
stops.begin()
def work():
    with stops.deferred():
        os.kill(os.getpid(), signal.SIGINT)
        print("whole", flush=True)
    print("never")
    return 0
stops.leave(stops.in_order(work))
"""


def test_a_stop_waits_for_the_end_of_what_must_be_whole(work: Path) -> None:
    code, out, errors = ended(start(work, [sys.executable, "-c", DEFERRED]))
    assert (code, out) == (130, "whole\n")
    assert errors == "joulebench: stopped by Ctrl-C; what was finished is kept\n"
