from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from mlflow.tracking import MlflowClient

from src.contract.record import Point, RunRecord
from src.errors import TrackError
from src.track import open_store
from src.track.store import Store
from tests.tables import table_of

MakeRecord = Callable[..., RunRecord]


def test_a_run_is_filed_whole(store: Store, make_record: MakeRecord) -> None:
    parent = store.start_sweep("study", "s", {"protocol.name": "quick"}, {"host": "h"})
    run = store.client.get_run(store.file_run(make_record(), parent))
    assert run.info.run_name == "torch #03"
    assert (run.info.status, run.info.start_time, run.info.end_time) == ("FINISHED", 1_000_000, 1_010_000)
    assert run.data.params == {"training.epochs": "2", "model.name": "cnn"}
    assert run.data.metrics == {"energy_j": 412.5, "accuracy": 0.981, "train_loss": 0.2}
    assert run.data.tags["mlflow.parentRunId"] == parent
    assert run.data.tags["energy_kind"] == "estimated"
    history = store.client.get_metric_history(run.info.run_id, "train_loss")
    assert [(m.step, m.timestamp, m.value) for m in history] == [(1, 1_004_000, 0.4), (2, 1_008_000, 0.2)]
    files = store.client.list_artifacts(run.info.run_id)
    assert [file.path for file in files] == ["energy.csv", "result.json"]


def test_filing_twice_makes_one_run(store: Store, make_record: MakeRecord) -> None:
    assert store.file_run(make_record()) == store.file_run(make_record())
    assert len(store.records("study")) == 1


