"""Recordings become runs: the right joules, once each, and nothing that is odd is hidden."""

import dataclasses
import json
import shlex

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser

from src.analysis.settings import AnalysisConfig
from src.contract.record import RunRecord
from src.errors import ConfigError
from src.ingest.__main__ import main
from src.ingest.options import parse
from src.report.make import make_report
from src.track import open_store
from tests.tables import table_of

RESET = "Delta,Time,CPU_ENERGY (J)\n1,1000,900\n1,1200,8\n1,1400,9\n"
COLUMNS = ["energy_j", "energy_total_j", "duration_s", "power_w", "edp_js"]


@pytest.fixture
def ingest(store, tmp_path):
    def run(folder, *more, framework="tf"):
        own = [f"tracking_uri={store.uri}", f"output={tmp_path}/out", "experiment=study"]
        return main([*own, f"framework={framework}", f"path={folder}", *more])

    return run


def add_column(path, name):
    lines = path.read_text().splitlines()
    path.write_text("\n".join([f"{lines[0]},{name}", *(f"{line},1" for line in lines[1:])]) + "\n")


def runs(store):
    return table_of(open_store(store.uri), "study")


def test_a_recording_becomes_a_run_with_its_joules(ingest, store, write_csv, tmp_path, capsys):
    write_csv(tmp_path / "tf/keras_0.csv", power_w=40)
    assert ingest(tmp_path / "tf", "hardware.name=Laptop", "training.epochs=3") == 0
    (run,) = [row for _, row in runs(store).iterrows()]
    assert run[COLUMNS].astype(float).round(3).tolist() == [400, 400, 10, 40, 4000]
    assert [run[name] for name in ("treatment", "framework", "meter", "energy_kind", "status", "iteration")] == [
        "tf", "tf", "energibridge", "imported", "finished", 0,
    ]  # fmt: skip
    assert (run["run_name"], run["tags.source_file"], run["tags.wraps"]) == ("tf #00", "keras_0.csv", "0")
    assert (run["params.hardware.name"], run["params.training.epochs"]) == ("Laptop", "3")
    assert json.loads(run["params.meter.columns"]) == ["CPU_ENERGY (J)"]
    assert "accuracy" not in run
    assert store.artifact(run["run_id"], "energy.csv").read_text() == (tmp_path / "tf/keras_0.csv").read_text()
    assert store.artifact(run["run_id"], "power.png").stat().st_size > 1000
    assert "tf: 1 run filed in experiment 'study' (median 400.000 J)" in capsys.readouterr().out


def test_its_other_columns_are_summarised(ingest, store, write_csv, tmp_path):
    add_column(write_csv(tmp_path / "tf/keras_0.csv", power_w=40), "CPU_TEMP_0")
    assert ingest(tmp_path / "tf") == 0
    (run,) = [row for _, row in runs(store).iterrows()]
    assert run["cpu_temperature_max_c"] == 1


def test_the_second_time_nothing_is_filed(ingest, store, write_csv, tmp_path, capsys):
    write_csv(tmp_path / "tf/a_1.csv", power_w=40)
    write_csv(tmp_path / "tf/a_2.csv", power_w=41)
    (tmp_path / "tf/copy.csv").write_text((tmp_path / "tf/a_1.csv").read_text())
    assert ingest(tmp_path / "tf") == 0
    told = capsys.readouterr()
    assert "2 runs filed in experiment 'study' (median 405.000 J), 0 were there already, 1 copy, 0 files" in told.out
    assert f"{tmp_path}/tf/copy.csv holds the same as another file" in told.err
    assert ingest(tmp_path / "tf") == 0
    assert "0 runs filed in experiment 'study', 3 were there already" in capsys.readouterr().out
    assert len(runs(store)) == 2
    assert ingest(tmp_path / "tf", framework="other") == 0
    assert len(runs(store)) == 4


