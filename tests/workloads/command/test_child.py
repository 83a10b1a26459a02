"""Commands that end badly, stay behind, say too much or claim what is not theirs: real processes, really measured."""

import json
import os
import signal
import subprocess
import sys
import time
from threading import Thread

import psutil
import pytest

from src.errors import MeterError, RunError
from src.measure.meters.select import Meter
from src.workloads.command.child import keep_small


def flags(measured):
    return {flag.code for flag in measured.energy.flags}


def test_the_whole_process_is_the_task_and_nothing_else_is(run, tmp_path):
    begin_s = time.time()
    measured = run("sleep 0.3")
    took_s = time.time() - begin_s
    assert 0.3 <= measured.energy.duration_s < 0.35 < took_s
    assert measured.windows["task"] == measured.windows["total"]
    assert set(measured.outcome.values) <= {"cpu_time_s", "peak_memory_bytes"}
    assert measured.outcome.values["cpu_time_s"] < 0.05
    assert {path.name for path in (tmp_path / "run").iterdir()} == {
        *("job.json", "energy.csv", "events.jsonl", "outcome.json", "worker.log")
    }


def test_memory_is_told_where_it_is_the_commands_own(run):
    measured = run(["python3", "-c", "import time; data = bytearray(100_000_000); time.sleep(0.1)"])
    assert 1e8 < measured.outcome.values["peak_memory_bytes"] < 2e8
    assert "peak_memory_bytes" not in run("sleep 0.1").outcome.values


def test_where_and_with_what_it_runs(shell, tmp_path, monkeypatch):
    (tmp_path / "inner").mkdir()
    monkeypatch.setenv("SECRET", "x")
    script = "sleep 0.1; env > env; nproc > nproc; cat > stdin; exit 3"
    shell(
        script, working_directory="inner", environment={"MINE": "1", "PYTHONPATH": "/mine"}, exit_code=3, affinity=[0]
    )
    seen = dict(line.split("=", 1) for line in (tmp_path / "inner/env").read_text().splitlines())
    assert (seen["MINE"], seen["PYTHONPATH"], seen["HOME"]) == ("1", "/mine", os.environ["HOME"])
    assert not {"SECRET", "PYTHONNOUSERSITE", "PYTHONUNBUFFERED", "PYTHONIOENCODING"} & set(seen)
    assert (tmp_path / "inner/nproc").read_text() == "1\n"
    assert (tmp_path / "inner/stdin").read_text() == ""


@pytest.mark.parametrize(
    ("script", "says"),
    [
        pytest.param("echo why; exit 3", "ended with exit code 3, not with exit code 0\n.*| why", id="fails"),
        pytest.param("kill -9 $$", r"ended with signal SIGKILL \(out of memory\?\)", id="killed"),
        pytest.param("kill -TERM $$", "ended with signal SIGTERM, not", id="ended"),
        pytest.param("test -t 0 && echo yes > /dev/tty", "ended with exit code 1", id="needs a terminal"),
        pytest.param("read line", "ended with exit code 1", id="reads"),
        pytest.param('echo "{" > "$JOULEBENCH_OUTCOME"', "outcome.json cannot be read", id="half an outcome"),
        pytest.param('echo "[]" > "$JOULEBENCH_OUTCOME"', "holds no JSON object", id="no outcome"),
        pytest.param('echo garbage >> "$JOULEBENCH_EVENTS"', "no complete event file", id="no event"),
    ],
)
def test_what_fails_says_why(shell, tmp_path, script, says):
    with pytest.raises(RunError, match=f"(?s){says}") as caught:
        shell(script)
    assert "worker.log" in str(caught.value)
    assert "without a result" not in str(caught.value)
    assert json.loads((tmp_path / "run/outcome.json").read_text())["error"] in str(caught.value)


@pytest.mark.parametrize("as_energibridge", [False, True], ids=["estimate", "energibridge"])
def test_what_hangs_is_stopped_with_all_its_processes(shell, energibridge, tmp_path, estimate, as_energibridge):
    meter = estimate
    if as_energibridge:
        meter = Meter("energibridge", "measured", "", "", (energibridge(),), 50, (), False, "")
    with pytest.raises(RunError, match=r"did not end within 2 s(?s:.*)\| waiting"):
        shell("echo waiting; sleep 300 & echo $! > pids; sleep 301", timeout_s=2, meter=meter)
    assert not psutil.pid_exists(int((tmp_path / "pids").read_text()))


def test_a_daemon_is_ended_and_told(shell, tmp_path):
    measured = shell("(setsid sleep 300 & echo $! > pids); sleep 0.1")
    assert "left_processes" in flags(measured)
    assert not psutil.pid_exists(int((tmp_path / "pids").read_text()))
    assert measured.energy.duration_s < 5


