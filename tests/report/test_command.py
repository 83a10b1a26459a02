"""`python -m src.report` as a user types it."""

import subprocess
import sys

import pytest

from src.paths import ROOT


def report(*arguments):
    done = subprocess.run(
        [sys.executable, "-m", "src.report", *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param(["analysis.outlier=iqr"], "did you mean analysis.outliers?", id="unknown key"),
        pytest.param(["analysis.outliers=most"], "analysis.outliers=most cannot be used", id="unknown rule"),
        pytest.param(["analysis.alpha=high"], "analysis.alpha", id="wrong type"),
        pytest.param(["-m", "experiment=a,b"], "a report is about one experiment", id="multirun"),
        pytest.param(["experiment=a", "-m", "seed=b"], "a report is about one experiment", id="multirun late"),
        pytest.param(["analysis.compare=framework"], "analysis.compare=[NAME]", id="no list"),
    ],
)
def test_mistakes_are_one_line_and_exit_code_2(arguments, message):
    code, output, errors = report(*arguments)
    assert (code, output) == (2, "")
    assert errors.startswith("joulebench: ")
    assert len(errors.splitlines()) == 1
    assert message in errors


@pytest.mark.parametrize("arguments", [["--cfg", "job", "experiment=a"], ["experiment=a", "--cfg", "job"]], ids=str)
def test_the_configuration_can_be_shown(arguments):
    code, output, _ = report(*arguments)
    assert code == 0
    assert "experiment_name: a" in output


def test_help_names_the_keys():
    code, output, _ = report("--help")
    assert code == 0
    assert "analysis.relevant_percent=5.0" in output


def test_a_report_is_written_where_it_says_and_litters_nothing(file_runs, store, tmp_path):
    file_runs({"torch": [100.0, 101.0, 99.0], "tf": [150.0, 152.0, 149.0]})
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    done = subprocess.run(
        [sys.executable, "-m", "src.report", "experiment=study", f"tracking_uri='{store.uri}'",
         "analysis.bootstrap_samples=200"],
        cwd=elsewhere, env={"PYTHONPATH": str(ROOT), "PATH": "", "HOME": str(tmp_path)}, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "Report: reports/study/report.html"
    assert [path.name for path in elsewhere.iterdir()] == ["reports"]
    assert (elsewhere / "reports/study/report.html").is_file()


def test_an_unknown_experiment_is_one_line_that_names_those_there_are(file_runs, store):
    file_runs({"torch": [100.0], "tf": [150.0]})
    code, output, errors = report("experiment=stduy", f"tracking_uri='{store.uri}'")
    assert (code, output) == (2, "")
    assert errors.startswith("joulebench: experiment=stduy: ")
    assert len(errors.splitlines()) == 1
    assert "it has: study" in errors


@pytest.mark.parametrize("option", ["default", "stdout", "none", "disabled"])
def test_hydras_own_ways_of_logging_can_be_chosen(option, store, tmp_path):
    code, _, errors = report(
        "experiment=none", f"tracking_uri='{store.uri}'", f"hydra/job_logging={option}", f"hydra.run.dir={tmp_path}"
    )
    assert (code, len(errors.splitlines())) == (2, 1), errors
