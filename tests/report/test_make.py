"""From a real store to a report's files."""

import csv
import getpass
import json
import re
import shlex
import subprocess
from functools import partial

import pandas as pd
import pytest
import yaml

from src.analysis.settings import AnalysisConfig
from src.contract.flags import Flag
from src.errors import ConfigError
from src.report.load import load
from src.report.make import author, make_report, report_folder
from src.report.markdown import escape
from src.report.read_traces import TraceReader
from src.report.sections.reproduction import ingest_command, report_command

ENERGIES = {"torch": [100.0, 101.0, 99.0, 100.5, 99.5, 100.2], "tf": [150.0, 152.0, 149.0, 151.0, 148.0, 150.5]}
EVIL = "<b>evil</b> | {{x}}"


@pytest.fixture
def make(store, analysis_config, tmp_path):
    return lambda *sweeps: make_report(store, "study", analysis_config, tmp_path / "report", sweeps)


def test_a_report_is_whole_and_says_the_same_everywhere(file_runs, make):
    file_runs(ENERGIES)
    report = make()
    names = {path.name for path in report.files}
    assert names == {"report.html", "report.md", "statistics.json", "runs.csv", "figures"}
    assert report.answer[0].startswith("torch spent the least energy: a mean of 100.0")
    html, markdown = report.page.read_text("utf-8"), (report.folder / "report.md").read_text("utf-8")
    statistics = json.loads((report.folder / "statistics.json").read_text("utf-8"))
    for sentence in report.answer:
        assert escape(sentence) in markdown
        assert sentence in html.replace("&#39;", "'").replace("&lt;", "<")
    assert statistics["version"] == 1
    assert statistics["answer"] == list(report.answer)
    figures = {path.name for path in (report.folder / "figures").iterdir()}
    shown = set(re.findall(r"\(figures/([^)]+)\)", markdown))
    assert {"energy_j.svg", "power_over_time.svg", "run_order.svg"} <= shown <= figures
    assert {name.replace(".svg", ".png") for name in shown} <= figures
    with (report.folder / "runs.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["treatment"] for row in rows].count("torch") == 6
    front = yaml.safe_load(markdown.split("---\n")[1])
    assert front["title"] == "Energy of torch and tf training cnn on digits"


def test_the_sections_of_a_published_study_are_there(file_runs, make):
    file_runs(ENERGIES)
    markdown = (make().folder / "report.md").read_text("utf-8")
    headings = re.findall(r"^## (.*)$", markdown, re.MULTILINE)
    assert headings == [
        "Summary", "At a glance", "Warnings from the data", "Reproduction", "Appendix A. Introduction",
        "Appendix B. Methodology", "Appendix C. Results", "Appendix D. Discussion", "Appendix E. Threats to validity",
        "Appendix F. Conclusion", "Appendix G. Outliers and notes",
    ]  # fmt: skip
    for fact in ("Test CPU", "native", "measured", "python -m src.report experiment=study"):
        assert fact in markdown
    assert not re.search(r"TODO|TBD|None\b|nan\b|placeholder", markdown)


def test_failed_runs_are_listed_with_their_reason(file_runs, make):
    file_runs(ENERGIES)
    file_runs({"tf": [0.0]}, status="failed", tags={"error": "the worker ran out of <memory>"})
    report = make()
    html = report.page.read_text("utf-8")
    assert "the worker ran out of &lt;memory&gt;" in html
    assert "12 runs of 13 finished; 1 run failed, 1 of them repeated with success" in html
    assert report.analysis.n_usable == 12


def test_estimated_energy_is_said_first_and_shown_on_the_page(file_runs, make):
    file_runs(ENERGIES, tags={"energy_kind": "estimated"})
    report = make()
    assert report.answer[0].startswith("The energy of all runs is ESTIMATED")
    html = report.page.read_text("utf-8")
    assert html.index('class="notice"') < html.index("The answer")
    assert "(ESTIMATED energy)</h1>" in html


def test_doubtful_runs_do_not_count_and_every_pair_is_told_with_and_without_them(file_runs, make, analysis_config):
    """One run of four costs four times as much because of what ran beside it."""
    analysis_config.decision = "published"  # its own sweep shares no block
    file_runs({"torch": [100.0, 101.0, 99.0, 100.5], "tf": [150.0, 152.0, 149.0]})
    grave = {"flags": (Flag("foreign_cpu", "other programs took 60 %", grave=True),)}
    file_runs({"tf": [600.0]}, sweep="s2", **grave)
    file_runs({"jax": [300.0, 301.0]}, sweep="s3", **grave)
    report = make()
    said = " ".join(report.answer)
    assert "Nothing is said of jax: all runs are doubtful." in said
    assert "not recorded for jax" not in said
    assert "3 doubtful runs (foreign_cpu) do not count; with them" in said
    parts = (report.folder / "report.md").read_text("utf-8").split("\n### ")
    (section,) = [part for part in parts if part.startswith("Doubtful runs")]
    lines = [line for line in section.splitlines() if "| with" in line]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    assert [row[:3] for row in rows[:2]] == [["torch → tf", "without", "4, 3"], ["", "with", "4, 4"]]
    assert rows[0][3] != rows[1][3]
    assert section.replace("\\", "").count("| foreign_cpu") == 3


def test_estimated_energy_decides_nothing_and_durations_are_compared(file_runs, make, analysis_config):
    """By its estimate the second spends half of the first's energy, yet it runs half as long again."""
    analysis_config.decision = "published"  # sweeps of their own cannot be told from their treatments
    file_runs({"tf": [100.0, 101.0, 102.0, 103.0]}, metrics={"duration_s": 10.0}, tags={"energy_kind": "estimated"})
    more = {"metrics": {"duration_s": 15.0}, "tags": {"energy_kind": "estimated"}}
    file_runs({"torch": [50.0, 51.0, 52.0, 53.0]}, sweep="s2", **more)
    report = make()
    said = " ".join(report.answer)
    assert report.answer[1].startswith("tf took the least time: a median of 10.00\u202fs per run")
    assert "+50.0\u202f%" in said
    assert [word for word in ("kWh", "CO2e", "spent", "least energy") if word in said] == []
    assert report.analysis.practical == ()
    assert {pair.verdict.word for pair in report.analysis.pairs_of("energy_j")} == {"not testable"}
    text = (report.folder / "report.md").read_text("utf-8")
    assert "Energy was not measured, so there is nothing to multiply." in text
    assert "kWh" not in text
    assert "51.50" in text  # its joules stay visible


def test_energy_of_two_kinds_is_never_told_as_all_of_one(file_runs, make, analysis_config):
    file_runs({"torch": ENERGIES["torch"]})
    file_runs({"tf": ENERGIES["tf"]}, sweep="s2", tags={"energy_kind": "estimated"})
    analysis_config.compare, analysis_config.decision = ["energy_kind"], "published"
    text = (make().folder / "report.md").read_text("utf-8")
    assert "Energy of tf and torch training cnn on digits (partly ESTIMATED energy)" in text
    assert "least duration first (energy is partly ESTIMATED" in text


@pytest.mark.parametrize(
    ("energies", "said"),
    [
        pytest.param({"torch": [100.0, 101.0]}, "Only torch has an energy", id="one treatment"),
        pytest.param({"torch": [100.0]}, "Only torch has an energy", id="one run"),
        pytest.param({"torch": [100.0], "tf": [150.0]}, "Nothing can be said of tf", id="one run each"),
        pytest.param({EVIL: [100.0, 101.0], "tf": [90.0, 91.0]}, EVIL, id="odd name"),
    ],
)
def test_little_data_gives_a_sensible_report(file_runs, make, energies, said):
    file_runs(energies)
    report = make()
    assert said in " ".join(report.answer)
    assert "<b>evil" not in report.page.read_text("utf-8")


def test_runs_without_an_energy_give_a_report_that_says_so(file_runs, make):
    file_runs(ENERGIES, metrics={"energy_j": float("nan")})
    report = make()
    assert report.answer[0] == "No run has an energy, so nothing can be said about it."
    page = report.page.read_text("utf-8")
    assert "at least 0 runs" not in page
    assert "No run has an energy, so its spread, order, drift and size could not be looked at." in page
    assert "gave no cause" not in page


def test_sweeps_are_pooled_and_one_can_be_picked(file_runs, make):
    file_runs(ENERGIES, sweep="s1")
    file_runs({name: values[:3] for name, values in ENERGIES.items()}, sweep="s2")
    pooled = make()
    assert pooled.analysis.n_usable == 18
    assert pooled.analysis.pairs_of("energy_j")[0].paired.n_blocks == 9
    assert make("s2").analysis.n_usable == 6


def test_a_second_report_leaves_no_old_figures(file_runs, make):
    file_runs(ENERGIES)
    report = make()
    old = report.folder / "figures" / "old.svg"
    old.write_text("<svg/>")
    make()
    assert not old.exists()


def test_nothing_to_report_is_an_error_that_says_so(file_runs, make, store, analysis_config, tmp_path):
    file_runs({"torch": [0.0]}, status="failed")
    with pytest.raises(ConfigError, match="none of 1 run has finished"):
        make()
    with pytest.raises(ConfigError, match="no such experiment; it has: .*study"):
        make_report(store, "studdy", analysis_config, tmp_path)
    with pytest.raises(ConfigError, match="sweep 's9' of experiment 'study'.*holds no measured run"):
        make("s9")


def test_runs_that_must_not_be_compared_are_refused(file_runs, make):
    file_runs({name: ENERGIES[name] for name in ("torch",)}, sweep="s1")
    file_runs({name: ENERGIES[name] for name in ("tf",)}, sweep="s2", params={"hardware.name": "Other CPU"})
    with pytest.raises(ConfigError, match=r"hardware\.name is Other CPU in 6 runs, Test CPU in 6 runs"):
        make()


def test_machines_that_measured_the_same_treatments_make_one_report(file_runs, make):
    file_runs(ENERGIES, sweep="s1", tags={"machine": "desk"})
    hot = {"torch": [2.2 * energy_j for energy_j in ENERGIES["tf"]], "tf": [3.5 * e for e in ENERGIES["torch"]]}
    file_runs(hot, sweep="s2", tags={"machine": "rack"}, params={"hardware.name": "Other CPU"})
    report = make()
    assert report.answer[0] == "torch spent the least energy on both machines."
    text = (report.folder / "report.md").read_text("utf-8")
    assert "| desk | Test CPU |" in text
    assert "| rack | Other CPU |" in text
    assert "what differs is hardware.name." in text
    statistics = json.loads((report.folder / "statistics.json").read_text("utf-8"))
    assert statistics["machines"] == ["desk", "rack"]
    (pair,) = [each for each in statistics["pairs"] if each["metric"] == "energy_j"]
    assert [each["machine"] for each in pair["decision"]["machines"]] == ["desk", "rack"]
    assert pair["decision"]["heterogeneity"]["df"] == 1
    assert (report.folder / "figures" / "machines_1.svg").exists()


def test_an_accuracy_rounded_to_float32_in_the_store_is_no_other_accuracy(file_runs, make):
    file_runs({"torch": ENERGIES["torch"]}, sweep="s1", metrics={"accuracy": 0.98})
    file_runs({"tf": ENERGIES["tf"]}, sweep="s1", metrics={"accuracy": 0.9800000190734863})
    (pair,) = make().analysis.pairs_of("accuracy")
    assert pair.verdict.word == "practically the same"
    assert not pair.verdict.significant


def test_of_treatments_that_the_comparison_tells_apart_it_is_said_how_each_was_used(file_runs, make, analysis_config):
    file_runs({"torch": ENERGIES["torch"]}, sweep="s1", params={"version.torch": "2.12", "framework.mode": "eager"})
    desktop = {"hardware.name": "Desktop", "version.torch": "2.13", "framework.mode": "compiled"}
    file_runs({"torch": ENERGIES["tf"]}, sweep="s2", params=desktop)
    file_runs({"torch": [0.0]}, sweep="s2", status="failed", params=desktop)
    analysis_config.compare = ["hardware.name"]
    text = (make().folder / "report.md").read_text("utf-8")
    assert "| torch Test CPU | torch | eager | Test CPU | torch 2.12 |" in text
    assert "| torch Desktop | torch | compiled | Desktop | torch 2.13 |" in text
    assert "1 run failed, 1 of them repeated with success" in text


def test_work_that_was_recorded_of_some_runs_only_is_not_told_of_all(file_runs, make, analysis_config):
    file_runs({"torch": ENERGIES["torch"]})
    silent = {"model.name": None, "dataset.name": None, "hardware.name": None, "meter.interval_ms": None}
    file_runs({"tf": ENERGIES["tf"]}, sweep="s2", params=silent, tags={"interval_ms": "100"})
    analysis_config.compare = ["model", "dataset", "hardware", "meter"]
    text = (make().folder / "report.md").read_text("utf-8")
    assert "Energy of torch and tf\n" in text
    assert "How much energy do torch and tf spend, is the difference real" in text
    assert "Each run whose work is recorded trains and evaluates the network 'cnn' on the dataset 'digits'." in text
    assert "| Model | cnn (not recorded for 6 runs) |" in text
    assert "| Machine | Test CPU (not recorded for 6 runs) |" in text
    assert "100 to 200" in text
    assert "The results hold for Test CPU and a machine that is not recorded;" in text
    assert "The work, where it is recorded, was one kind of training" in text


def test_what_only_failed_runs_did_is_not_told_of_the_others(file_runs, make):
    file_runs(ENERGIES)
    other = {"hardware.threads": "4", "model.name": "mlp", "hardware.name": "Other CPU"}
    file_runs({"jax": [0.0]}, sweep="s2", status="failed", params=other)
    text = (make().folder / "report.md").read_text("utf-8")
    assert "Energy of torch and tf training cnn on digits" in text
    assert "| Model | cnn |" in text
    assert "Other CPU" not in text
    assert "Threads" not in text
    assert "Begun, but without a finished run and so without a result: jax." in text


def test_the_page_says_under_the_figure_that_not_all_runs_are_shown(file_runs, make, monkeypatch):
    monkeypatch.setattr("src.report.make.TraceReader", partial(TraceReader, most=3))
    file_runs(ENERGIES)
    assert "All panels have the same axes. Shown are 3 runs of each treatment" in make().page.read_text("utf-8")


def test_an_unreadable_recording_is_named_not_hidden(file_runs, make, store):
    file_runs(ENERGIES)
    runs = load(store, "study").runs
    store.artifact(runs["run_id"][0], "events.jsonl").unlink()
    text = (make().folder / "report.md").read_text("utf-8")
    assert f"1 run without a readable power trace: {runs['run_name'][0]}".replace("#", "\\#") in text


def test_power_over_time_reads_only_some_runs_and_says_so(file_runs, store):
    file_runs(ENERGIES)
    reader = TraceReader(store, load(store, "study").runs, most=2)
    traces = list(reader)
    assert [trace.treatment for trace in traces] == ["tf", "tf", "torch", "torch"]
    assert reader.sampling == "Shown are 2 runs of each treatment, evenly spread over the sweep, of up to 6."
    assert TraceReader(store, load(store, "study").runs).sampling == ""
    assert set(traces[0].phases) == {"import", "data", "build", "train", "evaluate"}


@pytest.mark.parametrize(
    ("name", "folder"),
    [
        ("demo", "demo"),
        ("a-b", "a-b"),
        ("a/b", "a-b-c14cddc0"),
        ("a,b", "a-b-1eb7c54d"),
        ("../x", "-x-d6b96a97"),
        ("..", "experiment-5ec1f7e7"),
        ("é 1", "é 1"),
    ],
)
def test_a_report_stays_below_its_root(tmp_path, name, folder):
    assert report_folder(tmp_path, name) == tmp_path / folder


def test_the_command_that_made_the_report_is_told():
    odd = report_command("a,b", AnalysisConfig(currency="US$"))
    assert shlex.split(odd)[3:] == ["experiment='a,b'", "analysis.currency='US$'"]
    assert report_command("demo", AnalysisConfig()) == "python -m src.report experiment=demo"
    there = report_command("demo", AnalysisConfig(), "sqlite:///a=b.db")
    assert there == "python -m src.report experiment=demo 'tracking_uri='\"'\"'sqlite:///a=b.db'\"'\"''"
    changed = AnalysisConfig(outliers="iqr", relevant_percent=2.0, compare=["hardware.name"])
    assert shlex.split(report_command("a b", changed)) == [
        "python", "-m", "src.report", "experiment='a b'", "analysis.relevant_percent=2.0", "analysis.outliers=iqr",
        "analysis.compare=[hardware.name]",
    ]  # fmt: skip


def test_the_command_that_filed_a_recording_tells_all_the_ingest_was_told():
    told = {
        "framework": "tf",
        "sweep": "july",
        "energy_j": 1.0,
        "params.hardware.name": "My laptop",
        "params.training.batch_size": "64",
        "params.meter.columns": '["A (J)","B (J)"]',
        "params.protocol.order": None,
        "params.model.name": float("nan"),
    }
    words = shlex.split(ingest_command("demo", pd.Series(told), "sqlite:///a.db"))
    assert words[3:] == [
        "experiment=demo", "framework=tf", "path=FOLDER_OF_ITS_CSVS", "tracking_uri=sqlite:///a.db", "sweep=july",
        "hardware.name=My laptop", "training.batch_size=64", "meter.columns=[A (J),B (J)]",
    ]  # fmt: skip
    usual = pd.Series({"framework": "tf", "sweep": "imported"})
    assert ingest_command("demo", usual) == (
        "python -m src.ingest experiment=demo framework=tf path=FOLDER_OF_ITS_CSVS"
    )


@pytest.mark.parametrize(
    ("uri", "shown"),
    [
        ("sqlite:///there.db", "tracking_uri='sqlite:///there.db'"),
        ("mysql://me:secret@host/db", "tracking_uri='mysql://me@host/db'"),
        (None, ""),
    ],
)
def test_the_report_names_its_store_but_never_its_password(file_runs, store, analysis_config, tmp_path, uri, shown):
    file_runs({"torch": [100.0, 101.0]})
    report = make_report(store, "study", analysis_config, tmp_path / "report", tracking_uri=uri)
    text = (report.folder / "report.md").read_text("utf-8")
    assert shown.replace("'", "'\"'\"'") in text
    assert ("tracking_uri=" in text) == bool(shown)
    assert ("the password is left out" in text) == (uri is not None and "secret" in uri)
    assert "secret" not in text


def test_a_run_that_the_store_holds_twice_counts_once_and_is_named(file_runs, make, store):
    """As earlier versions could make it, with a server that answers late."""
    file_runs(ENERGIES)
    first = store.records("study")[0]
    run = store.client.get_run(first.run_id)
    copy = store.client.create_run(run.info.experiment_id, first.start_ms, run.data.tags, run.info.run_name)
    for name, value in first.metrics.items():
        store.client.log_metric(copy.info.run_id, name, value)
    store.client.set_terminated(copy.info.run_id)
    report = make()
    assert report.analysis.n_usable == 12
    text = (report.folder / "report.md").read_text("utf-8")
    assert "more than once and count once" in text


@pytest.mark.parametrize("error", [KeyError("uid not found: 1234"), OSError("no such user")])
def test_a_user_without_a_name_gets_a_report(monkeypatch, error):
    def no_name():
        raise error

    monkeypatch.setattr(getpass, "getuser", no_name)
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: subprocess.CompletedProcess([], 1, "", ""))
    assert author() == "unknown"


def begun(store, sweep, **params):
    store.start_sweep("study", sweep, {name.replace("__", "."): value for name, value in params.items()}, {})


def test_a_study_is_not_mixed_with_what_was_tried_before_it(file_runs, make, store):
    begun(store, "s0", protocol__name="quick", runs="6")
    begun(store, "s1", protocol__name="study", runs="18")
    begun(store, "s2", protocol__name="study", runs="1")
    for sweep in ("s0", "s1", "s2"):
        file_runs(ENERGIES, sweep=sweep)
    usual = make()
    assert usual.analysis.n_usable == 12
    assert "Left out: 2 sweeps of another protocol (quick, single run); sweep=all takes all in." in usual.answer
    assert make("all").analysis.n_usable == 36
    last = make("last")
    assert last.analysis.n_usable == 12
    assert not [sentence for sentence in last.answer if sentence.startswith("Left out")]
    assert "sweep=last" in (last.folder / "report.md").read_text("utf-8")


def test_a_sweep_that_lacks_runs_says_so(file_runs, make, store):
    begun(store, "s1", protocol__name="study", runs="18")
    file_runs(ENERGIES, sweep="s1")
    assert "Sweep s1 has 12 of its 18 planned runs: it was stopped, or still runs." in make().answer