def test_a_command_that_was_stopped_for_a_while_is_told(shell, tmp_path):
    def stop():
        while not (tmp_path / "pid").exists() or not (pid := (tmp_path / "pid").read_text().strip()):
            time.sleep(0.01)
        os.kill(int(pid), signal.SIGSTOP)
        time.sleep(0.4)
        os.kill(int(pid), signal.SIGCONT)

    stopper = Thread(target=stop)
    stopper.start()
    measured = shell("echo $$ > pid; sleep 0.2; sleep 0.2")
    stopper.join()
    (flag,) = [flag for flag in measured.energy.flags if flag.code == "stopped"]
    assert "stopped once from outside and went on after 0.4 s" in flag.text
    assert set(measured.windows) == {"task", "total"}


def test_a_program_that_the_kernel_refuses(run, tmp_path):
    (tmp_path / "tool").write_bytes(b"\x7fELF\0broken")
    (tmp_path / "tool").chmod(0o755)
    with pytest.raises(RunError, match="tool cannot be started: Exec format error"):
        run("./tool")


def test_too_short_a_command_is_no_measurement(run):
    with pytest.raises(MeterError, match="too short for two samples"):
        run("true")


OUTCOMES = {
    "NaN": ({"metrics": {"x": {"value": float("nan")}}}, "`x` is nan"),
    "no value": ({"metrics": {"x": 5}}, "not an object with a `value`"),
    "no name": ({"metrics": {"a b": {"value": 5}}}, "no name for a metric"),
    "ours": ({"metrics": {"energy_j": {"value": 5}}}, "metric `energy_j`: joulebench files what it measured"),
    "our duration": ({"metrics": {"duration_s": {"value": 5}}}, "joulebench files what it measured"),
    "a phase's": ({"metrics": {"energy_load_j": {"value": 5}}}, "joulebench files what it measured"),
    "our series": ({"series": {"power_trace_w": [1]}}, "joulebench files what it measured"),
    "series of NaN": ({"series": {"x": [1, float("nan")]}}, "no number"),
    "our unit": ({"per_unit": {"name": "energy_net_j", "count": 5}}, "call it energy_per_UNIT_j"),
    "no count": ({"per_unit": {"name": "energy_per_x_j", "count": 0}}, "above 0"),
    "its own reason": ({"error": "the disk is full"}, "^the disk is full"),
}


@pytest.mark.parametrize(("outcome", "says"), OUTCOMES.values(), ids=OUTCOMES)
def test_an_outcome_that_cannot_be_believed_fails_the_run(python, outcome, says):
    with pytest.raises(RunError, match=says):
        python(f"nan = NaN = float('nan')\ntell({outcome!r})")


def test_an_outcome_is_told_in_the_commands_own_words(python):
    outcome = {
        "metrics": {
            "rate": {"value": 5, "unit": "1/s", "title": "Requests\nper second", "better": "higher"},
            "aside": {"value": 6, "headline": False},
            "wanted": {"value": 7, "title": "overruled"},
            "cpu_time_s": {"value": 8},
        },
        "series": {"latency": [1, 2]},
        "facts": {"versions": 5},
        "per_unit": {"name": "energy_per_request_j", "unit": "J", "count": 10},
    }
    told = python(f"false = False\ntell({outcome!r})", metrics={"wanted": {"title": "W", "unit": "m"}}).outcome
    assert {name: told.values[name] for name in outcome["metrics"]} == {
        "rate": 5,
        "aside": 6,
        "wanted": 7,
        "cpu_time_s": 8,
    }
    rate, aside, wanted = (told.metrics[name] for name in ("rate", "aside", "wanted"))
    assert (rate.title, rate.unit, rate.better, rate.headline) == ("Requests per second", "1/s", "higher", True)
    assert not aside.headline
    assert (wanted.title, wanted.unit, wanted.headline) == ("W", "m", True)
    assert (told.series, told.facts, told.per_unit[1]) == ({"latency": [1, 2]}, {}, 10)


def test_a_metric_that_was_asked_for_must_be_there(python):
    with pytest.raises(RunError, match=r"workload\.metrics names wanted, which is not in \$JOULEBENCH_OUTCOME"):
        python("tell({'metrics': {'other': {'value': 1}}})", metrics={"wanted": {}})


