"""Whole trees of recordings with one command: treatments and iterations from paths, and what is asked about."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from src.errors import ConfigError
from src.ingest.options import parse
from src.ingest.path_names import iteration_of, kind_of, label
from src.ingest.run_table import factors_of, planned_run
from src.ingest.sources import find_files


def filed(store):
    """What was filed, in the order of names."""
    runs = sorted(store.records("study"), key=lambda run: run.name)
    return [(run.tags["treatment"], run.tags.get("iteration")) for run in runs]


@pytest.mark.parametrize(
    ("name", "iteration"),
    [
        *[(f"tf_{date}.csv", None) for date in ("2025-02-27", "2025_02_27", "27-02-2025", "20250227", "250227")],
        *[(f"tf_{time}.csv", None) for time in ("101210", "10-12-10", "10:12:10")],
        *[(f"tf_{moment}.csv", None) for moment in ("2025-02-27_10-12", "20250227T101210")],
        ("2025-02-27_tf_3.csv", 3),
        ("tf_3_2025-02-27.csv", 3),
        ("tf_20250227_12.csv", 12),
        ("tf_000012.csv", 12),
        ("tf_251399.csv", 251399),
        ("run_0_repetition_4/energy.csv", 4),
        ("rep-2/energy.csv", 2),
        ("trial7/energy.csv", 7),
        ("tf2/energy.csv", None),
        ("run_3/2025-02-27.csv", None),
    ],
)  # fmt: skip
def test_dates_and_times_are_no_iterations(name, iteration):
    assert iteration_of(Path(name)) == iteration


@pytest.mark.parametrize(
    ("name", "kind"),
    [("keras_0", "keras"), ("tf_2025-02-27_10-12-10", "tf"), ("chrome", "chrome"), ("7", ""), ("run3-tf", "run-tf")],
)
def test_a_name_without_what_tells_repetitions_apart(name, kind):
    assert kind_of(Path(f"{name}.csv")) == kind


def test_labels_are_made_from_paths():
    path = Path("/data/laptop/tf/keras_3.csv")
    patterns = ["{folder}", "{folder.2} {folder}", "{file}", "tf on {folder.2}", "{model}/{folder}", "plain"]
    labels = [label(pattern, path, {"model": "cnn"}) for pattern in patterns]
    assert labels == ["tf", "laptop tf", "keras", "tf on laptop", "cnn/tf", "plain"]
    with pytest.raises(ConfigError, match=r"nothing is known as \{x\} of .*use \{folder\}, .*\{model\}"):
        label("{x}", path, {"model": "cnn"})


def test_patterns_in_any_part_of_a_path(tmp_path):
    for name in ("a/tf/1.csv", "a/torch/1.csv", "b/tf/10.csv", "b/tf/2.csv", "b/tf/.hidden.csv", "b/notes.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("")
    found = {
        pattern: [str(path.relative_to(tmp_path)) for path in find_files(tmp_path / pattern)]
        for pattern in ("*/tf/*.csv", "**/*.csv", "?/t[f]", "b")
    }
    assert found == {
        "*/tf/*.csv": ["a/tf/1.csv", "b/tf/2.csv", "b/tf/10.csv"],
        "**/*.csv": ["a/tf/1.csv", "a/torch/1.csv", "b/tf/2.csv", "b/tf/10.csv"],
        "?/t[f]": ["a/tf/1.csv", "b/tf/2.csv", "b/tf/10.csv"],
        "b": ["b/notes.txt"],
    }
    nested = [str(path.relative_to(tmp_path)) for path in find_files(tmp_path, nested=True)]
    assert nested == ["a/tf/1.csv", "a/torch/1.csv", "b/tf/2.csv", "b/tf/10.csv"]


def test_a_tree_is_taken_in_with_one_command(ingest, store, write_csv, tmp_path, capsys):
    for framework in ("tf", "torch"):
        for place in (1, 2):
            write_csv(tmp_path / f"study/{framework}/deep/{framework}_{place}.csv", power_w=40 + place)
    (tmp_path / "study/tf/deep/tf_3.csv").write_text("Delta,Time,CPU_ENERGY (J)\n1,oops,3\n")
    (tmp_path / "study/torch/notes.txt").write_text("notes")
    assert ingest("{folder.2}", tmp_path / "study") == 1
    assert filed(store) == [("tf", "1"), ("tf", "2"), ("torch", "1"), ("torch", "2")]
    told = capsys.readouterr()
    assert told.out.startswith("tf, torch: 4 runs filed in experiment 'study', 0 were there already, 1 file skipped")
    assert "tf_3.csv, line 2: no number for `Time`" in told.err


ROWS = [("tf", "cnn"), ("tf", "mlp"), ("torch", "cnn")]


def runner_folders(folder: Path, write_csv, repetitions: int = 2, undone: str = "") -> Path:
    """What Experiment Runner leaves."""
    rows = []
    for run, (framework, model) in enumerate(ROWS):
        for repetition in range(repetitions):
            run_id = f"run_{run}_repetition_{repetition}"
            write_csv(folder / run_id / "energibridge.csv", power_w=40 + 10 * run + repetition)
            done = "TODO" if run_id == undone else "DONE"
            measured = {"energy": 400.5 + 3 * len(rows) if done == "DONE" else "", "exit_code": 0}
            rows.append({"__run_id": run_id, "__done": done, "framework": framework, "model": model, **measured})
    with (folder / "run_table.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    return folder


@pytest.mark.parametrize("repetitions", [1, 2, 5])
def test_factors_of_a_run_table_are_told_from_what_was_measured(write_csv, tmp_path, repetitions):
    folder = runner_folders(tmp_path / "er", write_csv, repetitions, undone="run_0_repetition_0")
    assert factors_of(folder / "run_table.csv") == ("framework", "model")
    planned = planned_run(folder / "run_1_repetition_0" / "energibridge.csv")
    assert planned is not None
    assert (planned.repetition, planned.factors) == (0, {"framework": "tf", "model": "mlp"})


def test_experiment_runners_folders_are_one_call(ingest, store, write_csv, tmp_path, capsys):
    folder = runner_folders(tmp_path / "er", write_csv, undone="run_2_repetition_1")
    assert ingest("{framework} {model}", folder) == 1
    assert filed(store) == [
        *[("tf cnn", "0"), ("tf cnn", "1"), ("tf mlp", "0"), ("tf mlp", "1"), ("torch cnn", "0")],
    ]
    assert [run.factors for run in store.records("study")].count({"framework": "tf", "model": "mlp"}) == 2
    assert "run_table.csv says TODO of this run" in capsys.readouterr().err


def test_several_treatments_under_one_label_are_asked_about(ingest, store, write_csv, tmp_path, capsys):
    runner_folders(tmp_path / "er", write_csv)
    assert ingest("tf", tmp_path / "er") == 2
    assert (
        "tells 3 treatments of 'tf' apart; name each by its factors ({framework}, {model})" in capsys.readouterr().err
    )
    assert ingest("tf", tmp_path / "er", "one_treatment=true") == 0
    assert len(filed(store)) == 6


MIXED = {
    "two names": (["chrome_1", "chrome_2", "idle_1", "idle_2"], "chrome (2), idle (2)"),
    "one file each": (["jax", "tf", "torch"], "jax (1), tf (1), torch (1)"),
    "one numbered file each": (["jax_1", "tf_1", "torch_1"], "jax (1), tf (1), torch (1)"),
    "one of one, two of another": (["jax_1", "tf_1", "tf_2"], "jax (1), tf (2)"),
}


@pytest.mark.parametrize(("names", "says"), MIXED.values(), ids=MIXED)
def test_several_names_in_one_folder_are_asked_about(ingest, store, write_csv, tmp_path, capsys, names, says):
    for name in names:
        write_csv(tmp_path / f"mixed/{name}.csv", power_w=40 + len(name))
    assert ingest("tf", tmp_path / "mixed") == 2
    told = capsys.readouterr().err
    assert f"the recordings of 'tf' bear several names: {says}. Give framework={{file}}" in told
    assert f"a path like '{tmp_path / 'mixed' / names[0].split('_')[0]}*' for one of them" in told
    assert not (tmp_path / "out").exists()
    assert ingest("{file}", tmp_path / "mixed") == 0
    assert {treatment for treatment, _ in filed(store)} == {name.split("_")[0] for name in names}


def test_names_of_one_kind_are_not_asked_about(ingest, store, write_csv, tmp_path):
    for name in ("tf_1", "tf_2", "tf_2025-02-27", "other"):
        write_csv(tmp_path / f"tf/{name}.csv")
    assert ingest("tf", tmp_path / "tf") == 0
    assert len(filed(store)) == 4


def test_several_names_for_one_label_are_asked_about():
    with pytest.raises(ConfigError, match=r"framework=tf,torch: one call files one treatment.*framework=\{folder\}"):
        parse(["experiment=a", "path=.", "framework=tf,torch"])
    with pytest.raises(ConfigError, match=r"`python -m src.ingest experiment=a framework=tf path=FOLDER-OF-tf` and"):
        parse(["experiment=a", "path=.", "framework=[tf,torch]"])


def write_counter(path: Path, values, begin_ms: int, more: dict[str, str]) -> None:
    names = ["Time", *more, "CPU_ENERGY (J)"]
    rows = [[str(begin_ms + 200 * n), *more.values(), repr(float(value))] for n, value in enumerate(values)]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(",".join(row) for row in [names, *rows]) + "\n")


MADE = {
    "smoothed": (lambda raw: np.convolve(raw, np.ones(5) / 5, "valid"), 400, "no multiples of any counter's unit"),
    "times of its own": (lambda raw: raw, -1_740_000_000_000, "do not tell when it was recorded"),
    "an extract": (lambda raw: raw - raw[0], 0, "was made of "),
    "differences": (lambda raw: np.abs(np.diff(raw)), 200, "falls without a plausible wrap|computed|jumps"),
}


@pytest.mark.parametrize(("make", "later_ms", "says"), MADE.values(), ids=MADE)
def test_twenty_recordings_and_what_was_made_of_them(ingest, store, tmp_path, capsys, make, later_ms, says):
    chance = np.random.default_rng(0)
    for place in range(20):
        steps = np.round(8 * chance.uniform(0.5, 1.5, 60) * 2**16) / 2**16
        raw = 1000 + np.cumsum(steps)
        begin_ms = 1_740_000_000_000 + 100_000 * place
        write_counter(tmp_path / f"tf/tf_{place}.csv", raw, begin_ms, {"Delta": "200", "CPU_USAGE_0": "50"})
        write_counter(tmp_path / f"tf/tf_{place}_made.csv", make(raw), begin_ms + later_ms, {})
    assert ingest("tf", tmp_path / "tf") == 1
    assert len(filed(store)) == 20
    told = capsys.readouterr()
    skipped = [line for line in told.err.splitlines() if line.startswith("joulebench: skipped ")]
    assert len(skipped) == 20
    assert all(any(part in line for part in says.split("|")) and "_made.csv" in line for line in skipped)
    assert "20 runs filed in experiment 'study'" in told.out


def test_a_computed_table_can_be_taken_all_the_same(ingest, store, tmp_path):
    values = np.convolve(1000 + np.cumsum(np.random.default_rng(0).uniform(4, 12, 60)), np.ones(5) / 5, "valid")
    write_counter(tmp_path / "tf/tf_1.csv", values, 1_740_000_000_000, {})
    assert ingest("tf", tmp_path / "tf") == 1
    assert ingest("tf", tmp_path / "tf", "derived=true") == 0
    (run,) = store.records("study")
    assert [(flag.code, flag.grave) for flag in run.flags] == [("derived", True)]
