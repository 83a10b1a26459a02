"""`python -m src.doctor` as a user sees it."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from src.doctor.examine import Examination
from src.doctor.finding import EXIT, Verdict
from src.doctor.show import tell
from src.paths import ROOT
from tests.doctor.test_checks import BENCH, CONTAINER, LAPTOP, MAC, SEEN, VIRTUAL, WINDOWS

STATES = {"bench": SEEN, "laptop": LAPTOP, "virtual": VIRTUAL, "container": CONTAINER, "mac": MAC, "windows": WINDOWS}


def told(state, width: int) -> str:
    to = Console(width=width, file=io.StringIO())
    tell(Examination.of(state), to)
    return to.file.getvalue()


@pytest.mark.parametrize("state", STATES.values(), ids=STATES)
@pytest.mark.parametrize("width", [80, 120])
def test_the_table_fits_a_terminal(state, width: int) -> None:
    table, _, remedies = told(state, width).partition("What mends it")
    assert max(map(len, table.splitlines())) <= width
    assert all(len(line) <= width for line in remedies.splitlines() if not line.startswith("    "))


def test_commands_stay_whole_however_narrow_the_terminal() -> None:
    assert "    sudo systemctl stop apt-daily.timer man-db.timer\n" in told(LAPTOP, 40)


def test_the_last_line_sums_up() -> None:
    assert told(BENCH, 120).splitlines()[-1] == "Fit to measure."
    last = " ".join(told(WINDOWS, 80).split())
    assert last.endswith("Not fit to measure now. 1 stop: load. 3 careful: meter, energibridge, network.")


@pytest.mark.parametrize(("state", "code"), [(BENCH, 0), (MAC, 1), (WINDOWS, 2)], ids=["fine", "careful", "stop"])
def test_the_exit_code_is_the_verdict(state, code) -> None:
    assert EXIT[Examination.of(state).verdict] == code


def test_json_holds_all_of_it() -> None:
    plain = json.loads(json.dumps(Examination.of(replace(LAPTOP)).plain()))
    assert (plain["verdict"], plain["machine"], plain["system"]) == ("careful", "laptop, on battery", "linux")
    governor = next(each for each in plain["findings"] if each["code"] == "governor")
    assert (governor["topic"], governor["verdict"]) == ("Processor", Verdict.careful)
    assert "pyperf system tune" in governor["remedy"]
    assert {"native", "energibridge"} <= {each["code"] for each in plain["findings"]}


def run(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "src.doctor", *words]
    environment = {"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin", "HOME": str(folder)}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def test_a_real_examination_leaves_nothing_behind(tmp_path: Path) -> None:
    done = run(tmp_path, "--json", "workload=command", "meter=estimate")
    found = json.loads(done.stdout)
    assert done.returncode == {"fine": 0, "careful": 1, "stop": 2}[found["verdict"]]
    assert found["verdict"] != "fine", "an estimate is no measurement"
    assert {"Meter", "Processor", "Frameworks, data, store"} <= {each["topic"] for each in found["findings"]}
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        pytest.param(("--help",), "python -m src.doctor pilot", id="help"),
        pytest.param(("meter=nonsense",), "meter", id="no such meter"),
        pytest.param(("pilot", "--seconds=soon"), "give a number of seconds", id="no number"),
    ],
)
def test_what_is_said_on_the_command_line(tmp_path: Path, words, said) -> None:
    done = run(tmp_path, *words)
    assert said in done.stdout + done.stderr
    assert done.returncode == (0 if "--help" in words else 2)
    assert "Traceback" not in done.stderr


def test_no_password_is_told(tmp_path: Path) -> None:
    address = "postgresql://me:hush-hush@127.0.0.1:1/runs"
    done = run(tmp_path, "--json", "workload=command", "meter=estimate", f"tracking_uri={address}")
    found = {each["code"]: each for each in json.loads(done.stdout)["findings"]}
    assert (found["MLflow"]["verdict"], done.returncode) == ("stop", 2)
    assert "127.0.0.1" in found["MLflow"]["seen"]
    assert "hush" not in done.stdout + done.stderr
