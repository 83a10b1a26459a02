"""The command line as a user types it: processes of their own, a real store, a real framework."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from scripts.mlflow_server import free_port, serving
from src.paths import ROOT
from src.track import open_store
from src.track.__main__ import main as track_main
from tests.tables import table_of

PIPES = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
TINY = ("dataset=synthetic", "dataset.train_size=640", "dataset.test_size=250", "model=mlp", "training.epochs=2")


def command(tmp_path, *arguments):
    """The command with the arguments, and with folders and a store of the test's own where these name no other."""
    own = [f"tracking_uri='sqlite:///{tmp_path}/mlflow.db'"]
    own += [] if {"workload=command", "+experiment=compress"} & set(arguments) else [f"dataset.cache={tmp_path}/data"]
    own += [f"hydra.run.dir={tmp_path}/out", f"hydra.sweep.dir={tmp_path}/sweep"]
    given = {argument.split("=")[0] for argument in arguments}
    own = (each for each in own if each.split("=")[0] not in given)
    return [sys.executable, "-m", "src.main", *arguments, *own]


def joulebench(tmp_path, *arguments, cwd=ROOT):
    """Runs the command to its end; returns exit code, standard output and standard error."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    words = command(tmp_path, *arguments)
    done = subprocess.run(words, cwd=cwd, env=environment, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout, done.stderr


def of_nursery(born, tmp_path, *arguments, cwd=ROOT):
    """The same, without the seconds of imports."""
    return born.run(cwd, "src.main", *command(tmp_path, *arguments)[3:])


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
        pytest.param(["-m", "hydra.sweep.subdir=same"], "each run needs its own folder", id="one folder for all runs"),
        pytest.param(["-m", "hydra/launcher=joblib"], "hydra/launcher=joblib: no such option", id="another launcher"),
        pytest.param(
            ["framework=tf,torch"], "to compare these, add -m: python -m src.main -m ", id="a sweep without -m"
        ),
    ],
)
def test_a_mistake_is_one_line_with_exit_code_2_and_nothing_is_written(
    born, tmp_path, torch_python, arguments, message
):
    code, _, errors = of_nursery(born, tmp_path, *arguments)
    assert code == 2
    assert message in errors
    assert "Traceback" not in errors
    assert list(tmp_path.iterdir()) == []


COMMAND = ("workload=command", "protocol=smoke", "meter=estimate", "meter.interval_ms=50")
NOTHING = f"workload.command='{sys.executable} -c \"import time; time.sleep(0.3)\"'"


@pytest.mark.parametrize("mode", [[], ["-m"]], ids=["alone", "sweep"])
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param([NOTHING, "framework=tf"], "framework=tf: the chosen workload has no framework", id="a framework"),
        pytest.param([NOTHING, "training.epochs=2"], "training.epochs=2: the chosen workload has no", id="its key"),
        pytest.param(["workload.command=no_such_program"], "no program `no_such_program` on PATH", id="no program"),
        pytest.param([], "workload.command: say what to run", id="nothing to run"),
        pytest.param(
            [NOTHING, "resume=latest", "experiment=none"], "resume=latest: no sweep of", id="nothing to resume"
        ),
        pytest.param([NOTHING, "tracking_uri=nowhere://"], "choose another tracking_uri", id="no store"),
    ],
)
def test_a_mistake_about_a_command_is_one_line_and_leaves_no_folder(born, tmp_path, mode, arguments, message):
    folders = ("hydra.run.dir=new/and/deep", "hydra.sweep.dir=new/and/deep")
    code, out, errors = of_nursery(born, tmp_path, *mode, *COMMAND, *arguments, *folders, cwd=tmp_path)
    assert (code, errors.count("\n")) == (2, 1)
    assert [line for line in out.splitlines() if " plan: 1 treatment (" not in line] == []  # which is said at once
    assert message in errors
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", sorted(path.stem for path in (ROOT / "conf" / "experiment").glob("*.yaml")))
def test_every_example_can_be_looked_at_before_it_is_measured(born, tmp_path, torch_python, name):
    code, out, errors = of_nursery(born, tmp_path, f"+experiment={name}", "dry_run=true", "meter=estimate")
    assert (code, errors) == (0, "")
    assert "in 5 shuffled blocks" in out
    assert "nothing is missing; leave dry_run out to measure this" in out
    assert not (tmp_path / "sweep").exists()


def test_a_run_alone_lies_in_the_folder_that_was_named_as_a_sweep_of_one(born, tmp_path):
    arguments = (*COMMAND, NOTHING, "hydra.run.dir=some/where", "experiment=alone", "protocol.iterations=30")
    code, out, errors = of_nursery(born, tmp_path, *arguments, cwd=tmp_path)
    assert code == 0, errors
    assert (errors, "1 of 1 run finished" in out) == ("", True)
    assert [path.name for path in (tmp_path / "some/where").iterdir() if path.is_dir()] == ["0001-python"]
    files = {path.name for path in (tmp_path / "some/where/0001-python").iterdir()}
    assert files >= {
        "config.yaml",
        "job.json",
        "energy.csv",
        "events.jsonl",
        "outcome.json",
        "power.png",
        "record.json",
    }
    (run,) = open_store(f"sqlite:///{tmp_path}/mlflow.db").records("alone")
    assert (run.tags["treatment"], run.tags["energy_kind"], run.factors) == ("python", "estimated", {})
    assert {path.name for path in tmp_path.iterdir()} <= {"some", "mlflow.db", "mlruns"}
    code, _, errors = of_nursery(born, tmp_path, *arguments, cwd=tmp_path)
    assert code == 2
    assert "some/where already holds a sweep" in errors


def test_a_store_that_cannot_be_opened_is_told_before_the_run(born, tmp_path, torch_python):
    code, _, errors = of_nursery(born, tmp_path, *TINY, "meter=estimate", "tracking_uri=nowhere://")
    assert code == 2
    assert "choose another tracking_uri" in errors
    assert errors.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_a_folder_that_holds_a_run_is_left_alone(born, tmp_path, torch_python):
    (tmp_path / "out").mkdir()
    (tmp_path / "out/record.json").write_text("{}")
    code, _, errors = of_nursery(born, tmp_path, *TINY, "meter=estimate")
    assert code == 2
    assert "out already holds a run" in errors
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["record.json"]


@pytest.mark.parametrize("words", [["--config-dir", "{}"], ["--config-dir={}"], ["-cd", "{}"]], ids=str)
def test_a_runs_own_configuration_is_not_passed_over(born, tmp_path, words):
    (tmp_path / "config.yaml").write_text("training: {epochs: 1}\n")
    code, _, errors = of_nursery(born, tmp_path, *(word.format(tmp_path) for word in words), "--cfg", "job")
    assert code == 2
    assert errors.startswith("joulebench: --config-dir ")
    assert errors.endswith(f"to measure a run again: python -m src.main --config-path {tmp_path}\n")


def test_the_configuration_can_be_looked_at(tmp_path):
    code, out, errors = joulebench(tmp_path, "--cfg", "job", "framework=jax")
    assert (code, errors) == (0, "")
    assert "name: jax" in out
    assert list(tmp_path.iterdir()) == []


def test_a_sweep_cannot_be_looked_at(tmp_path):
    code, out, errors = joulebench(tmp_path, "-m", "--cfg", "job", "framework=jax,tf")
    assert (code, out) == (2, "")
    assert errors.startswith("joulebench: -m makes several configurations, and one is shown: leave -m out")
    assert errors.count("\n") == 1


def test_help_lists_the_groups(tmp_path):
    code, out, _ = joulebench(tmp_path, "--help")
    assert code == 0
    assert "framework: jax, jax_tuned, tf" in out
    for other in ("src.report", "src.ingest", "src.track", "src.doctor", "dry_run=true", "resume=latest"):
        assert other in out


def test_one_run_measured_by_energibridge_is_filed(tmp_path, torch_python, energibridge):
    meter = ("meter=energibridge", f"meter.binary={energibridge()}", "meter.interval_ms=50")
    code, out, errors = joulebench(tmp_path, "protocol=smoke", "experiment=one", *TINY, *meter)
    assert code == 0, errors
    assert "MEASURED" in out
    run = table_of(open_store(f"sqlite:///{tmp_path}/mlflow.db"), "one").iloc[0]
    assert (run["framework"], run["energy_kind"], run["meter"]) == ("torch", "measured", "energibridge")
    assert run["energy_j"] == pytest.approx(run["power_w"] * run["duration_s"])
    assert 0 < run["energy_train_j"] < run["energy_j"] < run["energy_total_j"]
    assert run["accuracy"] > 0.5
    files = {path.name for path in (tmp_path / "out/0001-torch").iterdir()}
    assert files >= {
        "config.yaml",
        "job.json",
        "energy.csv",
        "events.jsonl",
        "outcome.json",
        "power.png",
        "record.json",
    }


def test_a_sweep_over_any_value_is_a_study_of_blocks(born, tmp_path, torch_python):
    sweep = ("-m", "training.batch_size=32,64", "protocol=smoke", "protocol.iterations=2", "experiment=sizes")
    code, out, errors = of_nursery(born, tmp_path, *sweep, "meter=estimate", "meter.interval_ms=50", *TINY)
    assert code == 0, errors
    assert "ESTIMATED" in out
    frame = table_of(open_store(f"sqlite:///{tmp_path}/mlflow.db"), "sizes")
    assert sorted(frame["treatment"]) == ["training.batch_size=32"] * 2 + ["training.batch_size=64"] * 2
    assert sorted(frame["iteration"]) == [1, 1, 2, 2]
    assert frame["sweep"].nunique() == 1
    plan = json.loads((tmp_path / "sweep/plan.json").read_text())
    assert [slot["sequence"] for slot in plan["slots"]] == [1, 2, 3, 4]


def test_a_server_that_dies_during_a_sweep_costs_no_run(tmp_path, torch_python, store_uri):
    port = free_port()
    arguments = ("-m", "protocol=smoke", "protocol.iterations=3", "protocol.idle_s=1", "meter=estimate", *TINY)
    with serving(store_uri, port, tmp_path) as address:
        own = (f"tracking_uri={address}", "experiment=e")
        process = subprocess.Popen(command(tmp_path, *arguments, *own), cwd=ROOT, **PIPES)
        wait_until(lambda: (tmp_path / "sweep/0001-torch/record.json").exists(), process)
    out, errors = process.communicate(timeout=200)
    assert process.returncode == 1, errors
    assert "3 of 3 runs finished" in out
    assert out.count("MLflow does not take") == 1
    assert f"python -m src.track {tmp_path / 'sweep'} --store {address}" in out
    assert "not all of this sweep is in MLflow" in errors
    assert "Traceback" not in errors
    with serving(store_uri, port, tmp_path) as address:
        assert track_main([str(tmp_path / "sweep"), "--store", address]) == 0
    runs = table_of(open_store(store_uri), "e")
    assert sorted(runs["iteration"]) == [1, 2, 3]
    assert set(runs["status"]) == {"finished"}
    assert open_store(store_uri).client.get_parent_run(runs["run_id"][2]).info.status == "FINISHED"


def test_looking_up_the_help_loads_no_library_of_the_measurement():
    heavy = {"mlflow", "numpy", "pandas", "scipy", "matplotlib", "rich", "submitit"}
    code = f"import sys, src.main; print({heavy} & {{m.split('.')[0] for m in sys.modules}})"
    assert subprocess.check_output([sys.executable, "-c", code], cwd=ROOT, text=True) == "set()\n"


SIGNALS = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGHUP: 129}


@pytest.mark.parametrize(("number", "code"), SIGNALS.items(), ids=[number.name for number in SIGNALS])
def test_a_stopped_sweep_ends_in_order_with_all_its_processes(born, tmp_path, torch_python, number, code):
    arguments = ("-m", "protocol=smoke", "meter=estimate", *TINY, "training.epochs=100000")
    said, errors = tmp_path / "said", tmp_path / "errors"
    sweep = born.bear(command(tmp_path, *arguments)[3:], ROOT, out=said, errors=errors)
    events = tmp_path / "sweep/0001-torch/events.jsonl"
    deadline = time.monotonic() + 120
    while not (events.exists() and "train" in events.read_text()):
        assert time.monotonic() < deadline, errors.read_text()
        time.sleep(0.1)
    os.kill(sweep, number)
    assert born.ended(sweep) == code, errors.read_text()
    assert "0 of 1 run finished" in said.read_text()
    assert not [name for name in os.listdir("/proc") if name.isdigit() and str(tmp_path) in command_of(name)]


def wait_until(reached, process):
    deadline = time.monotonic() + 120
    while not reached():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.1)


def command_of(process):
    try:
        with open(f"/proc/{process}/cmdline") as file:
            return file.read()
    except OSError:
        return ""