def test_an_interrupted_filing_is_completed(
    store: Store, make_record: MakeRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    record = make_record()
    with monkeypatch.context() as broken:
        broken.setattr(MlflowClient, "log_artifact", fail)
        with pytest.raises(TrackError, match=r"No space left.*nothing is lost") as caught:
            store.file_run(record)
    assert str(record.folder) in str(caught.value)
    assert not store.is_filed(record)
    assert store.records("study") == []
    store.file_run(record)
    assert store.is_filed(record)
    assert table_of(store, "study")["energy_j"].tolist() == [412.5]


def test_a_run_that_the_environment_names_is_none_of_ours(store, make_record, monkeypatch) -> None:
    monkeypatch.setenv("MLFLOW_RUN_ID", "0123456789abcdef")
    monkeypatch.setenv("MLFLOW_EXPERIMENT_ID", "77")
    store.start_sweep("study", "s", {}, {})
    run_id = store.file_run(make_record())
    assert [run.run_id for run in store.records("study")] == [run_id]
    assert run_id != "0123456789abcdef"


def test_a_failed_run_is_filed_as_failed(store: Store, make_record: MakeRecord) -> None:
    record = make_record(status="failed", metrics={}, tags={"status": "failed", "failure": "timeout"})
    assert store.client.get_run(store.file_run(record)).info.status == "FAILED"
    assert table_of(store, "study")[["status", "tags.failure"]].values.tolist() == [["failed", "timeout"]]


def test_more_values_than_one_batch_takes(store: Store, make_record: MakeRecord) -> None:
    metrics = {f"m{i}": float(i) for i in range(1500)}
    params = {f"p{i}": "x" * 9000 for i in range(150)}
    run = store.client.get_run(store.file_run(make_record(metrics=metrics, params=params, series={})))
    assert run.data.metrics == metrics
    assert len(run.data.params) == 150


def test_filed_runs_are_records(store: Store, make_record: MakeRecord) -> None:
    parent = store.start_sweep("study", "s", {"only": "parent"}, {"host": "h"})
    second = make_record("s/2", start_ms=5_000, metrics={"energy_j": float("nan"), "loss": 1.0})
    store.file_run(second, parent)
    watts, load = "system/power_usage_watts", "system/cpu_utilization_percentage"
    trace = {name: [Point(0, 1, 3.0)] for name in (watts, load, "power_trace_w")}
    trace |= {"train_loss": [Point(1, 2, 0.4), Point(2, 3, 0.2)]}
    first = make_record("s/1", start_ms=4_000, tags={"iteration": "12"}, series=trace)
    store.file_run(first, parent)
    store.finish_sweep(parent, {"median_energy_j/torch": 1.0}, note="**short**")
    runs = store.records("study")
    assert [run.uid for run in runs] == ["s/1", "s/2"]
    for run, record in zip(runs, (first, second), strict=True):
        names = ("name", "start_ms", "end_ms", "status", "tags", "params", "factors", "flags", "described", "windows")
        told = {name: getattr(record, name) for name in names}
        assert {name: getattr(run, name) for name in names} == told | {"factors": {}}
    assert runs[0].metrics == {"energy_j": 412.5, "accuracy": 0.981, "train_loss": 0.2}
    assert runs[1].metrics == {"loss": 1.0, "train_loss": 0.2}


def test_place_block_and_sequence_are_kept_apart(store: Store, make_record: MakeRecord) -> None:
    places = {"position": "2", "sequence": "11", "iteration": "4"}
    run = store.client.get_run(store.file_run(make_record(tags=places)))
    assert {name: run.data.tags[name] for name in places} == places
    (filed,) = store.records("study")
    assert {name: filed.tags[name] for name in places} == places


@pytest.mark.parametrize("text", ["123456789012345678901234567890", "9999999999", "1.5", "first", "-1"])
def test_no_tag_makes_a_store_unreadable(store: Store, make_record: MakeRecord, text: str) -> None:
    store.file_run(make_record("s/1", start_ms=1_000, tags={"iteration": text}))
    store.file_run(make_record("s/2", start_ms=2_000, tags={"iteration": "12"}))
    assert [run.tags["iteration"] for run in store.records("study")] == [text, "12"]


def test_an_experiment_without_runs_has_no_records(store: Store) -> None:
    store.check("study")
    assert store.records("study") == []


def test_an_unknown_experiment_is_told_with_the_known_ones(store: Store) -> None:
    store.check("study")
    with pytest.raises(TrackError, match=r"no experiment 'studdy'; it has .*study"):
        store.records("studdy")


def test_an_artifact_is_found_where_it_lies(store: Store, make_record: MakeRecord, store_uri: str) -> None:
    run_id = store.file_run(make_record())
    path = store.artifact(run_id, "energy.csv")
    assert path.read_text().startswith("Time,")
    assert path.is_relative_to(Path(store_uri.removeprefix("sqlite:///")).parent)
    with pytest.raises(TrackError, match=r"nothing\.csv"):
        store.artifact(run_id, "nothing.csv")


def test_a_sweep_that_goes_on_keeps_its_parent_run(store: Store, tmp_path: Path) -> None:
    parent = store.start_sweep("study", "s", {"a": "1"}, {})
    (tmp_path / "report").mkdir()
    (tmp_path / "report" / "report.html").write_text("<p>")
    store.finish_sweep(parent, {"median_energy_j/torch": 2.0}, [tmp_path / "report"], "failed", "**short**")
    closed = store.client.get_run(parent)
    assert closed.info.status == "FAILED"
    assert closed.data.tags["mlflow.note.content"] == "**short**"
    assert store.artifact(parent, "report/report.html").read_text() == "<p>"
    assert store.start_sweep("study", "s", {"a": "1"}, {}) == parent
    assert store.client.get_run(parent).info.status == "RUNNING"


def test_a_deleted_experiment_says_how_to_get_it_back(store: Store) -> None:
    store.check("study")
    number = store.experiment_id("study")
    store.client.delete_experiment(number)
    with pytest.raises(TrackError, match=f"mlflow experiments restore --experiment-id {number}"):
        store.check("study")


@pytest.mark.parametrize(
    ("experiment", "message"),
    [("", "experiment=NAME"), ("x" * 600, "experiment=NAME")],
    ids=["empty", "long"],
)
def test_a_bad_experiment_name_is_refused(store: Store, experiment: str, message: str) -> None:
    with pytest.raises(TrackError, match=message):
        store.check(experiment)


def test_models_that_differ_only_far_behind_are_not_the_same(store: Store, make_record: MakeRecord) -> None:
    layers = ["x" * 6000, "x" * 6000 + "a", "x" * 6000 + "b"]
    for number, value in enumerate(layers):
        store.file_run(make_record(uid=f"s/{number}", params={"model.layers": value}))
    filed = [run.params["model.layers"] for run in store.records("study")]
    assert len(set(filed)) == 3
    assert [len(value) for value in filed] == [6000] * 3
    assert layers[0] in filed


def test_a_quote_in_a_name_is_refused(store: Store, make_record: MakeRecord) -> None:
    with pytest.raises(TrackError, match="quote"):
        store.file_run(make_record(tags={"run_uid": "it's"}))


@pytest.mark.parametrize(
    "uri",
    [
        "bogus://x",
        "./files",
        "sqlite:///{folder}/file/mlflow.db",
        "sqlite:///{folder}/file",
        "http://127.0.0.1:9",
    ],
    ids=["scheme", "file store", "no folder", "no database", "no server"],
)
def test_a_store_that_cannot_be_used_is_told_soon(uri: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("this is no database" * 100)
    began = time.monotonic()
    with pytest.raises(TrackError, match="choose another tracking_uri"):
        open_store(uri.format(folder=tmp_path))
    assert time.monotonic() - began < 20


def test_plain_mlflow_finds_the_default_store(tmp_path: Path, make_record: MakeRecord) -> None:
    """Without a URI everything lies where `mlflow ui`, started in the same folder, looks; no chatter."""
    make_record().write()
    environment = {k: v for k, v in os.environ.items() if not k.startswith("MLFLOW")}
    environment["PYTHONPATH"] = str(Path(__file__).parents[2])
    command = [sys.executable, "-W", "error", "-m", "src.track", str(tmp_path / "runs")]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (
        0,
        "runs filed: 1; there already: 0\n",
        "",
    )
    assert (tmp_path / "mlflow.db").exists()
    assert list((tmp_path / "mlruns").rglob("energy.csv"))


def test_filing_takes_little_of_the_processor(store: Store, make_record: MakeRecord) -> None:
    metrics = {f"m{i}": float(i) for i in range(30)}
    params = {f"p{i}": "x" for i in range(40)}
    trace = {"system/power_usage_watts": [Point(i, i, 50.0) for i in range(200)]}
    trace |= {f"system/{name}": trace["system/power_usage_watts"][::2] for name in ("cpu", "memory", "percent")}
    store.file_run(make_record("warm up"))
    costs_s = []
    for uid in "abcde":
        record = make_record(uid, metrics=metrics, params=params, series=trace)
        for name in ("job.json", "events.jsonl", "config.yaml", "power.png", "worker.log"):
            (record.folder / name).write_bytes(b"x" * 20_000)
        began = time.process_time()
        store.file_run(record)
        costs_s.append(time.process_time() - began)
    assert min(costs_s) < 0.15


@pytest.mark.parametrize("name", ["system/power_usage_watts", "power_trace_w"], ids=["today's", "of before"])
def test_a_power_trace_comes_back_in_the_order_of_time(store, make_record, name):
    trace = [Point(1200, 1_001_200, 40.5), Point(100, 1_000_100, 38.25), Point(2300, 1_002_300, 41.0)]
    run_id = store.file_run(make_record(series={name: trace, "train_loss": [Point(1, 1_004_000, 0.4)]}))
    assert store.trace(run_id) == sorted(trace)


def test_a_run_without_a_power_trace_has_an_empty_one(store, make_record):
    assert store.trace(store.file_run(make_record())) == []


@pytest.mark.parametrize("scheme", ["file://", ""], ids=["address", "path"])
def test_a_store_of_files_is_refused_before_anything_is_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, scheme: str
) -> None:
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    with pytest.raises(TrackError, match=r"store of files, .* tracking_uri=sqlite:///"):
        open_store(f"{scheme}{tmp_path}/mlruns").check("study")


@pytest.mark.parametrize(
    ("kind", "context"), [("training", "training"), ("inference", "inference"), (None, "training")]
)
def test_the_data_of_a_run_are_its_input(store, make_record, kind, context):
    params = {"dataset.name": "mnist", "dataset.checksum": "a" * 64} | ({"workload.kind": kind} if kind else {})
    run_id = store.file_run(make_record(params=params))
    (found,) = store.client.get_run(run_id).inputs.dataset_inputs
    assert (found.dataset.name, found.dataset.digest) == ("mnist", "a" * 36)
    assert {tag.key: tag.value for tag in found.tags} == {"mlflow.data.context": context}
    named = "dataset.name = 'mnist'"
    assert len(store.client.search_runs([store.experiment_id(make_record().experiment)], named)) == 1


def test_a_command_has_no_data(store, make_record):
    run_id = store.file_run(make_record(params={"workload.kind": "command"}))
    assert store.client.get_run(run_id).inputs.dataset_inputs == []


def test_a_stopped_sweep_is_killed_for_mlflow(store, make_record):
    parent = store.start_sweep("study", "s", {}, {})
    store.finish_sweep(parent, {}, status="stopped")
    assert store.client.get_run(parent).info.status == "KILLED"
