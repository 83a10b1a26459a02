"""What MLflow has no place for comes back typed, at any length, and an edited tag spoils nothing else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from src.contract.flags import Flag
from src.contract.metrics import Metric
from src.contract.record import RunRecord
from src.track.store import Store
from src.track.typed_tags import FACTORS, FLAGS, METRICS, WINDOWS, read_typed, typed_tags

MakeRecord = Callable[..., RunRecord]

TYPED: dict[str, Any] = {
    "factors": {"framework": "torch", "model.layers": "[{kind:flatten}]", "workload.command": "a=b c"},
    "flags": (Flag("gap", "3 gaps; jump: or 4", grave=True), Flag("edge", "extrapolated")),
    "described": {
        "tokens": Metric("tokens", "1/s", "Tokens", "higher", headline=True),
        "memory": Metric("memory", "B", "Memory"),
    },
    "windows": {"load": (0.25, 1.5), "trein ü": (1.5, 9.75)},
}
LONG: dict[str, Any] = {
    "factors": {"model.layers": "x" * 7000, "training.epochs": "3"},
    "flags": tuple(Flag(f"f{n}", "y" * 3000, grave=n == 1) for n in range(4)),
    "described": {f"m{n}": Metric(f"m{n}", "J", f"Metric {n}", "lower", headline=n == 3) for n in range(200)},
    "windows": {f"phase{n}": (float(n), n + 0.5) for n in range(500)},
}
NONE: dict[str, Any] = {"factors": {}, "flags": (), "described": {}, "windows": {}}


@pytest.mark.parametrize("typed", [TYPED, LONG, NONE], ids=["few", "long", "none"])
def test_what_is_typed_comes_back_from_the_store(store: Store, make_record: MakeRecord, typed: dict[str, Any]) -> None:
    store.file_run(make_record(**typed))
    (run,) = store.records("study")
    assert {name: getattr(run, name) for name in typed} == typed
    assert not [tag for tag in run.tags if tag.startswith("joulebench")]


@pytest.mark.parametrize("damaged", [FACTORS, FLAGS, METRICS, WINDOWS])
@pytest.mark.parametrize("text", ["", "{", "3", "[3]", '{"a": 3}', '{"a": [1]}', "null"])
def test_an_edited_tag_spoils_only_itself(make_record: MakeRecord, damaged: str, text: str) -> None:
    tags = make_record().tags | typed_tags(make_record(**TYPED)) | {damaged: text}
    read = read_typed(tags)
    for name, tag in zip(TYPED, (FACTORS, FLAGS, METRICS, WINDOWS), strict=True):
        if tag != damaged:
            assert read[name] == TYPED[name]


def test_stores_of_before_are_read_from_their_words() -> None:
    tags = {"treatment": "torch training.epochs=3", "framework": "torch", "flags": "gap: 3 gaps; edge: a little"}
    assert read_typed(tags) == {
        "factors": {"framework": "torch", "training.epochs": "3"},
        "flags": (Flag("gap", "3 gaps", grave=True), Flag("edge", "a little")),
        "described": {},
        "windows": {},
    }


def test_people_read_the_flags_too(make_record: MakeRecord) -> None:
    assert typed_tags(make_record(**TYPED))["flags"] == "gap: 3 gaps; jump: or 4; edge: extrapolated"
    assert "flags" not in typed_tags(make_record())
