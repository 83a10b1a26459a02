"""Shares of a sweep whose machines are calls in this process: what is given away, gathered, given anew and given up."""

import io
import json
import os
from pathlib import Path

import pytest
from rich.console import Console

from src.contract.plan_file import PlanFile, Slot, blocks
from src.contract.record import RECORD_FILE, RunRecord
from src.contract.share_file import ShareFile
from src.errors import ConfigError, RunError, SetupError
from src.protocol import share as share_module
from src.protocol import shares as shares_module
from src.protocol import sweep
from src.protocol.cluster import Cluster, Job, read_jobs, write_jobs
from src.protocol.display import Display
from src.protocol.share import ShareDisplay, measure_share, read_plan
from src.protocol.shares import Share, Shares, preflights, refuse_passwords, side_by_side
from src.protocol.sweep import measure_sweep
from tests.doctor.test_checks import BENCH, LAPTOP
from tests.protocol.test_resume import resuming


class Machines(Cluster):
    """Measures a share where it is given away; `faults` says for a share after how many runs what ends it.

    A killed one leaves no word of its end.
    """

    def __init__(self, runs):
        super().__init__("slurm", {"timeout_min": 60})
        object.__setattr__(self, "runs", runs)
        object.__setattr__(self, "faults", {})
        object.__setattr__(self, "given", [])

    def submit(self, folder, job):
        self.given.append(job)
        os.environ["SLURMD_NODENAME"] = f"node{job.share}"
        after, fault = self.faults.get(job.share, (None, None))
        begun = len(self.runs.names)

        def before(_name):
            if after is not None and len(self.runs.names) - begun > after + 1:
                raise fault

        self.runs.before = before
        display = ShareDisplay(folder, job.share)
        if isinstance(fault, Killed):
            tell = display.tell
            display.tell = lambda **changes: None if "reason" in changes else tell(**changes)
        try:
            measure_share(folder, job.share, folder, display)
        except (Killed, RunError, SetupError, KeyboardInterrupt):
            pass
        finally:
            del os.environ["SLURMD_NODENAME"]
        return str(100 + job.share)

    def alive(self, jobs):
        return frozenset()

    def ending(self, job):
        return "NODE_FAIL"


class Killed(BaseException):
    """What nobody can tell of."""


@pytest.fixture
def machines(runs, monkeypatch):
    monkeypatch.setattr(share_module, "make_ready", sweep.make_ready)
    monkeypatch.setattr(shares_module, "LOOK_S", 0.0)
    monkeypatch.setattr(shares_module, "ASK_S", 0.0)
    monkeypatch.setattr(shares_module, "SECOND_LOOK_S", 0.01)
    monkeypatch.delenv("SLURMD_NODENAME", raising=False)
    return Machines(runs)


@pytest.fixture
def conduct(make_plan_of, folder, terminal, machines):
    def measured(*more, resume=None):
        plan = make_plan_of("protocol.machines=2", "protocol.iterations=4", *more, sweep="s2" if resume else "s1")
        if resume:
            resuming(plan, resume)
        return measure_sweep(plan, folder, Display(terminal), machines)

    return measured


def finished(folder):
    records = [RunRecord.read(path.parent) for path in sorted(folder.glob(f"*/{RECORD_FILE}"))]
    return [record for record in records if record.status == "finished"]


def places(folder):
    """Which machine measured each block."""
    found = {}
    for record in finished(folder):
        found.setdefault(int(record.tags["iteration"]), set()).add(record.tags["machine"])
    return found


def test_each_machine_measures_whole_blocks_and_everything_is_filed_once(conduct, folder, store, runs):
    records = conduct()
    assert places(folder) == {1: {"node1"}, 2: {"node1"}, 3: {"node2"}, 4: {"node2"}}
    assert sorted(record.uid for record in records) == sorted(run.uid for run in store.records("e"))
    assert len(records) == 8
    assert runs.names.count("machine") == 2, "each prepares itself"
    assert {record.params["host.name"] for record in records} == {"node1", "node2"}
    assert all(run.tags["machine"].startswith("node") for run in store.records("e"))


