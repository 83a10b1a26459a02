"""An import is taken back as a whole, and nothing else is."""

from __future__ import annotations

import re

import pytest

from src.ingest.__main__ import main


def take_back(store, name, experiment="study"):
    return main([f"undo={name}", f"experiment={experiment}", f"tracking_uri={store.uri}"])


def filed(store):
    return sorted(run.tags["treatment"] for run in store.records("study"))


@pytest.fixture
def imported(ingest, store, write_csv, tmp_path, capsys):
    """Files a treatment and gives back the name that the import printed."""

    def file(name):
        for n in (1, 2):
            write_csv(tmp_path / name / f"{name}_{n}.csv", power_w=30 + n + len(name))
        assert ingest(name, tmp_path / name) == 0
        found = re.search(r"Take it back: python -m src.ingest undo=(\S+) experiment=study", capsys.readouterr().out)
        assert found is not None
        return found.group(1)

    return file


def test_an_import_is_taken_back_and_can_be_filed_again(imported, store, capsys):
    first, second = imported("tf"), imported("torch")
    assert first != second
    assert take_back(store, first) == 0
    assert "2 imported runs were taken back from experiment 'study' (tf)" in capsys.readouterr().out
    assert filed(store) == ["torch", "torch"]
    (sweep,) = store.client.search_runs([store.experiment_id("study")], "tags.kind = 'sweep'")
    assert sweep.data.metrics["runs_finished"] == 2
    imported("tf")
    assert filed(store) == ["tf", "tf", "torch", "torch"]


def test_a_sweep_of_which_nothing_is_left_goes_too(imported, store):
    imported("tf")
    assert take_back(store, "imported") == 0
    assert filed(store) == []
    assert not store.client.search_runs([store.experiment_id("study")])


def test_measured_runs_are_never_taken_back(imported, store, make_record, capsys):
    imported("tf")
    store.file_run(make_record(tags={"sweep": "imported"}))
    assert take_back(store, "imported") == 0
    assert filed(store) == ["torch"]
    assert take_back(store, "imported") == 2
    assert filed(store) == ["torch"]
    assert "undo=imported: experiment 'study' holds no imported run" in capsys.readouterr().err


def test_a_name_of_no_import_is_refused_with_those_there_are(imported, store, capsys):
    name = imported("tf")
    assert take_back(store, "yesterday") == 2
    assert (
        f"undo=yesterday: no such import in experiment 'study'; there are {name} (2 of tf)" in capsys.readouterr().err
    )
    assert filed(store) == ["tf", "tf"]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["undo=x"], "experiment: not given; write for example python -m src.ingest undo=NAME experiment=NAME"),
        (["undo=", "experiment=a"], "undo: nothing stands after the '='"),
        (["undo=x", "experiment=a", "path=b"], "path: no such key"),
    ],
    ids=["no experiment", "no name", "a key of the import"],
)
def test_mistakes_are_told(arguments, told, monkeypatch, capsys):
    monkeypatch.delenv("MLFLOW_EXPERIMENT_NAME", raising=False)
    assert main(arguments) == 2
    assert told in capsys.readouterr().err