def test_facts_that_a_filed_run_contradicts_are_told_and_can_be_mended(ingest, store, write_csv, tmp_path, capsys):
    for place in (1, 2):
        write_csv(tmp_path / f"tf/a_{place}.csv", power_w=40 + place)
    assert ingest(tmp_path / "tf", "hardware.name=Laptop", "training.epochs=3") == 0
    assert ingest(tmp_path / "tf") == 0
    same = ["hardware.name=Laptop", "meter.columns=[CPU_ENERGY (J)]", "sweep=imported"]
    assert ingest(tmp_path / "tf", *same) == 0
    assert capsys.readouterr().err == ""
    other = ["hardware.name=Desktop", "training.epochs=3", "model.name=cnn", "sweep=july", "meter.columns=[X (J)]"]
    assert ingest(tmp_path / "tf", *other) == 0
    lines = capsys.readouterr().err.splitlines()
    assert [line.split(" was not taken over: 2 of the recordings ")[0] for line in lines] == [
        "joulebench: hardware.name=Desktop",
        "joulebench: model.name=cnn",
        "joulebench: sweep=july",
        "joulebench: meter.columns=[X (J)]",
    ]
    assert "were filed with hardware.name=Laptop" in lines[0]
    assert "delete such runs in MLflow" in lines[0]
    for run_id in runs(store)["run_id"]:
        store.client.delete_run(run_id)
    assert ingest(tmp_path / "tf", "hardware.name=Desktop") == 0
    assert runs(store)["params.hardware.name"].tolist() == ["Desktop"] * 2


def test_a_file_name_with_a_long_number_is_no_iteration(ingest, store, write_csv, tmp_path):
    write_csv(tmp_path / "tf/tf_20250131123456789012345.csv")
    assert ingest(tmp_path / "tf") == 0
    assert runs(store)["run_name"].tolist() == ["tf tf_20250131123456789012345"]


def test_the_command_that_compares_can_be_copied(ingest, write_csv, tmp_path, capsys):
    write_csv(tmp_path / "tf/a_1.csv")
    assert ingest(tmp_path / "tf", "experiment=my study; (1)") == 0
    assert "python -m src.report 'experiment='\"'\"'my study; (1)'\"'\"''" in capsys.readouterr().out


def test_the_command_that_compares_names_the_store_that_was_given(ingest, store, write_csv, tmp_path, capsys):
    write_csv(tmp_path / "tf/a_1.csv")
    assert ingest(tmp_path / "tf") == 0
    told = capsys.readouterr().out.splitlines()[-1]
    words = shlex.split(told.removeprefix("Compare: python -m src.report "))
    read = OverridesParser.create().parse_overrides(words)
    assert {word.key_or_group: word.value() for word in read} == {"experiment": "study", "tracking_uri": store.uri}


def test_wraps_are_mended_and_counted(ingest, store, write_csv, tmp_path, capsys):
    write_csv(tmp_path / "tf/a_1.csv", power_w=40, first_j=65_400, range_j=65_536)
    assert ingest(tmp_path / "tf") == 0
    (run,) = [row for _, row in runs(store).iterrows()]
    assert run["energy_j"] == pytest.approx(400, abs=0.01)
    assert run["tags.wraps"] == "1"
    assert run["tags.flags"] == "wrap: 1 counter wrap was mended"
    assert "1 counter wrap was mended" in capsys.readouterr().out


def test_powers_are_integrated(ingest, store, write_csv, tmp_path):
    write_csv(tmp_path / "m1/chrome.csv", power_w=12.5, column="SYSTEM_POWER (Watts)")
    assert ingest(tmp_path / "m1") == 0
    (run,) = [row for _, row in runs(store).iterrows()]
    assert run["energy_j"] == pytest.approx(125)
    assert (run["run_name"], run["iteration"] is not None and str(run["iteration"])) == ("tf chrome", "<NA>")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        pytest.param("# Notes\n", "no EnergiBridge CSV", id="a text"),
        pytest.param("", "no EnergiBridge CSV", id="empty"),
        pytest.param("Delta,Time,CPU_USAGE_0\n1,1000,5\n1,1200,5\n", "no energy or power column", id="no energy"),
        pytest.param("Delta,Time,CPU_ENERGY (J)\n", "no complete row", id="only a header"),
        pytest.param(
            "Delta,Time,CPU_ENERGY (J)\n1,1000,900\n1,1200,8\n1,1400,9\n",
            "without a plausible wrap",
            id="a reset counter",
        ),
        pytest.param(b"\xff\xfe\x00\x01", "cannot be read", id="no text"),
    ],
)
def test_what_is_no_recording_is_named_and_skipped_and_the_rest_goes_on(
    ingest, store, write_csv, tmp_path, capsys, content, reason
):
    write_csv(tmp_path / "tf/a_2.csv")
    (tmp_path / "tf/a_1.csv").write_bytes(content if isinstance(content, bytes) else content.encode())
    assert ingest(tmp_path / "tf") == 1
    told = capsys.readouterr()
    assert f"joulebench: skipped {tmp_path}/tf/a_1.csv" in told.err
    assert reason in told.err
    assert "1 run filed" in told.out
    assert runs(store)["run_name"].tolist() == ["tf #02"]


