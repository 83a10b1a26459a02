"""What a measured program tells of its own work, of version 1 too, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from src.contract.json_files import ContractError
from src.contract.metrics import Metric
from src.contract.outcome import OLD_RESULT_FILE, OUTCOME_FILE, Outcome

OLD = {
    "version": 1,
    "framework": "torch",
    "accuracy": 0.98,
    "loss": 0.06,
    "train_loss": [0.4, 0.2],
    "samples_per_s": 1000.0,
    "parameter_count": 268_298,
    "shapes": [[3, 3, 1, 64]],
    "peak_memory_bytes": 1 << 29,
    "device": "cpu",
    "threads": 2,
    "affinity": [],
    "versions": {"torch": "2.13.0"},
}


def read(folder: Path, values: Any, name: str = OUTCOME_FILE) -> Outcome:
    (folder / name).write_text(json.dumps(values))
    return Outcome.read(folder)


def test_an_outcome_is_read_back_equal(tmp_path: Path) -> None:
    outcome = Outcome(
        values={"accuracy": 0.98, "tokens": 3.0},
        metrics={
            "accuracy": Metric("accuracy", "1", "Test accuracy", "higher", headline=True),
            "tokens": Metric("tokens", "1/s", "Tokens a second"),
        },
        series={"train_loss": [0.4, 0.2], "empty": []},
        facts={"versions": {"torch": "2.13.0"}, "shapes": [[1, 2]]},
        per_unit=(Metric("energy_per_image_j", "J", "Energy per image", "lower", headline=True), 10_000.0),
    )
    outcome.write(tmp_path / OUTCOME_FILE)
    assert Outcome.read(tmp_path) == outcome


def test_only_a_value_must_be_there(tmp_path: Path) -> None:
    outcome = read(tmp_path, {"metrics": {"lines": {"value": 3}}})
    assert outcome == Outcome(values={"lines": 3.0}, metrics={"lines": Metric("lines", "1", "lines")})


def test_an_empty_object_tells_nothing(tmp_path: Path) -> None:
    assert read(tmp_path, {}) == Outcome()


@pytest.mark.parametrize(
    ("values", "says"),
    [
        pytest.param([], "holds no JSON object", id="a list"),
        pytest.param({"version": 1}, "not of version 2", id="another version"),
        pytest.param({"version": "2"}, "not of version 2", id="version is a text"),
        pytest.param({"metrics": []}, "`metrics` is", id="metrics are a list"),
        pytest.param({"metrics": None}, "`metrics` is None", id="metrics are nothing"),
        pytest.param({"metrics": {"a": 3}}, "metric `a` is 3, not an object with a `value`", id="a bare value"),
        pytest.param({"metrics": {"a": {}}}, "`value` is None", id="no value"),
        pytest.param({"metrics": {"a": {"value": "3"}}}, "`value` is '3'", id="value is a text"),
        pytest.param({"metrics": {"a": {"value": True}}}, "`value` is True", id="value is a truth"),
        pytest.param({"metrics": {"a": {"value": [3]}}}, "`value` is", id="value is a list"),
        pytest.param({"metrics": {"a": {"value": float("nan")}}}, "no numbers", id="value is no number"),
        pytest.param({"metrics": {"a": {"value": float("inf")}}}, "no numbers", id="value is without end"),
        pytest.param({"metrics": {"a": {"value": 10**400}}}, "too large", id="value is too large"),
        pytest.param({"metrics": {"a b": {"value": 3}}}, "no name for a metric", id="name with a space"),
        pytest.param({"metrics": {"": {"value": 3}}}, "no name for a metric", id="no name"),
        pytest.param({"metrics": {"a": {"value": 3, "unit": 1}}}, "`unit` is 1", id="unit"),
        pytest.param({"metrics": {"a": {"value": 3, "title": 1}}}, "`title` is 1", id="title"),
        pytest.param({"metrics": {"a": {"value": 3, "better": "up"}}}, "`better` is 'up'", id="better"),
        pytest.param({"metrics": {"a": {"value": 3, "headline": 1}}}, "`headline` is 1", id="headline"),
        pytest.param({"series": [1]}, "`series` is", id="series are a list"),
        pytest.param({"series": {"a": 1}}, "series 'a' is no list", id="series of one number"),
        pytest.param(
            {"series": {"a b": [1]}}, "series 'a b' is no list of numbers under a plain name", id="series' name"
        ),
        pytest.param({"series": {"a": ["1"]}}, "series `a`: `value` is '1'", id="series of texts"),
        pytest.param({"series": {"a": [None]}}, "series `a`", id="series of nothing"),
        pytest.param({"series": {"a": [float("nan")]}}, "no numbers", id="series without numbers"),
        pytest.param({"facts": []}, "`facts` is", id="facts are a list"),
        pytest.param({"per_unit": 3}, "`per_unit` is 3", id="per unit is a number"),
        pytest.param({"per_unit": {"count": 3}}, "`name` is None", id="per unit without a name"),
        pytest.param({"per_unit": {"name": "a"}}, "`value` is None", id="per unit without a count"),
        pytest.param({"per_unit": {"name": "a", "count": 0}}, "must be above 0", id="per no unit"),
        pytest.param({"per_unit": {"name": "a", "count": float("nan")}}, "no numbers", id="per unknown units"),
    ],
)
def test_what_is_no_outcome_is_refused(tmp_path: Path, values: Any, says: str) -> None:
    with pytest.raises(ContractError, match=says):
        read(tmp_path, values)


def test_a_missing_outcome_is_refused_by_its_path(tmp_path: Path) -> None:
    with pytest.raises(ContractError, match=str(tmp_path / OUTCOME_FILE)):
        Outcome.read(tmp_path)


def test_a_result_of_version_1_is_read(tmp_path: Path) -> None:
    outcome = read(tmp_path, OLD, OLD_RESULT_FILE)
    assert outcome.values == {
        "accuracy": 0.98,
        "loss": 0.06,
        "samples_per_s": 1000.0,
        "peak_memory_bytes": float(1 << 29),
        "parameter_count": 268_298.0,
    }
    assert outcome.metrics.keys() == outcome.values.keys()
    assert (outcome.metrics["accuracy"].better, outcome.metrics["accuracy"].headline) == ("higher", True)
    assert outcome.series == {"train_loss": [0.4, 0.2]}
    assert outcome.facts == {
        "framework": "torch", "device": "cpu", "threads": 2, "affinity": [], "versions": {"torch": "2.13.0"},
        "shapes": [[3, 3, 1, 64]],
    }  # fmt: skip


def test_todays_outcome_counts_where_both_are_there(tmp_path: Path) -> None:
    (tmp_path / OLD_RESULT_FILE).write_text(json.dumps(OLD))
    assert read(tmp_path, {"metrics": {"a": {"value": 1}}}).values == {"a": 1.0}


@pytest.mark.parametrize("field", ["accuracy", "loss", "train_loss", "samples_per_s", "peak_memory_bytes"])
def test_a_result_of_version_1_must_be_whole(tmp_path: Path, field: str) -> None:
    with pytest.raises(ContractError, match=rf"result\.json: `{field}` is None"):
        read(tmp_path, {key: value for key, value in OLD.items() if key != field}, OLD_RESULT_FILE)
