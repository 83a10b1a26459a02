"""The table of runs: the columns, and what their metrics and phases are."""

import dataclasses
from typing import Any

import pandas as pd
import pytest

from src.analysis.table import shares, table_of
from src.contract.flags import Flag
from src.contract.metrics import OLD_CATALOGUE, Metric
from src.contract.record import FiledRun
from tests.made_runs import command_runs, inference_runs, training_runs


def changed(run: FiledRun, **changes: Any) -> FiledRun:
    return dataclasses.replace(run, **changes)


def test_a_row_tells_what_its_record_tells() -> None:
    run = changed(
        training_runs()[9],
        tags={"treatment": "T", "framework": "F", "sweep": "S", "iteration": "3", "position": "2", "sequence": "7",
              "meter": "M", "energy_kind": "K", "run_uid": "U", "status": "finished", "error": "E", "machine": "H"},
        factors={"key": "value"}, flags=(Flag("gap", "3 s", grave=True),), windows={"train": (1.0, 2.0)},
        params={"model.name": "cnn"}, metrics={"energy_j": 5.0, "accuracy": float("inf")}, run_id="R", name="N",
        start_ms=1_700_000_000_250,
    )  # fmt: skip
    (row,) = table_of([run]).runs.to_dict("records")
    assert pd.isna(row.pop("accuracy"))
    assert row == {
        "run_id": "R", "run_name": "N", "started_s": 1_700_000_000.25, "status": "finished", "treatment": "T",
        "framework": "F", "sweep": "S", "iteration": 3, "position": 2, "sequence": 7, "meter": "M", "energy_kind": "K",
        "run_uid": "U", "machine": "H", "factors": {"key": "value"}, "flags": (Flag("gap", "3 s", grave=True),),
        "windows": {"train": (1.0, 2.0)}, "energy_j": 5.0, "params.model.name": "cnn", "tags.error": "E",
    }  # fmt: skip


def test_rows_stand_in_the_order_in_which_the_runs_began() -> None:
    runs = training_runs()
    table = table_of(runs[::-1]).runs
    assert table["started_s"].is_monotonic_increasing
    assert sorted(table["run_id"]) == sorted(run.run_id for run in runs)


def test_what_is_no_place_or_not_there_is_missing() -> None:
    run = training_runs()[0]
    tags = {name: value for name, value in run.tags.items() if name != "sweep"} | {"iteration": "1e9", "position": "x"}
    (row,) = table_of([changed(run, tags=tags)]).runs.to_dict("records")
    assert [name for name in ("sweep", "iteration", "position", "sequence") if pd.isna(row[name])] == [
        "sweep", "iteration", "position",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("runs", "phases", "outside", "workload"),
    [
        pytest.param(
            training_runs(), ("import", "data", "build", "train", "evaluate"), ("import",), "training", id="training"
        ),
        pytest.param(
            inference_runs(), ("import", "data", "build", "warmup", "infer"), ("import", "data", "build", "warmup"),
            "inference", id="inference",
        ),
        pytest.param(command_runs(), ("read", "compress"), (), "command", id="command"),
        pytest.param([*command_runs(), *inference_runs()][::13],
                     ("read", "compress", "import", "data", "build", "warmup", "infer"), (), "several", id="several"),
        pytest.param([changed(run, windows={}) for run in training_runs()],
                     ("import", "data", "build", "train", "evaluate"), ("import",), "training", id="no windows"),
        pytest.param([changed(run, windows={}) for run in command_runs()], ("compress", "read"), (), "command",
                     id="no windows, own names"),
    ],
)  # fmt: skip
def test_phases_are_those_of_the_runs(
    runs: list[FiledRun], phases: tuple[str, ...], outside: tuple[str, ...], workload: str
) -> None:
    table = table_of(runs)
    assert set(table.phases) == set(phases)
    assert table.workload == workload
    if workload != "several":
        assert (table.phases, table.outside_task) == (phases, outside)


def test_a_failed_run_has_no_say_in_what_was_measured() -> None:
    (run, *_) = command_runs()
    assert table_of([run, changed(training_runs()[0], status="failed")]).workload == "command"


def test_old_runs_have_the_metrics_of_training_and_described_ones_their_own() -> None:
    assert table_of(training_runs()).metrics == OLD_CATALOGUE
    own = table_of(command_runs()).metrics
    assert own["size_share"] == Metric("size_share", "1", "Size of the result", "lower", headline=True)
    assert "accuracy" not in own
    silent = [changed(run, described={}) for run in command_runs()]
    assert {"accuracy", "loss", "size_share"} & set(table_of(silent).metrics) == set()


def test_whole_recordings_are_not_called_tasks() -> None:
    elsewhere = [changed(run, tags=run.tags | {"run_uid": f"imported/{n}"}) for n, run in enumerate(training_runs())]
    table = table_of(elsewhere)
    assert table.whole_recordings
    assert table.metrics["energy_j"].title == "Energy of the whole recording"
    assert table.metrics["power_w"] == OLD_CATALOGUE["power_w"]
    assert not table_of([*elsewhere, command_runs()[0]]).whole_recordings


@pytest.mark.parametrize(
    ("tags", "machines"),
    [
        pytest.param((None, "desk", None), ["desk"] * 3, id="of the only one alike"),
        pytest.param((None, None, None), ["Test laptop"] * 3, id="none is named"),
        pytest.param((None, "desk", "rack"), ["Test laptop", "desk", "rack"], id="of several alike nobody knows"),
    ],
)
def test_runs_of_before_machines_were_named_are_of_the_one_with_their_hardware(
    tags: tuple[str | None, ...], machines: list[str]
) -> None:
    runs = [
        changed(run, tags=run.tags | ({"machine": name} if name else {}), run_id=f"r{place}", start_ms=place)
        for place, (run, name) in enumerate(zip(training_runs(), tags, strict=False))
    ]
    assert table_of(runs).runs["machine"].tolist() == machines


def test_each_machines_share_of_a_sweep_is_a_sweep_of_its_own() -> None:
    runs = pd.DataFrame({"sweep": ["s", "s", "t", None], "machine": ["m", "n", "m", None]})
    assert shares(runs)["sweep"].tolist() == ["s on m", "s on n", "t", ""]