def test_an_estimate_stays_one_wherever_it_was_copied(ingest, store, write_csv, tmp_path):
    add_column(write_csv(tmp_path / "tf/a_1.csv"), "ESTIMATED")
    assert ingest(tmp_path / "tf") == 0
    assert runs(store)["energy_kind"].tolist() == ["estimated"]


def test_nothing_is_lost_when_the_store_is_gone(ingest, store, write_csv, tmp_path, monkeypatch):
    from src.errors import TrackError
    from src.ingest import folder

    def gone(*_):
        raise TrackError("the store is gone")

    write_csv(tmp_path / "tf/a_1.csv")
    monkeypatch.setattr(folder, "refile", gone)
    assert ingest(tmp_path / "tf") == 1
    (record,) = [RunRecord.read(path.parent) for path in (tmp_path / "out").rglob("record.json")]
    assert record.metrics["energy_j"] == pytest.approx(400)
    monkeypatch.undo()
    assert ingest(tmp_path / "tf") == 0
    assert len(runs(store)) == 1


@pytest.mark.parametrize(
    ("arguments", "code"),
    [([], 2), (["--help"], 0), (["experiment=a"], 2), (["experiment=a", "framework=b", "path=/no"], 2)],
)
def test_exit_codes(arguments, code, store, capsys):
    given = [*arguments, f"tracking_uri={store.uri}"] if len(arguments) == 3 else arguments
    assert main(given) == code
    told = capsys.readouterr()
    assert told.out or told.err.startswith("joulebench: ")


@pytest.mark.parametrize(("column", "kind", "meter"), [
    ("", "IMPORTED", "energibridge"), ("ESTIMATED", "ESTIMATED", "estimate"), ("REPLAYED", "REPLAYED", "replay"),
])  # fmt: skip
def test_a_report_works_on_recordings_from_elsewhere(ingest, store, write_csv, tmp_path, column, kind, meter):
    for framework, power_w in (("tf", 40), ("torch", 60)):
        for place in range(5):
            path = write_csv(tmp_path / framework / f"{framework}_{place}.csv", power_w=power_w + 0.1 * place)
            if column:
                add_column(path, column)
        ingest(tmp_path / framework, framework=framework)
    report = make_report(store, "study", AnalysisConfig(bootstrap_samples=200), tmp_path / "report")
    assert report.answer[0].startswith(f"The energy of all runs is {kind}")
    did = "take less time" if kind == "ESTIMATED" else "spend less energy"
    assert report.answer[1].startswith(f"No treatment was shown to {did} than another. The lowest mean is that of tf")
    assert "so the treatment cannot be told from the time" in " ".join(report.answer)
    assert report.analysis.pairs_of("energy_j")[0].paired.n_blocks == 5
    text = (report.folder / "report.md").read_text("utf-8")
    told = [shlex.split(line)[3:] for line in text.splitlines() if line.startswith("python -m src.ingest ")]
    assert [words[:2] for words in told] == [["experiment=study", f"framework={name}"] for name in ("tf", "torch")]
    (column,) = {tuple(parse(words).meter.columns) for words in told}
    assert column == ("CPU_ENERGY (J)",)
    assert f"| Meter | {meter} |" in text
    assert "Energy of the whole recording (J)" in text
    assert "nergy of the task" not in text
    assert "Imported recordings know no phases" in text
    assert "Imported recordings hold the whole process" in text
    assert (report.folder / "figures" / "power_over_time.svg").is_file()


def test_whole_recordings_are_not_compared_with_tasks(store, ingest, write_csv, tmp_path):
    path = write_csv(tmp_path / "tf/tf_1.csv")
    add_column(path, "ESTIMATED")
    ingest(tmp_path / "tf")
    (here,) = [RunRecord.read(path.parent) for path in (tmp_path / "out").rglob("record.json")]
    tags = here.tags | {"treatment": "torch", "run_uid": "s1/torch/1"}
    store.file_run(dataclasses.replace(here, tags=tags))
    with pytest.raises(ConfigError, match="imported is no in 1 run, yes in 1 run"):
        make_report(store, "study", AnalysisConfig(bootstrap_samples=200), tmp_path / "report")
