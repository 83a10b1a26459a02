from __future__ import annotations

import json
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Any

import pytest

from src.contract.flags import Flag
from src.contract.json_files import ContractError
from src.contract.metrics import OF_TASK, Metric
from src.contract.record import RECORD_FILE, Run, RunRecord, flatten, headlines, old_factors, old_flags, run_name

MakeRecord = Callable[..., RunRecord]


class Order(StrEnum):
    shuffled = "shuffled"


def test_a_record_is_read_back_equal(make_record: MakeRecord) -> None:
    record = make_record()
    record.write()
    assert RunRecord.read(record.folder) == record


TYPED: dict[str, Any] = {
    "factors": {"framework": "torch", "training.batch_size": "32"},
    "flags": (Flag("gap", "3 gaps; or 4: who knows", grave=True), Flag("edge", "extrapolated")),
    "described": {"accuracy": Metric("accuracy", "1", "Test accuracy", "higher", headline=True)},
    "windows": {"load": (0.25, 1.5), "train": (1.5, 9.75)},
}


def test_what_is_typed_stays_typed(make_record: MakeRecord) -> None:
    record = make_record(**TYPED)
    record.write()
    read = RunRecord.read(record.folder)
    assert read == record
    assert {name: getattr(read, name) for name in TYPED} == TYPED


def test_a_record_of_version_1_is_read(make_record: MakeRecord) -> None:
    flags = "gap: 3 gaps; edge: the run reaches 4 ms beyond"
    tags = {"treatment": "torch training.batch_size=32", "flags": flags}
    record = make_record(tags=tags)
    record.write()
    path = record.folder / RECORD_FILE
    values = json.loads(path.read_text())
    new = ("factors", "flags", "described", "windows")
    path.write_text(json.dumps({**{k: v for k, v in values.items() if k not in new}, "version": 1}))
    read = RunRecord.read(record.folder)
    assert read.factors == {"framework": "torch", "training.batch_size": "32"}
    assert read.flags == (
        Flag("gap", "3 gaps", grave=True), Flag("edge", "the run reaches 4 ms beyond", grave=False),
    )  # fmt: skip
    assert (read.metrics, read.series, read.params) == (record.metrics, record.series, record.params)
    assert list(read.own_metrics) == ["accuracy"]


@pytest.mark.parametrize(
    ("treatment", "factors"),
    [
        ("torch", {"framework": "torch"}),
        ("torch a.b=2 c=x", {"framework": "torch", "a.b": "2", "c": "x"}),
        ("training.epochs=3", {"training.epochs": "3"}),
        ("", {}),
    ],
)
def test_factors_of_before_are_read_from_the_label(treatment: str, factors: dict[str, str]) -> None:
    assert old_factors(treatment, "torch") == factors


@pytest.mark.parametrize(
    ("text", "flags"),
    [
        ("", ()),
        ("wrap: 1 counter wrap was mended", (Flag("wrap", "1 counter wrap was mended"),)),
        ("jump: up; down; and so on", (Flag("jump", "up; down; and so on", grave=True),)),
    ],
)
def test_flags_of_before_are_read_from_their_text(text: str, flags: tuple[Flag, ...]) -> None:
    assert old_flags(text) == flags


def test_summaries_show_the_task_and_what_the_work_puts_into_its_headlines(make_record: MakeRecord) -> None:
    shown, hidden = Metric("tokens", "1", "Tokens", headline=True), Metric("memory", "B", "Memory")
    runs = [make_record(described={"memory": hidden}), make_record(described={"tokens": shown, "memory": hidden})]
    assert headlines(runs) == [*OF_TASK, shown]


