"""The protocol itself: a real plan and a real store, with runs that a fake launcher makes up."""

import io
import re
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from hydra.core.utils import JobReturn, JobStatus
from rich.console import Console

from src.config.schema import register, typed
from src.contract.record import RunRecord
from src.errors import RunError, TrackError
from src.measure.meters.select import Meter
from src.paths import CONF
from src.plan.sweep_plan import PLAN_FILE, make_plan
from src.plan.treatments import Treatment
from src.protocol import conduct as module
from src.protocol.conduct import conduct
from src.protocol.display import Display
from src.protocol.machine import MachineState
from src.protocol.preflight import Ready
from src.track import open_store
from src.workloads.training.data.prepare import Prepared

ENERGY_J = {"torch": 10.0, "jax": 20.0}


@pytest.fixture
def uri(store_uri):
    return store_uri


@pytest.fixture
def plan(uri):
    register()
    treatments = [Treatment(name, (f"framework={name}",)) for name in ENERGY_J]
    with initialize_config_dir(str(CONF), version_base="1.3"):
        common = ["protocol=smoke", "protocol.iterations=3", "experiment=e", f"tracking_uri='{uri}'"]
        configs = [typed(compose("config", overrides=[*t.overrides, *common])) for t in treatments]
    return make_plan("s1", treatments, configs)


@pytest.fixture(autouse=True)
def ready(monkeypatch):
    meter = Meter("native", "measured", "a meter", "1", (), 200, (), False, "")
    prepared = Prepared(*(Path(),) * 4, 64, 10, 10, (28, 28, 1), "", "")
    monkeypatch.setattr(module, "make_ready", lambda config, root: Ready(Path(), prepared, meter, {}))
    monkeypatch.setattr(module, "prime", list)
    monkeypatch.setattr(module, "prepare_machine", lambda *args: MachineState({meter: 3.5}, 0.02))


class FakeLauncher:
    """Makes a record for each run; `failures` and `refusals` count how often a folder's run fails or isn't filed."""

    def __init__(self, folder, uri, failures=None, refusals=None):
        self.folder, self.store = folder, open_store(uri)
        self.failures, self.refusals = Counter(failures), Counter(refusals)
        self.overrides = []

    def __call__(self, overrides, number):
        values = dict(override.split("=", 1) for override in overrides)
        self.overrides.append(values)
        name = values["run.folder"].strip("'")
        slot = re.sub("-retry.*", "", name)
        returned = JobReturn(status=JobStatus.FAILED)
        record = self.record(values, name)
        if self.failures[slot] > 0:
            self.failures[slot] -= 1
            record = replace(
                record,
                status="failed",
                metrics={},
                tags=record.tags | {"status": "failed", "error": "it broke"},
            )
            returned.return_value = RunError("it broke")
        record.write()
        if record.status == "failed" and self.refusals[slot] > 0:
            returned._return_value.add_note("the store is down")
            return returned
        if record.status == "failed":
            self.store.file_run(record, values["run.parent"])
            return returned
        if self.refusals[slot] > 0:
            returned.return_value = TrackError("the store is down")
            return returned
        self.store.file_run(record, values["run.parent"])
        returned.status, returned.return_value = JobStatus.COMPLETED, record
        return returned

    def record(self, values, name):
        treatment = values["run.treatment"].strip("'")
        (self.folder / name).mkdir()
        energy_j = ENERGY_J[treatment]
        names = ("framework", "treatment", "iteration", "position", "sequence", "sweep")
        tags = dict.fromkeys(names[:2], treatment) | {n: values[f"run.{n}"].strip("'") for n in names[2:]}
        return RunRecord(
            name=name,
            experiment="e",
            start_ms=1000 * number_of(name),
            end_ms=1000 * number_of(name) + 500,
            status="finished",
            folder=self.folder / name,
            tags=tags | {"meter": "native", "energy_kind": "measured", "status": "finished", "run_uid": f"s1/{name}"},
            metrics={
                "energy_j": energy_j,
                "duration_s": 2,
                "power_w": energy_j / 2,
                "edp_js": 2,
                "accuracy": 0.9,
            },
        )


def number_of(name):
    return int(name.split("-")[0])


@pytest.fixture
def terminal():
    return Console(width=120, file=io.StringIO(), force_terminal=False)


def run(plan, launcher, terminal):
    return conduct(plan, launcher.folder, launcher, Display(terminal))


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "sweep"