def test_what_each_share_saw_is_filed_with_the_sweep_and_told(looks, conduct, folder, terminal, store_uri):
    from src.track import open_store

    looks[:] = [BENCH, LAPTOP, BENCH, BENCH]
    conduct("protocol.preflight=warn")
    kept = [json.loads(path.read_text()) for path in preflights(folder)]
    assert [(each["begin"]["verdict"], each["end"]["verdict"]) for each in kept] == [("fine", "careful"), ("fine",) * 2]
    client = open_store(store_uri).client
    experiment = [client.get_experiment_by_name("e").experiment_id]
    (sweep,) = client.search_runs(experiment, "tags.kind = 'sweep'")
    filed = {each.path: each for each in client.list_artifacts(sweep.info.run_id) if "share" in each.path}
    assert set(filed) == {"preflight_share_001.json", "preflight_share_002.json"}
    local = client.download_artifacts(sweep.info.run_id, "preflight_share_001.json")
    assert "governor was performance" in json.loads(Path(local).read_text())["changed"][0]
    said = terminal.file.getvalue()
    assert "share 1 on node1, since its start: governor was performance" in said
    assert "share 2 on node2, since" not in said
    runs = client.search_runs(experiment, "tags.treatment = 'jax'")
    assert {run.data.params["preflight"] for run in runs} == {"fine"}


@pytest.mark.parametrize("fault", [KeyboardInterrupt(), Killed()], ids=["stopped", "killed"])
def test_what_a_machine_left_is_measured_by_another_a_block_begun_there_anew(
    conduct, folder, store, machines, terminal, fault
):
    machines.faults[2] = 1, fault
    conduct()
    assert places(folder) == {1: {"node1"}, 2: {"node1"}, 3: {"node3"}, 4: {"node3"}}
    assert sorted(int(record.tags["sequence"]) for record in finished(folder)) == list(range(1, 9))
    others = [RunRecord.read(path.parent) for path in folder.glob(f"*/{RECORD_FILE}")]
    (aside,) = [record for record in others if record.status == "disturbed"]
    assert aside.tags["error"] == "its block began on node2, and is measured as a whole on another machine"
    assert [run.status for run in store.records("e")].count("finished") == 8
    assert "share 2 on node2 ended early" in terminal.file.getvalue()
    assert [(job.share, job.tries, job.avoided) for job in machines.given] == [(1, 0, ()), (2, 0, ()), (3, 1, ())]


def test_a_machine_that_lacks_something_is_avoided(conduct, folder, machines, monkeypatch):
    ready = share_module.make_ready

    def lacking(configs, *others):
        if os.environ["SLURMD_NODENAME"] == "node1":
            raise SetupError("no environment here")
        return ready(configs, *others)

    monkeypatch.setattr(share_module, "make_ready", lacking)
    conduct()
    assert places(folder) == {1: {"node3"}, 2: {"node3"}, 3: {"node2"}, 4: {"node2"}}
    assert [job.avoided for job in machines.given] == [(), (), ("node1",)]


def test_blocks_are_given_up_after_three_jobs_and_resumed(conduct, folder, machines, terminal):
    machines.faults |= dict.fromkeys((2, 3, 4), (0, Killed()))
    with pytest.raises(RunError, match="4 of 8 runs could not be measured"):
        conduct()
    assert [job.tries for job in machines.given] == [0, 0, 1, 2]
    machines.faults.clear()
    conduct(resume=folder)
    assert sorted(int(record.tags["sequence"]) for record in finished(folder)) == list(range(1, 9))
    assert "8 of 8 runs finished" in terminal.file.getvalue()
    assert len(machines.given) == 6, "what is left is dealt to both machines"


def test_what_still_runs_is_not_given_away_again(conduct, folder, machines, monkeypatch, runs):
    """The launching command dies while its second share is measured, which goes on."""
    machines.faults[2] = 1, Killed()
    looked = []

    def die(self):
        looked.append(1)
        raise KeyboardInterrupt

    look = Shares.look
    monkeypatch.setattr(Shares, "look", die)
    with pytest.raises(KeyboardInterrupt):
        conduct()
    monkeypatch.setattr(Shares, "look", look)
    machines.faults.clear()

    def alive(jobs):
        if len(machines.given) == 2 and not ended:
            ended.append(1)
            return frozenset({2})
        return frozenset()

    ended = []
    object.__setattr__(machines, "alive", alive)
    conduct(resume=folder)
    assert [job.share for job in machines.given] == [1, 2, 3]
    assert machines.given[-1].tries == 1, "only after its end was seen"


