"""Several sweeps of one command line."""

import psutil
import pytest

from src.contract.plan_file import PlanFile
from src.errors import RunError
from src.protocol.display import Display
from src.protocol.sweeps import measure_sweeps
from tests.protocol.test_resume import resuming
from tests.protocol.test_sweep import parents, stop_at


@pytest.fixture
def three(make_plan_of, runs):
    """Three sweeps of three blocks each, and what reports they got."""
    return lambda *more, **how: make_plan_of("protocol.sweeps=3", *more, **how)


@pytest.fixture
def reported(monkeypatch):
    asked = []
    monkeypatch.setattr(
        "src.protocol.sweeps.report_on", lambda _store, _shared, folder, names, _: asked.append((folder, names))
    )
    return asked


def conduct(plan, folder, terminal):
    return measure_sweeps(plan, folder, display=Display(terminal))


def test_each_sweep_prepares_the_machine_anew_and_has_a_name_an_order_and_a_parent_of_its_own(
    three, runs, folder, store, terminal, reported
):
    records = conduct(three(), folder, terminal)
    plans = [PlanFile.read(folder / f"sweep-{number}") for number in (1, 2, 3)]
    assert [plan.sweep for plan in plans] == ["s1", "s1_2", "s1_3"]
    assert [plan.number for plan in plans] == [1, 2, 3]
    assert len({tuple(slot.treatment for slot in plan.slots) for plan in plans}) > 1
    assert runs.names.count("machine") == 3
    assert len(records) == 18
    assert {run.sweep for run in store.records("e")} == {"s1", "s1_2", "s1_3"}
    assert len(parents(store)) == 3
    assert reported == [(folder / "report", ["s1", "s1_2", "s1_3"])]


def test_a_stopped_sweep_is_gone_on_with_and_the_others_follow(three, runs, folder, terminal, reported):
    stop_at(runs, 8)
    with pytest.raises(KeyboardInterrupt):
        conduct(three(), folder, terminal)
    assert f"resume={folder / 'sweep-2'}" in terminal.file.getvalue()
    runs.names.clear()
    runs.before = lambda name: None
    conduct(resuming(three(sweep="other"), folder / "sweep-2"), folder, terminal)
    assert runs.names.count("machine") == 2
    assert len([name for name in runs.names if name != "machine"]) == 18 - 6
    assert [PlanFile.read(folder / f"sweep-{number}").sweep for number in (1, 2)] == ["s1", "s1_2"]
    assert reported[-1][1] == ["s1", "s1_2", "s1_3"]


def test_a_sweep_that_lacks_runs_holds_up_no_other(three, runs, folder, terminal, reported):
    runs.failures["0002-torch"] = runs.failures["0002-jax"] = 1
    with pytest.raises(RunError, match="1 of 6 runs could not be measured"):
        conduct(three(), folder, terminal)
    assert len(list(folder.glob("sweep-*/plan.json"))) == 3


def test_a_reboot_is_asked_for_and_seen(three, runs, folder, terminal, reported, monkeypatch):
    monkeypatch.setattr(psutil, "boot_time", lambda: 0.0)
    plan = three("protocol.reboot=true")
    conduct(plan, folder, terminal)
    said = terminal.file.getvalue()
    assert "sweep 1 of 3 has ended; reboot this machine, then go on with: " in said
    assert runs.names.count("machine") == 1
    conduct(resuming(three("protocol.reboot=true"), folder / "sweep-1"), folder, terminal)
    assert runs.names.count("machine") == 1, "nothing goes on without the reboot"
    monkeypatch.setattr(psutil, "boot_time", lambda: 4e9)
    conduct(resuming(three("protocol.reboot=true"), folder / "sweep-1"), folder, terminal)
    assert runs.names.count("machine") == 3
    assert [names for _, names in reported] == [["s1", "s1_2", "s1_3"]]