def test_every_planned_run_is_launched_in_order_and_filed_below_the_sweep(plan, folder, uri, terminal):
    launcher = FakeLauncher(folder, uri)
    records = run(plan, launcher, terminal)
    planned = [plan.folder(slot, 0) for slot in plan.slots]
    assert [record.folder.name for record in records] == planned
    assert (folder / PLAN_FILE).exists()
    frame = open_store(uri).runs("e")
    assert list(frame["run_name"]) == planned
    assert len({values["run.parent"] for values in launcher.overrides}) == 1
    assert {values["run.idle_power_w"] for values in launcher.overrides} == {"3.5"}
    assert "+100.0 %" in terminal.file.getvalue()


def test_a_failed_run_is_tried_again_at_the_end_of_its_block(plan, folder, uri, terminal):
    first = plan.folder(plan.slots[0], 0)
    plan.shared.protocol.retries = 1
    launcher = FakeLauncher(folder, uri, failures={first: 1})
    records = run(plan, launcher, terminal)
    tried = [values["run.folder"].strip("'") for values in launcher.overrides]
    assert tried[:4] == [
        first,
        plan.folder(plan.slots[1], 0),
        f"{first}-retry1",
        plan.folder(plan.slots[2], 0),
    ]
    assert len(records) == len(plan.slots)


def test_what_cannot_be_measured_is_missing_by_name_after_all_else_was_measured(plan, folder, uri, terminal):
    first = plan.folder(plan.slots[0], 0)
    launcher = FakeLauncher(folder, uri, failures={first: 9})
    with pytest.raises(RunError, match=f"1 of 6 runs could not be measured: {plan.label(plan.slots[0])} #01"):
        run(plan, launcher, terminal)
    frame = open_store(uri).runs("e")
    assert sorted(frame["status"]) == ["failed"] + ["finished"] * 5
    shown = terminal.file.getvalue()
    assert "5 of 6 runs finished" in shown
    assert re.search(rf"Missing runs.*{plan.label(plan.slots[0])} +1 +it broke", shown, re.DOTALL)


def test_a_store_that_was_down_costs_nothing(plan, folder, uri, terminal):
    refused = plan.folder(plan.slots[2], 0)
    launcher = FakeLauncher(folder, uri, refusals={refused: 1})
    records = run(plan, launcher, terminal)
    assert len(records) == 6
    assert sorted(open_store(uri).runs("e")["run_name"]) == sorted(plan.folder(s, 0) for s in plan.slots)


def test_a_failed_run_that_the_store_refused_is_filed_too(plan, folder, uri, terminal):
    first = plan.folder(plan.slots[0], 0)
    plan.shared.protocol.retries = 0
    with pytest.raises(RunError, match="1 of 6 runs"):
        run(plan, FakeLauncher(folder, uri, failures={first: 1}, refusals={first: 1}), terminal)
    assert sorted(open_store(uri).runs("e")["status"]) == ["failed"] + ["finished"] * 5
    assert "MLflow does not take" in terminal.file.getvalue()


def test_a_run_that_is_stopped_while_it_is_filed_is_kept(plan, folder, uri, terminal):
    launcher = FakeLauncher(folder, uri, refusals={plan.folder(plan.slots[1], 0): 1})

    def interrupted(overrides, number):
        returned = launcher(overrides, number)
        if number == 1:
            raise KeyboardInterrupt
        return returned

    with pytest.raises(KeyboardInterrupt):
        conduct(plan, folder, interrupted, Display(terminal))
    assert len(open_store(uri).runs("e")) == 2
    assert "2 of 6 runs finished" in terminal.file.getvalue()


def test_ctrl_c_keeps_what_is_finished_and_closes_the_sweep(plan, folder, uri, terminal):
    launcher = FakeLauncher(folder, uri)

    def interrupted(overrides, number):
        if number == 2:
            raise KeyboardInterrupt
        return launcher(overrides, number)

    with pytest.raises(KeyboardInterrupt):
        conduct(plan, folder, interrupted, Display(terminal))
    store = open_store(uri)
    assert len(store.runs("e")) == 2
    parents = store.client.search_runs(["1"], "tags.kind = 'sweep'")
    assert [parent.info.status for parent in parents] == ["FAILED"]
    assert "2 of 6 runs finished" in terminal.file.getvalue()


def test_an_error_of_our_own_is_not_taken_for_a_failed_run(plan, folder, uri, terminal):
    def broken(overrides, number):
        returned = JobReturn(status=JobStatus.FAILED)
        returned.return_value = ZeroDivisionError("a bug")
        return returned

    with pytest.raises(ZeroDivisionError):
        conduct(plan, folder, broken, Display(terminal))