def test_nobody_can_tell_which_shares_run_so_nothing_begins(conduct, folder, machines):
    conduct()
    object.__setattr__(machines, "alive", lambda jobs: None)
    with pytest.raises(SetupError, match="squeue failed"):
        conduct(resume=folder)


def test_a_job_that_is_gone_is_believed_dead_only_at_a_second_look(monkeypatch):
    share = Share(Job(1, "a", "7"), [])
    now = [100.0]
    monkeypatch.setattr(shares_module.time, "monotonic", lambda: now[0])
    assert not Shares._is_dead(share, frozenset())
    now[0] += 10
    assert not Shares._is_dead(share, frozenset({1})), "it was requeued"
    now[0] += 30
    assert not Shares._is_dead(share, None)
    assert not Shares._is_dead(share, frozenset())
    now[0] += 19
    assert not Shares._is_dead(share, frozenset())
    now[0] += 2
    assert Shares._is_dead(share, frozenset())


def test_the_table_of_a_hundred_shares_fits_a_terminal(make_plan_of, folder, terminal):
    shares = Shares(
        plan=make_plan_of(), folder=folder, display=Display(terminal), cluster=None, sweep_run=None,
        progress=shares_module.Progress([], [], [], {}),
    )  # fmt: skip
    for number in range(1, 101):
        file = (
            ShareFile(number, f"node{number}", "measuring", 0.0, now="torch 3/30", left_s=600.0) if number % 3 else None
        )
        shares.open[number] = Share(Job(number, "j"), [[Slot(1, 1, 1, 0)]], file=file)
    console = Console(width=80, record=True, file=io.StringIO())
    console.print(shares.table())
    lines = console.export_text().splitlines()
    assert len(lines) <= 24
    assert all(len(line) <= 80 for line in lines)
    text = "\n".join(lines)
    assert "67 measuring, 33 waiting" in " ".join(text.split())
    assert "80 more shares are not shown" in " ".join(text.split())
    assert "node1 " in text
    assert "10 min 00 s" in text


def test_a_share_measures_with_the_cpus_of_its_machine(make_plan_of, tmp_path, monkeypatch):
    plan = make_plan_of("protocol.machines=3")
    plan.write(tmp_path)
    monkeypatch.setattr(share_module, "usable_cpus", lambda: 1)
    read, own = read_plan(tmp_path, 2)
    assert [config.hardware.threads for config in read.configs] == [1, 1]
    assert read.treatments == plan.treatments
    assert [slot.iteration for slot in own] == [2, 2]
    assert [block[0].share for block in blocks(PlanFile.read(tmp_path).slots)] == [1, 2, 3]


def test_secrets_that_the_machines_would_not_read_are_refused(make_plan_of, tmp_path):
    plan = make_plan_of()
    for config in plan.configs:
        config.tracking_uri = "https://me:secret@host/"
    refuse_passwords(plan)
    plan.configs[1].framework.env = {"WHERE": "https://me:secret@host/"}
    with pytest.raises(ConfigError, match="is secret, so it is not written into the plan"):
        refuse_passwords(plan)


def test_the_jobs_file_keeps_what_was_given_away(tmp_path):
    jobs = {1: Job(1, "a", "17"), 4: Job(4, "b", "", 2, ("node1", "node2"))}
    write_jobs(tmp_path, jobs)
    assert read_jobs(tmp_path) == jobs
    assert read_jobs(tmp_path / "none") == {}


def test_shares_of_one_machine_do_not_wait_for_each_other(make_plan_of):
    plan = make_plan_of("protocol.allow_concurrent=false")
    beside = side_by_side(plan)
    assert [config.protocol.allow_concurrent for config in beside.configs] == [True, True]
    assert [config.protocol.allow_concurrent for config in plan.configs] == [False, False]
    assert beside.slots == plan.slots
