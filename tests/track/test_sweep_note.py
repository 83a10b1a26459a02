from __future__ import annotations

from dataclasses import replace

import pytest

from src.contract.flags import Flag
from src.contract.record import FiledRun
from src.track.store import Store
from src.track.sweep_note import summary_metrics, summary_note
from tests.contract.test_course import course

TREATMENTS = ["torch"] * 3 + ["tf training.batch_size=32"] * 2
ENERGY_J = [10.0, 30.0, 20.0, 5.0, 1000.0]
ACCURACY = [0.9, 0.9, 0.8, 0.7, 0.1]


def runs_of(treatments: list[str]) -> list[FiledRun]:
    return [
        FiledRun(
            run_id=str(place),
            name=f"{treatment} {place}",
            start_ms=place,
            end_ms=place + 1,
            status="failed" if place == 4 else "finished",
            tags={"treatment": treatment, "energy_kind": "estimated"},
            metrics={"energy_j": ENERGY_J[place], "accuracy": ACCURACY[place]},
        )
        for place, treatment in enumerate(treatments)
    ]


@pytest.fixture
def runs() -> list[FiledRun]:
    return runs_of(TREATMENTS)


def test_medians_of_the_finished_runs_of_each_treatment(runs: list[FiledRun]) -> None:
    assert summary_metrics(runs) == {
        "median_energy_j/torch": 20.0,
        "median_energy_j/tf training.batch_size 32": 5.0,
        "median_accuracy/torch": 0.9,
        "median_accuracy/tf training.batch_size 32": 0.7,
        "runs_finished": 4.0,
        "runs_failed": 1.0,
    }


def test_doubtful_runs_are_counted_but_not_in_the_medians(runs: list[FiledRun]) -> None:
    runs[1] = replace(runs[1], flags=(Flag("gap", "a gap of 20 s", grave=True),))
    assert summary_metrics(runs)["median_energy_j/torch"] == 15.0
    note = summary_note(runs)
    assert "Doubtful runs, which are not in the table: 1 of 5." in note
    assert "| torch | 2 |" in note


def test_a_long_label_is_cut_to_what_mlflow_takes_and_stays_its_own(store: Store) -> None:
    long = "model.layers=" + "[{kind:dense}]" * 40
    metrics = summary_metrics(runs_of([long + "a"] * 3 + [long + "b"] * 2))
    assert len(metrics) == 6
    store.finish_sweep(store.start_sweep("study", "s", {}, {}), metrics)


def test_the_note_says_how_the_energy_is_known_and_who_needs_least(runs: list[FiledRun]) -> None:
    lines = summary_note(runs).splitlines()
    assert lines[0].startswith("Energy: **estimated**")
    assert lines[2:6] == [
        "| treatment | runs | energy_j (J) | accuracy |",
        "| --- | ---: | ---: | ---: |",
        "| tf training.batch_size=32 | 1 | 5 | 0.7 |",
        "| torch | 3 | 20 | 0.9 |",
    ]
    assert lines[-1] == "Failed runs, which are not in the table: 1 of 5."


def test_a_sweep_without_a_finished_run_has_a_summary_too(runs: list[FiledRun]) -> None:
    failed = [run for run in runs if run.status == "failed"]
    assert summary_metrics(failed) == {"runs_finished": 0.0, "runs_failed": 1.0}
    assert "1 of 1." in summary_note(failed)
    assert "|" not in summary_note(failed)
    assert summary_note([]) == ""


def test_the_note_says_how_the_sweep_went(runs: list[FiledRun]) -> None:
    steps = course(("begun", 6, 0), ("finished", 6, 6), ("extended", 9, 6), ("stopped", 9, 7))
    lines = summary_note(runs, steps).splitlines()
    assert lines[0] == "**Stopped**: 7 of 9 planned runs finished."
    assert [line.split(" ", 3)[3] for line in lines[2:6]] == [
        "begun, 0 of 6 runs", "finished, 6 of 6 runs", "extended, 6 of 9 runs", "stopped, 7 of 9 runs",
    ]  # fmt: skip
    assert lines[7].startswith("Results were looked at before the end (after 6 of 6 runs)")
    assert summary_note([], steps[:1]) == "**Being measured**: 0 of 6 planned runs finished."
