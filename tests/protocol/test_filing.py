import dataclasses
from pathlib import Path

import pytest
from omegaconf import OmegaConf

from src.config.schema import TrackConfig
from src.contract.flags import Flag
from src.contract.job import Job, Work
from src.contract.metrics import Metric
from src.contract.outcome import Outcome
from src.contract.plan_file import Slot, Treatment
from src.contract.record import RunRecord, own_tag_problem
from src.doctor.host import machine_name
from src.errors import MeterError
from src.measure.run_metrics import IdleBaseline
from src.paths import ROOT
from src.protocol.filing import CONFIG_FILE, ENVIRONMENT_FILE, POWER_FILE, Filing, filing_command
from src.protocol.provenance import file_hash, provenance
from src.protocol.ready import Ready
from tests.protocol.conftest import EPOCH_S, METER, made_up


@pytest.fixture
def config(composed):
    return composed("framework=jax", "hardware.max_background_load=0.1", "experiment=e")


def filing(config, folder=Path("sweep/0011-jax"), **changes):
    values = {
        "config": config,
        "sweep": "s1",
        "treatment": Treatment("jax training.epochs=2", (), {"training.epochs": "2"}),
        "slot": Slot(sequence=11, iteration=4, position=2, treatment=0),
        "attempt": 0,
        "folder": folder,
        "ready": Ready(Work(Job(workload="training", program=[]), {}, None), METER, {"hardware.name": "A machine"}),
        "environment": {"A": "1"},
    }
    return Filing(**(values | changes))


def finished(config, folder, **changes):
    """The record of a run that took 2 s at 10 W."""
    made = filing(config, folder, **changes)
    made.begin()
    return made.finished(made_up(folder, 10.0))


@pytest.mark.parametrize(("load", "flagged"), [(0.05, False), (0.1, False), (0.35, True)])
def test_a_busy_machine_is_flagged_on_every_run(config, tmp_path, load, flagged):
    flags = finished(config, tmp_path, background_load=load).flags
    assert [(flag.code, flag.grave) for flag in flags] == [("background_load", True)] * flagged
    assert all("35% of the processor" in flag.text for flag in flags)


def test_every_tag_has_its_own_value(config, tmp_path):
    record = finished(config, tmp_path / "0011-jax", sweep="s9")
    own = {key: value for key, value in record.tags.items() if key not in provenance().tags}
    assert provenance().tags.items() <= record.tags.items()
    assert own == {
        "lock_sha256": file_hash(ROOT / "scripts/requirements/jax-cpu.txt"),
        "framework": "jax",
        "treatment": "jax training.epochs=2",
        "iteration": "4",
        "position": "2",
        "sequence": "11",
        "sweep": "s9",
        "machine": machine_name(),
        "meter": "native",
        "energy_kind": "measured",
        "status": "finished",
        "run_uid": "s9/0011-jax",
    }
    assert record.factors == {"training.epochs": "2"}
    assert (record.experiment, record.name, record.sweep) == ("e", "jax training.epochs=2 #04", "s9")
    assert RunRecord.read(tmp_path / "0011-jax") == record


def test_own_tags_stand_beside_the_tools(config, tmp_path):
    own = {"note": "hello", "treatment": "mine"}
    config = dataclasses.replace(config, track=TrackConfig(tags=own, model=True))
    record = finished(config, tmp_path / "0011-jax")
    assert record.tags["note"] == "hello"
    assert record.tags["treatment"] == "jax training.epochs=2"
    assert record.with_model
    assert RunRecord.read(tmp_path / "0011-jax") == record
    assert not [key for key in record.params if key.startswith("track")]


def test_no_tag_of_the_tools_can_be_a_users(config, tmp_path):
    record = finished(config, tmp_path / "0011-jax", idle=IdleBaseline(4.0, "block", 0.5))
    assert [name for name in record.tags if not own_tag_problem(name, "")] == []


def test_a_retry_is_named_as_one(config, tmp_path):
    assert filing(config, attempt=2).name == "jax training.epochs=2 #04 retry 2"


def test_a_finished_run_is_told_with_what_was_seen(config, tmp_path):
    record = finished(config, tmp_path, idle=IdleBaseline(4.0, "block", 0.5))
    assert (record.start_ms, record.end_ms) == (round(1000 * EPOCH_S), round(1000 * EPOCH_S) + 2000)
    assert record.metrics["energy_j"] == pytest.approx(20)
    assert record.metrics["idle_power_w"] == 4.0
    assert record.metrics["energy_net_j"] == pytest.approx(20 - 4 * 2)
    assert record.metrics["energy_net_uncertainty_j"] == pytest.approx(0.5 * 2)
    assert record.tags["idle_baseline"] == "block"
    assert record.metrics["accuracy"] == 0.9
    assert record.described["accuracy"] == Metric("accuracy", "1", "Test accuracy", "higher", headline=True)
    assert record.windows == {"train": (0.0, 2.0)}
    assert [point.value for point in record.series["system/power_usage_watts"]] == pytest.approx([10.0] * 10)
    assert (tmp_path / POWER_FILE).read_bytes().startswith(b"\x89PNG")


def test_flags_of_the_meter_and_of_the_machine_are_both_kept(config, tmp_path):
    made = filing(config, tmp_path, background_load=0.35)
    made.begin()
    measured = made_up(tmp_path, 10.0)
    gap = Flag("gap", "3 gaps", grave=True)
    energy = dataclasses.replace(measured.energy, flags=(gap,))
    record = made.finished(dataclasses.replace(measured, energy=energy))
    assert [flag.code for flag in record.flags] == ["gap", "background_load"]
    assert record.flags[0] == gap


