"""One measured run against every way in which EnergiBridge and a worker are known to behave."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from src.contract.job import Job
from src.errors import JoulebenchError, MeterError, RunError
from src.measure.meters.select import Meter, make_meter
from src.measure.run import Measured, measure

Run = Callable[..., Measured]
OLD_RESULT = {
    "accuracy": 0.1, "loss": 1.0, "train_loss": [], "samples_per_s": 1.0, "peak_memory_bytes": 1, "parameter_count": 1,
}  # fmt: skip


@pytest.fixture
def run(tmp_path: Path, energibridge: Any, job: Any, environment: dict[str, str], meter_config: Any) -> Run:
    def start(mode: str = "good", timeout_s: float = 20, extra: tuple[str, ...] = (), **settings: str) -> Measured:
        config = meter_config("energibridge", binary=energibridge(**settings))
        meter = make_meter("energibridge", config, gpu=False)
        meter = dataclasses.replace(meter, program=(*meter.program, *extra))
        return measure(meter, job(mode), tmp_path / "run", environment, timeout_s)

    return start


@pytest.mark.parametrize(
    ("settings", "power_w", "flags"),
    [
        pytest.param({}, 44.0, set(), id="intel: package + DRAM, cores not added"),
        pytest.param({"CPU": "amd"}, 40.0, set(), id="amd"),
        pytest.param({"CPU": "amd", "START_J": "65516"}, 40.0, {"wrap"}, id="amd: wraps at 2^16 J"),
        pytest.param({"START_J": "262124"}, 44.0, {"wrap"}, id="intel: wraps at 2^18 J"),
        pytest.param({"CPU": "amd_wide", "START_J": "2939243"}, 40.0, set(), id="amd: wider than 32 bits"),
        pytest.param({"CPU": "amd_windows"}, 40.0, {"cores_unreliable"}, id="windows: a core column falls"),
        pytest.param({"CPU": "macos"}, 40.0, set(), id="macos: power"),
        pytest.param({"FAULT": "held_back"}, 44.0, set(), id="output held back to the end"),
        pytest.param({"FAULT": "version_garbage"}, 44.0, set(), id="garbage as version"),
        pytest.param({"FAULT": "truncated"}, 44.0, {"truncated"}, id="last line truncated"),
        pytest.param({"FAULT": "long_rows"}, 44.0, {"long_rows"}, id="rows longer than the header"),
    ],
)
def test_good_runs(run: Run, settings: dict[str, str], power_w: float, flags: set[str]) -> None:
    measured = run(**settings)
    assert measured.energy.power_w == pytest.approx(power_w, rel=0.02)
    assert {flag.code for flag in measured.energy.flags} - {"edge"} == flags
    assert measured.outcome.values["accuracy"] == 0.9
    assert measured.energy.windows["train"].duration_s == pytest.approx(0.45, abs=0.1)


@pytest.mark.parametrize(
    ("settings", "blamed", "says"),
    [
        pytest.param({"FAULT": "no_permission"}, MeterError, "Permission denied", id="panic before the command"),
        pytest.param({"FAULT": "no_permission"}, MeterError, "setcap cap_sys_rawio", id="its remedy"),
        pytest.param({"FAULT": "no_register"}, MeterError, "servers have no PP1", id="the real cause of a panic"),
        pytest.param({"FAULT": "slow_sample", "mode": "hang"}, MeterError, "raise meter.interval_ms", id="slow sample"),
        pytest.param({"CPU": "none"}, MeterError, "no energy or power column", id="no energy column"),
        pytest.param({"FAULT": "still"}, MeterError, "did not move", id="energy stands still"),
        pytest.param({"FAULT": "reset"}, MeterError, "falls without a plausible wrap", id="counter reset"),
        pytest.param({"FAULT": "hang", "timeout_s": 1}, RunError, "did not end within 1 s", id="meter hangs"),
        pytest.param({"mode": "hang", "timeout_s": 2}, RunError, "protocol.timeout_s", id="worker hangs"),
        pytest.param({"mode": "crash"}, RunError, "the loss is not a number", id="worker raises"),
        pytest.param({"mode": "exits"}, RunError, "exit code 1", id="worker exits with 1"),
        pytest.param({"mode": "segfault"}, RunError, "when a signal kills the command", id="worker segfaults"),
        pytest.param({"mode": "memory"}, RunError, "MemoryError", id="worker out of memory"),
        pytest.param({"FAULT": "garbage"}, MeterError, "EnergiBridge CSV", id="meter writes garbage"),
        pytest.param({"FAULT": "held_back", "mode": "hang", "timeout_s": 2}, RunError, "within 2 s", id="held back"),
        pytest.param({"mode": "killed"}, RunError, "when a signal kills the command", id="worker killed"),
        pytest.param({"mode": "no_result"}, RunError, "without a result", id="exit 0 without a result"),
        pytest.param({"mode": "refuses"}, RunError, "refusing to start", id="worker refuses"),
        pytest.param({"mode": "hang", "extra": ("-m", "1")}, RunError, "exit code 0", id="-m exits 0"),
    ],
)
def test_failed_runs(run: Run, settings: dict[str, Any], blamed: type[JoulebenchError], says: str) -> None:
    with pytest.raises(blamed) as caught:
        run(**settings)
    assert type(caught.value) is blamed
    assert says in str(caught.value)
    assert "worker.log" in str(caught.value)


WRONG_OUTCOMES = {
    "null": ("null", "no JSON object"),
    "nested without end": ("[[[[", "cannot be read"),
    "half": ('{"metrics": {"accuracy": {"val', "cannot be read"),
    "a text": ('{"metrics": {"accuracy": {"value": "0.9"}}}', "not of type float"),
    "10^400": ('{"metrics": {"accuracy": {"value": 1' + "0" * 400 + "}}}", "too large"),
    "1e400": ('{"metrics": {"accuracy": {"value": 1e400}}}', "inf"),
    "accuracy 7.5": ('{"metrics": {"accuracy": {"value": 7.5}}}', "no share of 1"),
    "another framework": ('{"facts": {"framework": "tf"}}', "framework 'tf', but 'torch' was asked for"),
    "other threads": ('{"facts": {"threads": 4}}', "threads 4, but 2 was asked for"),
}


@pytest.mark.parametrize(("text", "says"), WRONG_OUTCOMES.values(), ids=WRONG_OUTCOMES)
def test_a_wrong_outcome_fails_the_run(run: Run, text: str, says: str) -> None:
    with pytest.raises(RunError) as caught:
        run(f"raw:{text}")
    assert says in str(caught.value)
    assert "worker.log" in str(caught.value)


def test_detached_grandchildren_are_killed_and_told(run: Run, tmp_path: Path) -> None:
    measured = run("fork")
    assert [flag.code for flag in measured.energy.flags if flag.code != "edge"] == ["left_processes"]
    assert not psutil.pid_exists(int((tmp_path / "run" / "pids").read_text()))


def test_the_recordings_other_columns_are_summarised(run: Run) -> None:
    assert run().machine["cpu_usage_share"] == pytest.approx(0.5)


def test_a_bad_exit_code_after_a_good_result_is_a_flag(run: Run) -> None:
    assert "exit_code" in {flag.code for flag in run("code_after_result").energy.flags}


def test_what_an_earlier_run_left_does_not_count(run: Run) -> None:
    run()
    with pytest.raises(RunError, match="without a result"):
        run("crash")


def test_a_result_of_an_earlier_version_does_not_count_either(run: Run, tmp_path: Path) -> None:
    run()
    (tmp_path / "run" / "result.json").write_text(json.dumps(OLD_RESULT))
    with pytest.raises(RunError, match="without a result"):
        run("no_result")


def test_the_task_is_the_phases_that_the_job_names(run: Run, job: Any) -> None:
    windows = run().windows
    assert list(windows) == ["import", "data", "build", "train", "evaluate", "task", "total"]
    assert windows["task"] == (windows["data"][0], windows["evaluate"][1])
    assert windows["total"] == (windows["import"][0], windows["evaluate"][1])


def test_a_meter_that_is_no_program(tmp_path: Path, environment: dict[str, str]) -> None:
    meter = Meter("energibridge", "measured", "", "", (str(tmp_path / "absent"),), 50, (), False, "")
    with pytest.raises(MeterError, match="cannot be started"):
        measure(meter, Job(workload="standin", program=["true"]), tmp_path / "run", environment, 5)
