"""One record that is damaged never stops its neighbours, and is named."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from src.contract.record import RECORD_FILE, RunRecord
from src.track import open_store
from src.track.__main__ import main

MakeRecord = Callable[..., RunRecord]

LONG = "x" * 300

DAMAGED: dict[str, Any] = {
    "empty": b"",
    "not text": b"\xff\xfe\x00\x01",
    "cut off": b'{"version": 2, "name": "tor',
    "null": b"null",
    "a list": b"[]",
    "nested without end": b"[" * 100_000,
    "no version": {"version": None},
    "another version": {"version": 99},
    "no tags": {"tags": {}},
    "tags of numbers": {"tags.iteration": 3},
    "a status of its own": {"status": "splendid"},
    "an unknown key": {"colour": "red"},
    "a name that is none": {"name": None},
    "a time as text": {"start_ms": "1000000"},
    "a time beyond all": {"start_ms": 10**400},
    "a time before all": {"start_ms": -(10**30)},
    "a metric as text": {"metrics.energy_j": "0.9"},
    "a metric of 10^400": {"metrics.energy_j": 10**400},
    "a metric's name that no store takes": {"metrics.a$b;'": 1.0},
    "a metric's empty name": {"metrics.": 1.0},
    "a parameter's name that no store takes": {"params.a$b;'": "1"},
    "a tag's name that no store takes": {"tags.a$b;'": "1"},
    "a series that is none": {"series.train_loss": 5},
    "a point with a step beyond all": {"series.train_loss": [[10**30, 1, 0.5]]},
    "half a character": {"name": "\ud800"},
    "half a character as a key": {"params.\ud800": "1"},
    "windows of one edge": {"windows": {"train": [1]}},
    "a flag that is none": {"flags": ["gap"]},
    "a uid with a quote": {"tags.run_uid": "s/'2'"},
    "a uid as long as a book": {"tags.run_uid": "u" * 100_000},
    "a sweep with a quote": {"tags.sweep": "it's"},
    "an experiment without a name": {"experiment": ""},
    "an experiment of 100 000 characters": {"experiment": "e" * 100_000},
}
"""Bytes of a file, or changes to a whole record."""
ALL_THE_SAME = {"a name of 300 characters": {"name": LONG}, "a name in $": {"name": "a $x$ $\\frac$ b"}}
"""Strange, and filed."""


def _changed(values: dict[str, Any], changes: dict[str, Any]) -> bytes:
    for key, value in changes.items():
        first, dot, rest = key.partition(".")
        if dot:
            values[first][rest] = value
        else:
            values[first] = value
    return json.dumps(values).encode()


@pytest.mark.parametrize("damage", [*DAMAGED.values(), *ALL_THE_SAME.values()], ids=[*DAMAGED, *ALL_THE_SAME])
def test_its_neighbours_are_filed_and_it_is_named(
    store_uri: str, tmp_path: Path, make_record: MakeRecord, damage: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    for uid in ("s/1", "s/2", "s/3"):
        make_record(uid).write()
    path = tmp_path / "runs" / "s" / "2" / RECORD_FILE
    path.write_bytes(damage if isinstance(damage, bytes) else _changed(json.loads(path.read_bytes()), damage))
    fine = damage in ALL_THE_SAME.values()
    assert main([str(tmp_path / "runs"), "--store", store_uri]) == (0 if fine else 1)
    shown = capsys.readouterr()
    filed = {run.uid for run in open_store(store_uri).records("study")}
    assert {"s/1", "s/3"} <= filed
    assert fine or "s/2" in shown.err
    assert "Traceback" not in shown.err
