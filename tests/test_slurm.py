"""A study on three nodes of a real Slurm, with everything that may happen to it on the way."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from src.contract.plan_file import PlanFile
from src.contract.record import RECORD_FILE, RunRecord
from src.paths import ROOT
from src.track import open_store
from tests.standins.slurm import Slurm, missing, running_slurm

pytestmark = [
    pytest.mark.skipif(bool(missing()), reason=f"no Slurm on this machine ({missing()} missing)"),
    pytest.mark.timeout(600),
]
SLEEPS = ["workload=command", "workload.command=sleep 1,sleep 1.1", "protocol.iterations=12"]
FRAMEWORKS = [
    *("framework=tf,torch,jax", "dataset=digits", "training.epochs=1", "dataset.train_size=64", "model=mlp"),
    "protocol.iterations=5",
]
PATIENCE_S = 300.0


@pytest.fixture(scope="module")
def slurm() -> Iterator[Slurm]:
    with tempfile.TemporaryDirectory(prefix="slurm-") as folder, running_slurm(Path(folder)) as cluster:
        yield cluster


class Study:
    """One command line on the cluster, its folder and its store."""

    def __init__(self, slurm: Slurm, folder: Path, store_uri: str, work: list[str]) -> None:
        self.slurm, self.folder, self.log = slurm, folder / "sweep", folder / "out.log"
        common = ["protocol=smoke", "meter=estimate", "experiment=cluster", f"tracking_uri='{store_uri}'"]
        cluster = ["hydra/launcher=submitit_slurm", "protocol.machines=3", "hydra.launcher.timeout_min=10"]
        self.words = ["-m", *work, *common, *cluster]

    def begin(self, *more: str) -> subprocess.Popen[bytes]:
        with self.log.open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "src.main", *self.words, *more],
                cwd=ROOT,
                env=self.slurm.environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    @property
    def said(self) -> str:
        return self.log.read_text(encoding="utf-8") if self.log.exists() else ""

    def records(self) -> list[RunRecord]:
        return [RunRecord.read(path.parent) for path in sorted(self.folder.glob(f"*/{RECORD_FILE}"))]

    def machines(self) -> Counter[str]:
        return Counter(record.tags["machine"] for record in self.records() if record.status == "finished")

    def wait(self, what: str, ready: Callable[[], object]) -> None:
        until = time.monotonic() + PATIENCE_S
        while not ready():
            assert time.monotonic() < until, f"waited in vain for {what}:\n{self.said}"
            time.sleep(0.2)


def assert_is_exactly_the_plan(study: Study, store_uri: str) -> None:
    """Every slot was measured once, every block on one machine, and each run is filed once."""
    plan = PlanFile.read(study.folder)
    finished = [record for record in study.records() if record.status == "finished"]
    assert Counter(record.tags["sequence"] for record in finished) == Counter(str(s.sequence) for s in plan.slots)
    machines: dict[str, set[str]] = {}
    for record in finished:
        machines.setdefault(record.tags["iteration"], set()).add(record.tags["machine"])
    assert all(len(names) == 1 for names in machines.values())
    filed = [run for run in open_store(store_uri).records("cluster") if run.status == "finished"]
    assert sorted(run.uid for run in filed) == sorted(record.uid for record in finished)
    assert {run.tags["machine"] for run in filed} == {name for names in machines.values() for name in names}


def test_a_study_survives_a_dead_node_a_cancelled_job_and_its_own_death(slurm, tmp_path, store_uri):
    study = Study(slurm, tmp_path, store_uri, FRAMEWORKS)
    first = study.begin(f"hydra.sweep.dir={study.folder}")
    study.wait("runs of all nodes", lambda: len(study.machines()) == 3)
    slurm.kill_node("node2")
    slurm.told("scancel", slurm.job_on("node3"))
    study.wait("both ends to be seen", lambda: study.said.count("ended early") == 2)
    first.send_signal(signal.SIGKILL)
    first.wait()
    again = study.begin(f"resume={study.folder}")
    assert again.wait(PATIENCE_S) == 0, study.said
    assert_is_exactly_the_plan(study, store_uri)
    assert "15 of 15 runs finished" in study.said
    assert (study.folder / "report" / "report.html").exists()
    slurm.start_node("node2")
    slurm.await_node("node2")


def test_a_lost_connection_leaves_the_shares_and_resume_finds_them(slurm, tmp_path, store_uri):
    study = Study(slurm, tmp_path, store_uri, SLEEPS)
    first = study.begin(f"hydra.sweep.dir={study.folder}")
    study.wait("runs of all nodes", lambda: len(study.machines()) == 3)
    first.send_signal(signal.SIGHUP)
    assert first.wait(60) == 128 + signal.SIGHUP
    assert "the shares go on being measured, and resume finds them; `scancel " in study.said
    again = study.begin(f"resume={study.folder}")
    assert again.wait(PATIENCE_S) == 0, study.said
    assert_is_exactly_the_plan(study, store_uri)
    jobs = json.loads((study.folder / "shares" / "jobs.json").read_text())["jobs"]
    assert [(job["share"], job["tries"]) for job in jobs] == [(1, 0), (2, 0), (3, 0)], "none was started twice"
    third = study.begin(f"resume={study.folder}")
    assert third.wait(60) == 0
    assert "every planned run is finished" in study.said
    assert study.said.count("24 of 24 runs finished") == 2


def test_a_node_that_lacks_what_is_needed_loses_its_share_only(slurm, tmp_path, store_uri):
    """The program's folder is on the path of all nodes but one."""
    program = tmp_path / "bin" / "joulebench-work"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\nsleep 1\n")
    program.chmod(0o755)
    setup = f"[ $SLURMD_NODENAME = node1 ] || export PATH=$PATH:{program.parent}"
    work = ["workload=command", "workload.command=joulebench-work", "protocol.iterations=6"]
    study = Study(slurm, tmp_path, store_uri, [*work, f"hydra.launcher.setup=['{setup}']"])
    first = study.begin(f"hydra.sweep.dir={study.folder}")
    assert first.wait(PATIENCE_S) == 0, study.said
    assert_is_exactly_the_plan(study, store_uri)
    assert set(study.machines()) <= {"node2", "node3"}
    assert re.search(r"share 1 on node1 ended early \(.*joulebench-work.*\); its 2 of 2 blocks left", study.said)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["hydra.launcher.partition=none"], "the cluster takes no job: .*nvalid partition"),
        (["protocol.machines=99"], "protocol.machines=99: with protocol.iterations=12 some get no block"),
        (["hydra.launcher.nodes=2"], "hydra.launcher.nodes=2: a share is one process on one machine"),
    ],
    ids=["partition", "too many", "nodes"],
)
def test_what_the_cluster_cannot_do_is_one_line(slurm, tmp_path, store_uri, words, said):
    study = Study(slurm, tmp_path, store_uri, SLEEPS)
    first = study.begin(f"hydra.sweep.dir={study.folder}", *words)
    assert first.wait(60) in (1, 2)
    assert "Traceback" not in study.said
    assert re.search(said, study.said), study.said
