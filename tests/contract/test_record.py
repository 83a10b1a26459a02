from __future__ import annotations

import json
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Any

import pytest

from src.contract.json_files import ContractError
from src.contract.record import RECORD_FILE, RunRecord, flatten, run_name

MakeRecord = Callable[..., RunRecord]


class Order(StrEnum):
    shuffled = "shuffled"


def test_a_record_is_read_back_equal(make_record: MakeRecord) -> None:
    record = make_record()
    record.write()
    assert RunRecord.read(record.folder) == record


def test_a_record_is_read_where_its_folder_lies_by_now(make_record: MakeRecord, tmp_path: Path) -> None:
    record = make_record()
    record.write()
    moved = record.folder.rename(tmp_path / "moved")
    assert RunRecord.read(moved).folder == moved


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", '{"version": 3}', '{"version": 1, "name": "torch"}'],
    ids=["empty", "half", "list", "other version", "fields missing"],
)
def test_a_damaged_record_is_refused_by_its_path(text: str, tmp_path: Path) -> None:
    (tmp_path / RECORD_FILE).write_text(text)
    with pytest.raises(ContractError, match=RECORD_FILE):
        RunRecord.read(tmp_path)


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