def test_a_record_is_read_where_its_folder_lies_by_now(make_record: MakeRecord, tmp_path: Path) -> None:
    record = make_record()
    record.write()
    moved = record.folder.rename(tmp_path / "moved")
    assert RunRecord.read(moved).folder == moved


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", '{"version": 3}', '{"version": 1, "name": "torch"}', '{"version": 2, "name": "torch"}'],
    ids=["empty", "half", "list", "other version", "fields of version 1 missing", "fields missing"],
)
def test_a_damaged_record_is_refused_by_its_path(text: str, tmp_path: Path) -> None:
    (tmp_path / RECORD_FILE).write_text(text)
    with pytest.raises(ContractError, match=RECORD_FILE):
        RunRecord.read(tmp_path)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"name": 3}, id="name"),
        pytest.param({"experiment": None}, id="experiment"),
        pytest.param({"start_ms": 1.5}, id="start"),
        pytest.param({"end_ms": "1"}, id="end"),
        pytest.param({"status": "running"}, id="status"),
        pytest.param({"tags": []}, id="tags"),
        pytest.param({"tags": {"iteration": 3}}, id="tag"),
        pytest.param({"factors": {"a": 1}}, id="factor"),
        pytest.param({"params": {"a": None}}, id="parameter"),
        pytest.param({"metrics": {"energy_j": "3"}}, id="metric"),
        pytest.param({"metrics": {"energy_j": True}}, id="metric is a truth"),
        pytest.param({"flags": [{"code": "gap"}]}, id="flag"),
        pytest.param({"flags": "gap: text"}, id="flags as text"),
        pytest.param({"described": {"a": {"better": "up"}}}, id="description"),
        pytest.param({"windows": {"train": [1.0]}}, id="window without an end"),
        pytest.param({"windows": {"train": "ab"}}, id="window of texts"),
        pytest.param({"windows": []}, id="windows"),
        pytest.param({"series": {"loss": [[1, 2]]}}, id="point"),
        pytest.param({"series": {"loss": [[1, 2, "3"]]}}, id="value of a point"),
        pytest.param({"series": {"loss": [[0.5, 2, 3.0]]}}, id="step of a point"),
        pytest.param({"colour": 1}, id="unknown field"),
    ],
)
def test_a_record_with_a_wrong_type_is_refused_by_its_path(make_record: MakeRecord, change: dict[str, Any]) -> None:
    record = make_record(**TYPED)
    path = record.write()
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    with pytest.raises(ContractError, match=r"no complete record of a run"):
        RunRecord.read(record.folder)


def test_a_record_needs_the_tags_that_identify_a_run(make_record: MakeRecord) -> None:
    with pytest.raises(ContractError, match="energy_kind"):
        make_record(tags={"energy_kind": ""})


def test_every_visible_file_but_the_record_is_an_artifact(make_record: MakeRecord) -> None:
    record = make_record()
    record.write()
    assert [path.name for path in record.artifacts()] == ["energy.csv", "result.json"]


@pytest.mark.parametrize(
    ("arguments", "name"),
    [(("torch", 3), "torch #03"), (("tf a.b=2", 30), "tf a.b=2 #30"), (("jax", 1, 2), "jax #01 retry 2")],
)
def test_run_names(arguments: tuple[Any, ...], name: str) -> None:
    assert run_name(*arguments) == name


def test_flatten_leaves_out_what_is_unset_or_left_out() -> None:
    config = {
        "training": {"epochs": 3, "epsilon": 1e-7, "note": ""},
        "hardware": {"name": None, "affinity": [], "shuffle": False, "threads": 0},
        "protocol": {"order": Order.shuffled},
        "run": {"iteration": 4},
        "dataset": {"files": {"train": "x"}, "name": "mnist"},
        "model": {"layers": [{"kind": "conv", "filters": 64, "units": None}, {"kind": "flatten"}]},
    }
    flat = flatten(config)
    assert json.loads(flat.pop("model.layers")) == [{"kind": "conv", "filters": 64}, {"kind": "flatten"}]
    assert flat == {
        "training.epochs": "3",
        "training.epsilon": "1e-07",
        "hardware.shuffle": "False",
        "hardware.threads": "0",
        "protocol.order": "shuffled",
        "dataset.name": "mnist",
    }


def test_a_link_in_the_folder_is_no_artifact(make_record, tmp_path):
    record = make_record()
    (tmp_path / "secret.txt").write_text("anybody's")
    (record.folder / "notes.txt").symlink_to(tmp_path / "secret.txt")
    assert [path.name for path in record.artifacts()] == ["energy.csv", "result.json"]


@pytest.mark.parametrize(
    ("tags", "params", "machine"),
    [
        pytest.param({"machine": "node7"}, {"hardware.name": "Test CPU"}, "node7", id="named"),
        pytest.param({}, {"hardware.name": "Test CPU"}, "Test CPU", id="by its hardware"),
        pytest.param({}, {}, None, id="unknown"),
    ],
)
def test_a_run_names_its_machine(tags: dict[str, str], params: dict[str, str], machine: str | None) -> None:
    run = Run(name="a", start_ms=0, end_ms=1, status="finished", tags=tags, params=params)
    assert run.machine == machine
