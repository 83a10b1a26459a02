"""What MLflow's pages show of an experiment and of a run."""

from __future__ import annotations

import json

import pytest

from src.contract.flags import Flag
from src.track.pages import NOTE_TAG, TOLD_AS_TAGS, VIEW, VIEW_TAG, in_order, is_ours, split_params, view


def test_the_view_is_one_that_the_pages_list_by_its_name() -> None:
    told = json.loads(view(1_700_000_000_000))
    assert (told["name"], told["createdAt"]) == ("Energy and accuracy", 1_700_000_000_000)
    state = json.loads(told["state"])
    assert state["selectedColumns"][:2] == ["metrics.`energy_j`", "metrics.`duration_s`"]
    charts, sections = state["compareRunCharts"], {section["uuid"] for section in state["compareRunSections"]}
    assert [chart["type"] for chart in charts] == ["BAR", "BAR", "BAR", "SCATTER", "PARALLEL"]
    assert charts[0]["metricKey"] == "energy_j"
    assert {chart["metricSectionId"] for chart in charts} <= sections
    assert len({chart["uuid"] for chart in charts}) == len(charts)
    assert len(view(0)) < 5000


@pytest.mark.parametrize(
    ("value", "ours"),
    [(view(0), True), ('{"searchFilter": ""}', False), (None, False), ("no JSON", False), ("[1]", False)],
    ids=["today's", "of before", "none", "damaged", "a list"],
)
def test_a_view_of_an_earlier_version_is_told_from_todays(value: str | None, ours: bool) -> None:
    assert is_ours(value) is ours


def test_an_experiment_says_where_its_runs_are_to_be_seen(store, make_record) -> None:
    store.start_sweep("study", "s", {}, {})
    found = store.client.get_experiment_by_name("study")
    note = found.tags[NOTE_TAG]
    assert f"(#/experiments/{found.experiment_id}/runs?workflowType=machine_learning&viewStateShareKey={VIEW})" in note
    assert store.runs_page("study").removeprefix("/") in note


@pytest.mark.parametrize(
    ("key", "value", "kept"),
    [
        pytest.param(NOTE_TAG, "ours: runs of the old laptop", True, id="a description of the user's"),
        pytest.param(VIEW_TAG, '{"name": "mine", "createdAt": 1, "state": "{}"}', True, id="a view of the user's"),
        pytest.param(VIEW_TAG, '{"searchFilter": ""}', False, id="a view of an earlier version"),
    ],
)
def test_what_somebody_wrote_about_an_experiment_stays(store, key: str, value: str, kept: bool) -> None:
    number = store.experiment_id("study")
    store.client.set_experiment_tag(number, key, value)
    store.start_sweep("study", "s", {}, {})
    assert (store.client.get_experiment(number).tags[key] == value) is kept


def test_a_runs_description_says_what_it_came_to(store, make_record) -> None:
    flags = (Flag("wrap", "1 counter wrap was mended"), Flag("gap", "3 gaps", grave=True))
    record = make_record(tags={"iteration": "3"}, flags=flags, metrics={"energy_j": 412.5, "accuracy": 0.981})
    note = store.client.get_run(store.file_run(record)).data.tags[NOTE_TAG]
    assert note.startswith("**torch**, block 3; energy estimated. Energy of the task 412.5 J, Test accuracy 0.981.")
    assert note.endswith("- 1 counter wrap was mended\n- 3 gaps (doubtful)")


def test_a_failed_runs_description_says_why(store, make_record) -> None:
    tags = {"status": "failed", "error": "the run did not end\nEnd of worker.log:"}
    record = make_record(status="failed", metrics={}, tags=tags)
    note = store.client.get_run(store.file_run(record)).data.tags[NOTE_TAG]
    assert note == "**torch**, block 3; energy estimated. No result.\n\nfailed: the run did not end"


def test_the_metrics_that_matter_are_filed_first(store, make_record) -> None:
    values = {"cpu_usage_share": 0.5, "accuracy": 0.9, "duration_s": 2.0, "energy_j": 7.0}
    run = store.client.get_run(store.file_run(make_record(metrics=values, series={})))
    assert list(run.data.metrics) == ["energy_j", "duration_s", "accuracy", "cpu_usage_share"]
    assert list(in_order({"a": 1.0, "b": 2.0}, ["c", "b"])) == ["b", "a"]


def test_what_a_run_was_made_with_is_a_tag_in_mlflow_and_a_parameter_everywhere_else(store, make_record) -> None:
    made_with = {"version.torch": "2.13", "framework.env.KERAS_BACKEND": "tensorflow", "framework.mode": "eager"}
    assert all(name.startswith(TOLD_AS_TAGS) for name in made_with)
    params = {"framework.name": "torch", **made_with}
    run = store.client.get_run(store.file_run(make_record(params=params)))
    assert run.data.params == {"framework.name": "torch"}
    assert made_with.items() <= run.data.tags.items()
    (filed,) = store.records("study")
    assert filed.params == params
    assert not set(made_with) & set(filed.tags)
    assert split_params(params) == ({"framework.name": "torch"}, made_with)
