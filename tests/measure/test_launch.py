"""Nothing that a launched command started outlives it: the cases that leave orphans behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest

from src.measure.guard import MARKER, kill_all, marked
from src.measure.launch import launch
from src.paths import ROOT

# Starts a grandchild in a session of its own whose parent has ended, notes both pids, then goes on for long.
FORKS = """
import os, sys, time
def note(): open(sys.argv[1], "a").write(f"{os.getpid()}\\n")
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        note()
        time.sleep(300)
    os._exit(0)
os.wait()
note()
time.sleep(float(sys.argv[2]))
"""
LAUNCHES = """
import os, sys
from pathlib import Path
from src.measure.launch import launch
launch(sys.argv[2:], Path(sys.argv[1]), dict(os.environ), 60)
"""


def forks(tmp_path: Path, lasts_s: float) -> list[str]:
    return [sys.executable, "-c", FORKS, str(tmp_path / "pids"), str(lasts_s)]


def wait_for_pids(tmp_path: Path) -> list[int]:
    """The pids of the command and its grandchild, once both have been noted."""
    path = tmp_path / "pids"
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        lines = path.read_text().splitlines() if path.exists() else []
        if len(lines) == 2:
            return [int(line) for line in lines]
        time.sleep(0.02)
    raise AssertionError("the command did not start")


def alive(pids: list[int], within_s: float = 10) -> list[int]:
    """Those of `pids` that still live after at most `within_s`."""
    deadline = time.monotonic() + within_s
    while living := [pid for pid in pids if psutil.pid_exists(pid) and not is_zombie(pid)]:
        if time.monotonic() > deadline:
            break
        time.sleep(0.02)
    return living


def is_zombie(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def test_a_normal_end_with_a_grandchild_left(tmp_path: Path) -> None:
    ending = launch(forks(tmp_path, 0.1), tmp_path / "log", dict(os.environ), 30)
    assert (ending.ending, ending.returncode) == ("exit", 0)
    assert len(ending.killed) == 1
    assert not alive(wait_for_pids(tmp_path), within_s=0)


def test_a_timeout(tmp_path: Path) -> None:
    start_s = time.monotonic()
    ending = launch(forks(tmp_path, 300), tmp_path / "log", dict(os.environ), 1.0)
    assert time.monotonic() - start_s < 8
    assert (ending.ending, ending.returncode) == ("timeout", -signal.SIGKILL)
    assert not alive(wait_for_pids(tmp_path), within_s=0)


def test_ctrl_c_in_the_launcher(tmp_path: Path) -> None:
    def interrupt() -> None:
        wait_for_pids(tmp_path)
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    # Whoever runs the tests in the background may have Ctrl-C ignored.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        thread.start()
        with pytest.raises(KeyboardInterrupt):
            launch(forks(tmp_path, 300), tmp_path / "log", dict(os.environ), 60)
    finally:
        signal.signal(signal.SIGINT, before)
    thread.join()
    assert not alive(wait_for_pids(tmp_path), within_s=0)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_the_death_of_the_orchestrator(tmp_path: Path, number: int) -> None:
    command = [sys.executable, "-c", LAUNCHES, str(tmp_path / "log"), *forks(tmp_path, 300)]
    with subprocess.Popen(command, cwd=ROOT) as orchestrator:
        pids = wait_for_pids(tmp_path)
        orchestrator.send_signal(number)
    assert not alive(pids)


def test_the_death_of_the_guard(tmp_path: Path) -> None:
    def kill_guard() -> None:
        pids = wait_for_pids(tmp_path)
        guard = psutil.Process(pids[1]).parent()
        assert guard is not None
        guard.kill()

    thread = threading.Thread(target=kill_guard)
    thread.start()
    ending = launch(forks(tmp_path, 300), tmp_path / "log", dict(os.environ), 60)
    thread.join()
    assert ending.ending == "lost"
    assert not alive(wait_for_pids(tmp_path), within_s=1)


@pytest.mark.parametrize(
    ("script", "returncode"), [("exit 7", 7), ("kill -9 $$", -9), ("true", 0)], ids=["code", "signal", "good"]
)
def test_exit_codes_and_the_log(tmp_path: Path, script: str, returncode: int) -> None:
    ending = launch(["sh", "-c", f"echo out; echo err >&2; {script}"], tmp_path / "log", dict(os.environ), 30)
    assert (ending.ending, ending.returncode, ending.killed) == ("exit", returncode, ())
    assert (tmp_path / "log").read_text().splitlines() == ["out", "err"]


def test_a_command_that_is_no_program(tmp_path: Path) -> None:
    ending = launch([str(tmp_path / "absent")], tmp_path / "log", dict(os.environ), 5)
    assert ending.ending == "not started"
    assert "absent" in ending.error


def test_the_environment_is_the_one_given(tmp_path: Path) -> None:
    environment = {"PATH": os.environ["PATH"], "ONLY": "this"}
    launch(["env"], tmp_path / "log", environment, 5)
    names = {line.split("=")[0] for line in (tmp_path / "log").read_text().splitlines()}
    assert names - {"PWD", "SHLVL", "_", "LC_CTYPE"} == {"PATH", "ONLY", MARKER}


def test_ctrl_c_at_the_terminal_reaches_only_the_launcher(tmp_path: Path) -> None:
    launch([sys.executable, "-c", "import os; print(os.getsid(0))"], tmp_path / "log", dict(os.environ), 5)
    assert int((tmp_path / "log").read_text()) != os.getsid(0)


def test_killing_goes_on_until_nothing_new_is_found() -> None:
    with subprocess.Popen(["sleep", "60"]) as first, subprocess.Popen(["sleep", "60"]) as second:
        rounds = iter([[psutil.Process(first.pid)], [psutil.Process(second.pid)], []])
        killed = kill_all(lambda: next(rounds))
    assert killed == [f"sleep ({first.pid})", f"sleep ({second.pid})"]


def test_processes_are_found_by_their_mark() -> None:
    with subprocess.Popen(["sleep", "60"], env={**os.environ, MARKER: "a mark"}) as process:
        found = [other.pid for other in marked("a mark")]
        process.kill()
    assert found == [process.pid]


def test_waiting_costs_no_cpu_time(tmp_path: Path) -> None:
    def cpu_s() -> float:
        return sum(os.times()[:4])

    before_s = cpu_s()
    launch(["sleep", "0.1"], tmp_path / "log", dict(os.environ), 30)
    short_s = cpu_s() - before_s
    launch(["sleep", "2.1"], tmp_path / "log", dict(os.environ), 30)
    long_s = cpu_s() - before_s - short_s
    assert long_s - short_s < 0.1
