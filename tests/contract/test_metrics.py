"""Metrics describe themselves, and flags say what they are."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import pytest

from src.contract.flags import Flag
from src.contract.json_files import ContractError
from src.contract.metrics import OF_METER, OF_TASK, OLD_CATALOGUE, Metric, catalogue, of_phase

OWN = Metric("tokens", "1/s", "Tokens", "higher", headline=True)


def test_a_metric_is_read_from_its_description() -> None:
    assert Metric.of("tokens", OWN.described()) == OWN


def test_only_the_name_must_be_known() -> None:
    assert Metric.of("tokens", {}) == Metric("tokens", "1", "tokens")


@pytest.mark.parametrize(
    ("values", "says"),
    [
        pytest.param([], "not an object", id="a list"),
        pytest.param({"unit": 3}, "`unit` is 3", id="unit"),
        pytest.param({"title": None}, "`title` is None", id="title"),
        pytest.param({"better": "more"}, "`better` is 'more'; use lower, higher", id="better"),
        pytest.param({"better": True}, "`better` is True", id="better is a truth"),
        pytest.param({"headline": "yes"}, "`headline` is 'yes'", id="headline"),
    ],
)
def test_what_describes_no_metric_is_refused_by_its_name(values: Any, says: str) -> None:
    with pytest.raises(ContractError, match=f"metric `tokens`.*{says}"):
        Metric.of("tokens", values)


def test_the_catalogue_has_the_task_first_then_the_works_own_then_the_phases() -> None:
    names = list(catalogue(["load", "run"], [OWN]))
    assert names[: len(OF_TASK)] == [metric.name for metric in OF_TASK]
    assert names[len(OF_TASK)] == "tokens"
    assert names[len(OF_TASK) + 1 :] == [
        *("energy_total_j", "duration_total_s", "energy_net_j"),
        *("energy_load_j", "energy_run_j", "duration_load_s", "duration_run_s"),
        *("energy_package_j", "energy_dram_j", "energy_cores_j", "energy_gpu_j"),
    ]


def test_less_is_better_of_all_that_is_measured() -> None:
    assert {metric.better for metric in (*OF_TASK, *OF_METER, *of_phase("load"))} == {"lower"}


def test_stores_of_before_have_the_metrics_of_training() -> None:
    better = {name: metric.better for name, metric in OLD_CATALOGUE.items()}
    assert (better["accuracy"], better["loss"], better["energy_train_j"]) == ("higher", "lower", "lower")


@pytest.mark.parametrize("flag", [Flag("gap", "3 gaps", grave=True), Flag("edge", "a; b: c")], ids=lambda f: f.code)
def test_a_flag_is_read_from_its_values(flag: Flag) -> None:
    assert Flag.of(asdict(flag)) == flag


@pytest.mark.parametrize(
    "values",
    ["gap", {"code": "gap", "text": "x"}, {"code": "gap", "text": "x", "grave": "yes"}, {"text": "x", "grave": True}],
    ids=["a text", "no gravity", "gravity is a text", "no code"],
)
def test_what_is_no_flag_is_refused(values: Any) -> None:
    with pytest.raises(ContractError, match="flag"):
        Flag.of(values)
