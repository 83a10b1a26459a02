"""plan.json holds all that a stopped sweep needs to go on, and plans of before are read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from src.contract.json_files import ContractError
from src.contract.plan_file import PLAN_FILE, PlanFile, Slot, Treatment, blocks

PLAN = PlanFile(
    sweep="s1",
    treatments=(
        Treatment("torch 32", ("framework=torch", "training.batch_size=32"), {"training.batch_size": "32"}),
        Treatment("torch 64", ("framework=torch", "training.batch_size=64"), {"training.batch_size": "64"}),
    ),
    slots=(Slot(1, 1, 1, 1), Slot(2, 1, 2, 0), Slot(3, 2, 1, 0, 2), Slot(4, 2, 2, 1, 2)),
    configs=({"experiment": "e", "training": {"batch_size": 32}}, {"experiment": "e", "training": {"batch_size": 64}}),
)
OLD = {
    "version": 1,
    "sweep": "s1",
    "treatments": [{"label": "torch", "overrides": ["framework=torch"]}, {"label": "jax", "overrides": []}],
    "slots": [
        {"sequence": 1, "iteration": 1, "position": 1, "treatment": 1},
        {"sequence": 2, "iteration": 1, "position": 2, "treatment": 0},
    ],
}


def test_a_plan_is_read_back_equal(tmp_path: Path) -> None:
    PLAN.write(tmp_path)
    assert PlanFile.read(tmp_path) == PLAN


def test_a_plan_of_version_1_is_read(tmp_path: Path) -> None:
    (tmp_path / PLAN_FILE).write_text(json.dumps(OLD))
    assert PlanFile.read(tmp_path) == PlanFile(
        sweep="s1",
        treatments=(Treatment("torch", ("framework=torch",)), Treatment("jax")),
        slots=(Slot(1, 1, 1, 1), Slot(2, 1, 2, 0)),
    )


@pytest.mark.parametrize(
    ("change", "says"),
    [
        pytest.param({"version": 3}, "of version 3", id="version to come"),
        pytest.param({"version": None}, "of version None", id="no version"),
        pytest.param({"sweep": 3}, "`sweep` is 3", id="sweep"),
        pytest.param({"treatments": {}}, "`treatments` is", id="treatments"),
        pytest.param({"treatments": ["torch"]}, "a treatment is 'torch'", id="treatment"),
        pytest.param({"treatments": [{"overrides": []}] * 2}, "`label` is None", id="label"),
        pytest.param({"treatments": [{"label": "a", "overrides": "b"}] * 2}, "`overrides` is 'b'", id="overrides"),
        pytest.param(
            {"treatments": [{"label": "a", "overrides": [], "factors": []}] * 2}, "`factors` is", id="factors"
        ),
        pytest.param(
            {"treatments": [{"label": "a", "overrides": [], "factors": {"b": 1}}] * 2}, "`factors`", id="a factor"
        ),
        pytest.param({"slots": 3}, "`slots` is 3", id="slots"),
        pytest.param({"slots": []}, "plans no run", id="no slots"),
        pytest.param({"slots": [1]}, "a slot is 1", id="slot"),
        pytest.param({"slots": [{"sequence": 1}]}, "`iteration` is None", id="slot without its block"),
        pytest.param(
            {"slots": [{"sequence": 1, "iteration": 1, "position": 1, "treatment": 2}]}, "treatment 2", id="who is not"
        ),
        pytest.param(
            {"slots": [{"sequence": 1, "iteration": 1, "position": 1, "treatment": -1}]}, "treatment -1", id="below 0"
        ),
        pytest.param({"configs": {}}, "`configs` is", id="configurations"),
        pytest.param({"configs": [3, 4]}, "a configuration is 3", id="a configuration"),
    ],
)
def test_what_is_no_plan_is_refused_by_its_path(tmp_path: Path, change: dict[str, Any], says: str) -> None:
    PLAN.write(tmp_path)
    path = tmp_path / PLAN_FILE
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    with pytest.raises(ContractError, match=says) as caught:
        PlanFile.read(tmp_path)
    assert str(path) in str(caught.value)


def test_blocks_keep_the_order_of_the_slots() -> None:
    assert [[slot.sequence for slot in block] for block in blocks(PLAN.slots)] == [[1, 2], [3, 4]]
