"""The command line as a user types it: processes of their own, a real store, a real framework."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from src.paths import ROOT
from src.track import open_store

PIPES = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
TINY = ("dataset=synthetic", "dataset.train_size=640", "dataset.test_size=250", "model=mlp", "training.epochs=2")


def command(tmp_path, *arguments):
    own = (f"tracking_uri='sqlite:///{tmp_path}/mlflow.db'", f"dataset.cache={tmp_path}/data")
    folders = (f"hydra.run.dir={tmp_path}/out", f"hydra.sweep.dir={tmp_path}/sweep")
    return [sys.executable, "-m", "src.main", *arguments, *own, *folders]


def joulebench(tmp_path, *arguments):
    """Runs the command to its end; returns exit code, standard output and standard error."""
    done = subprocess.run(command(tmp_path, *arguments), cwd=ROOT, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param(["training.epoch=2"], "did you mean training.epochs?", id="unknown key"),
        pytest.param(["training.epochs=0"], "training.epochs=0: must be at least 1", id="senseless value"),
        pytest.param(["-m", "framework=torch,keras"], "framework=keras: no such option", id="unknown framework"),
        pytest.param(["-m", "framework=torch,tf", "model.layers=[]"], "the network has no layers", id="no layers"),
        pytest.param(["-m", "training.epochs=range(2,2)"], "holds no value", id="empty sweep"),
        pytest.param(["meter=replay"], "meter.recording", id="nothing to replay"),
        pytest.param(["dataset=mnist", "dataset.path=/nowhere"], "/nowhere", id="no data"),
    ],
)
def test_a_mistake_is_one_line_with_exit_code_2_and_nothing_is_written(tmp_path, torch_python, arguments, message):
    code, _, errors = joulebench(tmp_path, *arguments)
    assert code == 2
    assert message in errors
    assert "Traceback" not in errors
    assert list(tmp_path.iterdir()) == []


def test_the_configuration_can_be_looked_at(tmp_path):
    code, out, _ = joulebench(tmp_path, "--cfg", "job", "framework=jax")
    assert code == 0
    assert "name: jax" in out


def test_help_lists_the_groups(tmp_path):
    code, out, _ = joulebench(tmp_path, "--help")
    assert code == 0
    assert "framework: jax, jax_tuned, tf" in out


def test_one_run_measured_by_energibridge_is_filed(tmp_path, torch_python, energibridge):
    meter = ("meter=energibridge", f"meter.binary={energibridge()}", "meter.interval_ms=50")
    code, out, errors = joulebench(tmp_path, "protocol=smoke", "experiment=one", *TINY, *meter)
    assert code == 0, errors
    assert "MEASURED" in out
    run = open_store(f"sqlite:///{tmp_path}/mlflow.db").runs("one").iloc[0]
    assert (run["framework"], run["energy_kind"], run["meter"]) == ("torch", "measured", "energibridge")
    assert run["energy_j"] == pytest.approx(run["power_w"] * run["duration_s"])
    assert 0 < run["energy_train_j"] < run["energy_j"] < run["energy_total_j"]
    assert run["accuracy"] > 0.5
    files = {path.name for path in (tmp_path / "out").iterdir()}
    assert files >= {"config.yaml", "job.json", "energy.csv", "events.jsonl", "result.json", "power.png", "record.json"}


def test_a_sweep_over_any_value_is_a_study_of_blocks(tmp_path, torch_python):
    sweep = ("-m", "training.batch_size=32,64", "protocol=smoke", "protocol.iterations=2", "experiment=sizes")
    code, out, errors = joulebench(tmp_path, *sweep, "meter=estimate", "meter.interval_ms=50", *TINY)
    assert code == 0, errors
    assert "ESTIMATED" in out
    frame = open_store(f"sqlite:///{tmp_path}/mlflow.db").runs("sizes")
    assert sorted(frame["treatment"]) == ["training.batch_size=32"] * 2 + ["training.batch_size=64"] * 2
    assert sorted(frame["iteration"]) == [1, 1, 2, 2]
    assert frame["sweep"].nunique() == 1
    plan = json.loads((tmp_path / "sweep/plan.json").read_text())
    assert [slot["sequence"] for slot in plan["slots"]] == [1, 2, 3, 4]


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["Ctrl-C", "SIGTERM"])
def test_a_stopped_sweep_ends_in_order_with_all_its_processes(tmp_path, torch_python, number, code):
    arguments = ("-m", "protocol=smoke", "meter=estimate", *TINY, "training.epochs=100000")
    process = subprocess.Popen(command(tmp_path, *arguments), cwd=ROOT, preexec_fn=heed_ctrl_c, **PIPES)
    events = tmp_path / "sweep/0001-torch/events.jsonl"
    deadline = time.monotonic() + 120
    while not (events.exists() and "train" in events.read_text()) and time.monotonic() < deadline:
        time.sleep(0.1)
    process.send_signal(number)
    out, errors = process.communicate(timeout=60)
    assert process.returncode == code, errors
    assert "0 of 1 runs finished" in out
    assert not [name for name in os.listdir("/proc") if name.isdigit() and str(tmp_path) in command_of(name)]


def heed_ctrl_c():
    """Whoever runs the tests in the background may have Ctrl-C ignored, which processes inherit."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def command_of(process):
    try:
        with open(f"/proc/{process}/cmdline") as file:
            return file.read()
    except OSError:
        return ""