def test_parameters_are_the_configuration_and_what_was_found(config, tmp_path):
    made = filing(config, tmp_path)
    made.begin()
    measured = made_up(tmp_path, 10.0)
    outcome = Outcome(facts={"versions": {"jax": "0.10.2"}})
    params = made.finished(dataclasses.replace(measured, outcome=outcome)).params
    assert params["training.epochs"] == str(config.training.epochs)
    assert params["training.batch_size"] == str(config.training.batch_size)
    assert params["meter.name"] == "native"
    assert params["hardware.name"] == "A machine"
    assert params["version.jax"] == "0.10.2"
    silent = ("experiment", "tracking_uri", "resume", "analysis", "framework.environment", "dataset.mirrors")
    assert not [key for key in params if key.startswith(silent)]


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        pytest.param({}, set(), id="fixed, as in runs of before"),
        pytest.param({"rest": "temperature"}, {"rest", "rest_margin_c", "rest_max_s"}, id="rest"),
        pytest.param({"warmup": "steady"}, {"warmup", "warmup_minimum_s"}, id="warm-up"),
    ],
)
def test_what_a_fixed_rest_or_warm_up_does_not_heed_is_not_told(config, tmp_path, changes, told):
    names = {"warmup", "warmup_minimum_s", "rest", "rest_margin_c", "rest_max_s"}
    changed = dataclasses.replace(config, protocol=dataclasses.replace(config.protocol, **changes))
    params = filing(changed, tmp_path).failed(MeterError("it broke")).params
    assert {name for name in names if f"protocol.{name}" in params} == told


def test_a_training_tells_nothing_that_only_commands_heed(config, tmp_path):
    params = filing(config, tmp_path).failed(MeterError("it broke")).params
    assert {key: value for key, value in params.items() if key.startswith("workload.")} == {"workload.kind": "training"}


def test_whatever_ends_a_run_its_folder_tells_what_it_was(config, tmp_path):
    filing(config, tmp_path / "run").begin()
    written = OmegaConf.load(tmp_path / "run" / CONFIG_FILE)
    assert (written.framework.name, written.experiment, written.protocol.order) == ("jax", "e", "shuffled")
    assert OmegaConf.load(tmp_path / "run" / ENVIRONMENT_FILE) == {"A": "1"}


def test_a_failed_run_says_why(config, tmp_path):
    record = filing(config, tmp_path).failed(MeterError("it broke"))
    assert RunRecord.read(tmp_path) == record
    assert (record.status, record.tags["status"], record.tags["error"]) == ("failed", "failed", "it broke")
    assert record.metrics == {}
    assert record.params["hardware.name"] == "A machine"


def test_two_sweeps_have_runs_of_their_own_wherever_their_folders_lie(config, store, tmp_path):
    for sweep, day in (("s1", "monday's"), ("s2", "tuesday's")):
        folder = tmp_path / day / "0011-jax"
        folder.mkdir(parents=True)
        store.file_run(filing(config, folder, sweep=sweep).failed(MeterError("it broke")))
    assert [run.uid for run in store.records("e")] == ["s1/0011-jax", "s2/0011-jax"]


def test_energy_that_was_not_measured_says_so_in_the_runs_name(config, tmp_path):
    meter = dataclasses.replace(METER, name="estimate", energy_kind="estimated")
    ready = Ready(Work(Job(workload="training", program=[]), {}, None), meter, {})
    record = filing(config, tmp_path, ready=ready).failed(MeterError("it broke"))
    assert record.name == "jax training.epochs=2 #04 (estimated)"
    assert (record.tags["energy_kind"], record.tags["meter"]) == ("estimated", "estimate")


def test_a_command_has_no_framework(composed, tmp_path):
    config = composed("workload=command", "workload.command='gzip -9 \"a b\"'", "workload.name=mine")
    record = filing(config, tmp_path, treatment=Treatment("mine")).failed(MeterError("it broke"))
    assert "framework" not in record.tags
    assert record.params["workload.command"] == 'gzip -9 "a b"'
    assert not [key for key in record.params if key.startswith(("framework", "training", "model", "dataset"))]


@pytest.mark.parametrize(
    ("folder", "uri", "command"),
    [
        ("a", None, "`python -m src.track a`"),
        ("a b", "sqlite:///x y.db", "`python -m src.track 'a b' --store 'sqlite:///x y.db'`"),
    ],
)
def test_the_command_that_files_the_rest_can_be_copied(folder, uri, command):
    assert filing_command(Path(folder), uri) == command


def test_a_run_tells_the_kind_and_columns_of_what_recorded_beside_it(config, tmp_path):
    other = dataclasses.replace(METER, name="estimate", energy_kind="estimated")
    silent = dataclasses.replace(METER, name="energibridge")
    meter = dataclasses.replace(METER, also=(other, silent))
    ready = Ready(Work(Job(workload="training", program=[]), {}, None), meter, {})
    made = filing(config, tmp_path, ready=ready)
    made.begin()
    measured = made_up(tmp_path, 10.0)
    record = made.finished(dataclasses.replace(measured, beside={"estimate": made_up(tmp_path, 12.0).energy}))
    assert record.metrics["energy_by_estimate_j"] == pytest.approx(24.0)
    assert record.metrics["energy_j"] == pytest.approx(20.0)
    beside = {key: value for key, value in record.tags.items() if key.startswith("energy_") and "." in key}
    assert record.params["energy.columns"] == "PACKAGE_ENERGY (J)"
    assert beside == {"energy_kind.estimate": "estimated", "energy_columns.estimate": "PACKAGE_ENERGY (J)"}
    assert "energy_by_estimate_j" not in record.described
