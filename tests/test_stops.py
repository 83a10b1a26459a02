"""Sweeps that are stopped and gone on with, as a user does it: processes of their own, commands copied into a shell."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from src.contract.commands import override
from src.contract.plan_file import PlanFile
from src.paths import ROOT
from src.track import open_store

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
    assert (code, out, errors.count("\n")) == (2, "", 1)
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