def test_phases_divide_the_command(python):
    script = "\n".join(
        f"emit('{phase}', 'begin'); time.sleep({s}); emit('{phase}', 'end')"
        for phase, s in (("load", 0.1), ("work", 0.1), ("rest", 0.1), ("work", 0.2))
    )
    measured = python(script, phases=["work"])
    durations = {name: window.duration_s for name, window in measured.energy.windows.items()}
    assert set(durations) == {"load", "work", "rest", "task", "total"}
    assert durations["work"] == pytest.approx(0.3, abs=0.05)
    assert durations["task"] == pytest.approx(0.4, abs=0.05)
    assert durations["total"] > durations["load"] + durations["task"] + 0.1
    assert measured.energy.duration_s == durations["task"]


EVENTS = {
    "in the past": ("emit('a', 'begin', time.time() - 9); emit('a', 'end')", "begin of phase `a` lies .* s before"),
    "in the future": ("emit('a', 'begin'); emit('a', 'end', time.time() + 9)", "end of phase `a` lies .* s after"),
    "never ended": ("emit('a', 'begin')", "`a` never ended"),
    "never begun": ("emit('a', 'end')", "`a` never began"),
    "ended too early": ("emit('a', 'begin'); emit('b', 'begin'); emit('a', 'end')", "`b` never ended before `a`"),
    "ends before it begins": (
        "t = time.time(); time.sleep(0.1); emit('a', 'begin'); emit('a', 'end', t)",
        "ends before it begins",
    ),
    "total": ("emit('total', 'begin'); emit('total', 'end')", "phase `total`: .*means something else"),
    "stopped": ("emit('stopped', 'begin'); emit('stopped', 'end')", "phase `stopped`: .*means something else"),
    "task": ("emit('task', 'begin'); emit('task', 'end')", "phase `task`: .*means something else"),
    "no edge": ("emit('a', 'middle')", "must be begin or end"),
    "no moment": ("emit('a', 'begin', float('inf'))", "no moment"),
    "asked for": ("emit('a', 'begin'); emit('a', 'end')", "`wanted` never began", {"phases": ["wanted"]}),
}


@pytest.mark.parametrize("case", EVENTS.values(), ids=EVENTS)
def test_events_that_do_not_fit_fail_the_run(python, case):
    script, says, *settings = case
    with pytest.raises(RunError, match=says):
        python(script, **(settings[0] if settings else {}))


def test_phases_within_another_are_marks(python):
    measured = python("emit('a', 'begin'); emit('b', 'begin'); emit('b', 'end'); emit('a', 'end')")
    assert set(measured.energy.windows) == {"a", "task", "total"}


def test_events_are_taken_with_the_rounding_of_other_clocks(shell):
    event = '{\\"t\\": $(date +%s.%N), \\"phase\\": \\"a\\", \\"edge\\": \\"EDGE\\"}'
    begin, end = (f'echo "{event}" >> "$JOULEBENCH_EVENTS"'.replace("EDGE", edge) for edge in ("begin", "end"))
    measured = shell(f"{begin}; sleep 0.1; {end}")
    assert 0.1 < measured.energy.windows["a"].duration_s < 0.2


def test_what_an_earlier_run_told_does_not_count(python, run):
    with pytest.raises(RunError):
        python("tell({'metrics': {'x': {'value': 1}}}); raise SystemExit(1)")
    assert "x" not in run("sleep 0.1").outcome.values


def test_a_flood_of_words_does_not_fill_the_disk(shell, tmp_path):
    largest = 0

    def watch():
        nonlocal largest
        while not done:
            if (log := tmp_path / "run/worker.log").exists():
                largest = max(largest, log.stat().st_size)
            time.sleep(0.1)

    done = False
    watcher = Thread(target=watch)
    watcher.start()
    try:
        with pytest.raises(RunError, match="exit code 3") as caught:
            shell("for i in 1 2 3 4 5 6 7 8; do head -c 40000000 /dev/zero; sleep 0.3; done; echo the end; exit 3")
    finally:
        done = True
        watcher.join()
    assert largest < 250_000_000
    assert "the end" in str(caught.value)
    assert len(str(caught.value)) < 5_000
    assert (tmp_path / "run/worker.log").stat().st_size < 1_100_000


def test_a_log_is_emptied_only_when_it_is_too_long(tmp_path):
    program = f"import threading; from {keep_small.__module__} import keep_small; "
    program += "threading.Thread(target=keep_small, args=(1, 10, 0.01), daemon=True).start(); import time; "
    for text, kept in (("short", "short\n"), ("long enough for it", "")):
        with (tmp_path / "log").open("ab") as log:
            code = f"{program}print({text!r}, flush=True); time.sleep(0.2)"
            subprocess.run([sys.executable, "-c", code], stdout=log, check=True)
        assert (tmp_path / "log").read_text() == kept
        (tmp_path / "log").unlink()
