"""A sweep without a meter: real plan, loop, files and store; only what one run measures is made up."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from src.config.schema import Config
from src.contract.events import EVENTS_FILE, EventLog, read_events
from src.contract.flags import Flag
from src.contract.job import Job, Work
from src.contract.metrics import Metric
from src.contract.outcome import OUTCOME_FILE, Outcome
from src.contract.plan_file import Treatment
from src.contract.record import ENERGY_FILE
from src.doctor import preflight as preflight_module
from src.errors import RunError, TrackError
from src.measure.energy import integrate
from src.measure.launch import Ending
from src.measure.meters.select import Meter
from src.measure.recording import Recording
from src.measure.run import Measured
from src.measure.windows import phase_windows
from src.plan.sweep_plan import SweepPlan, make_plan
from src.protocol import filing, here, loop, sweep
from src.protocol.machine import MachineState
from src.protocol.ready import Ready
from src.track.store import Store
from tests.doctor.test_checks import BENCH, LAPTOP

METER = Meter("native", "measured", "a meter", "1", (), 200, (), False, "")
POWER_W = {"torch": 10.0, "jax": 20.0}
RUN_S = 2.0
EPOCH_S = 1_760_000_000.0
ACCURACY = Metric("accuracy", "1", "Test accuracy", "higher", headline=True)

MakePlan = Callable[..., SweepPlan]


class Runs:
    """Takes the place of `measure`: `failures` counts how often a folder's run fails, `before` is called first.

    `disturbed` counts how often one is disturbed; `limits` holds what each run was given.
    """

    def __init__(self) -> None:
        self.failures: Counter[str] = Counter()
        self.disturbed: Counter[str] = Counter()
        self.limits: list[tuple[float, float]] = []
        self.before: Callable[[str], Any] = lambda name: None
        self.names: list[str] = []

    def __call__(self, meter: Meter, job: Job, folder: Path, environment: Any, *limits: float) -> Measured:
        self.names.append(folder.name)
        self.limits.append((limits[0], limits[1]))
        self.before(folder.name)
        slot, _, retry = folder.name.partition("-retry")
        if self.failures[slot] > 0:
            self.failures[slot] -= 1
            raise RunError("it broke\nEnd of worker.log:\n  | more")
        measured = made_up(folder, POWER_W[job.workload], began_s=EPOCH_S + 100 * int(slot[:4]) + int(retry or 0))
        if self.disturbed[slot] > 0:
            self.disturbed[slot] -= 1
            flags = (*measured.energy.flags, Flag("foreign_cpu", "others used 40 %", grave=True))
            return replace(measured, energy=replace(measured.energy, flags=flags))
        return measured


def made_up(folder: Path, power_w: float, began_s: float = EPOCH_S) -> Measured:
    """A run of RUN_S seconds at a constant power, with the files that it leaves."""
    log = EventLog(folder / EVENTS_FILE)
    log.emit("train", "begin", began_s)
    log.emit("train", "end", began_s + RUN_S)
    time_s = began_s + np.arange(-0.2, RUN_S + 0.3, 0.2)
    (folder / ENERGY_FILE).write_text("Time,PACKAGE_ENERGY (J)\n")
    outcome = Outcome(values={"accuracy": 0.9}, metrics={"accuracy": ACCURACY})
    outcome.write(folder / OUTCOME_FILE)
    events = read_events(folder / EVENTS_FILE)
    windows = phase_windows(events)
    energy = integrate(Recording(time_s, {"PACKAGE_ENERGY (J)": (time_s - time_s[0]) * power_w}), windows, 200)
    return Measured(folder, outcome, events, windows, energy, Ending("exit", 0, ()))


@pytest.fixture
def make_plan_of(composed: Callable[..., Config], store_uri: str) -> MakePlan:
    """Plans torch and jax, three blocks, in the test's own store; more overrides are for both."""

    def make(*overrides: str, sweep: str = "s1") -> SweepPlan:
        common = ("protocol=smoke", "protocol.iterations=3", "experiment=e", *overrides)
        treatments = [Treatment(name, (f"framework={name}",), {"framework": name}) for name in POWER_W]
        configs = [composed(*treatment.overrides, *common) for treatment in treatments]
        for config in configs:
            config.tracking_uri = config.tracking_uri or store_uri
        return make_plan(sweep, treatments, configs)

    return make


@pytest.fixture
def plan(make_plan_of: MakePlan) -> SweepPlan:
    return make_plan_of()


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> Runs:
    """Makes up every run, and notes in `names` what was prepared and measured, in its order."""
    made = Runs()

    def prepared(*_: object) -> MachineState:
        made.names.append("machine")
        return MachineState({METER: 3.5}, 0.02)

    def ready(configs: list[Config], *_: object) -> list[Ready]:
        jobs = [Job(workload=config.framework.name, program=["true"]) for config in configs if config.framework]
        return [Ready(Work(job, {}, 5.0), METER, {}) for job in jobs]

    report = SimpleNamespace(answer=["jax spent more"], page=Path("report.html"), files=[])
    monkeypatch.setattr("src.report.make.make_report", lambda *_: report)
    monkeypatch.setattr(sweep, "make_ready", ready)
    monkeypatch.setattr(here, "prepare_machine", prepared)
    monkeypatch.setattr(loop, "measure", made)
    monkeypatch.setattr(filing, "draw_power", lambda path, *_: path.write_bytes(b"a picture"))
    return made


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch, runs: Runs) -> list[Any]:
    """What the machine shows at each look; every one is noted among the runs."""
    states = [BENCH, LAPTOP]

    def read(*_: object) -> Any:
        runs.names.append("look")
        return states.pop(0)

    monkeypatch.setattr(preflight_module, "read_state", read)
    monkeypatch.setattr(preflight_module, "with_meters", lambda state, *_: state)
    return states


@pytest.fixture
def refusals(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Counts how often the store refuses the run of a folder."""
    counts: Counter[str] = Counter()
    file_run = Store.file_run

    def refuse(store: Store, record: Any, parent: str | None = None) -> str:
        if counts[record.folder.name] > 0:
            counts[record.folder.name] -= 1
            raise TrackError("the store is down")
        return file_run(store, record, parent)

    monkeypatch.setattr(Store, "file_run", refuse)
    return counts


@pytest.fixture
def terminal() -> Console:
    return Console(width=120, file=io.StringIO(), force_terminal=False)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "sweep"
