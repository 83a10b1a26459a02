"""Nothing that a launched command started outlives it: the cases that leave orphans behind."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest

from src.errors import SetupError
from src.measure import launch as launch_module
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
launch(sys.argv[2:], Path(sys.argv[1]), dict(os.environ), 1.5 if "setpriv" in sys.argv else 60)
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


def guards_of(pid: int) -> list[psutil.Process]:
    """The guard of a command, which is its parent, and the guard's keeper."""
    guard = psutil.Process(pid).parent()
    assert guard is not None
    keeper = guard.parent()
    assert keeper is not None
    return [guard, keeper]


GUARDS = {"guard": [0], "keeper": [1], "both": [0, 1]}


@pytest.mark.parametrize("which", GUARDS.values(), ids=GUARDS)
def test_the_death_of_the_guard(tmp_path: Path, which: list[int]) -> None:
    def kill_guard() -> None:
        guards = guards_of(wait_for_pids(tmp_path)[1])
        for number in which:
            guards[number].kill()

    thread = threading.Thread(target=kill_guard)
    thread.start()
    ending = launch(forks(tmp_path, 300), tmp_path / "log", dict(os.environ), 60)
    thread.join()
    assert ending.ending == ("stopped" if which == [1] else "lost")
    assert not alive(wait_for_pids(tmp_path), within_s=1)


@pytest.mark.parametrize("which", GUARDS.values(), ids=GUARDS)
def test_the_death_of_the_orchestrator_and_a_guard_at_once(tmp_path: Path, which: list[int]) -> None:
    command = [sys.executable, "-c", LAUNCHES, str(tmp_path / "log"), *forks(tmp_path, 300)]
    with subprocess.Popen(command, cwd=ROOT) as orchestrator:
        pids = wait_for_pids(tmp_path)
        guards = guards_of(pids[1])
        if len(which) == 2:  # what is left then is the orchestrator's to do
            which = [1]
        for process in (*(guards[number] for number in which), orchestrator):
            process.kill()
    assert not alive([*pids, *(guard.pid for guard in guards)])


@pytest.mark.parametrize("which", GUARDS.values(), ids=GUARDS)
def test_a_guard_that_stands_still_does_not_hold_the_sweep_up(
    tmp_path: Path, which: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(launch_module, "LATE_S", 1.0)
    monkeypatch.setattr(launch_module, "KILL_WITHIN_S", -4.0)

    def stop_guard() -> None:
        guards = guards_of(wait_for_pids(tmp_path)[1])
        for number in which:
            guards[number].suspend()

    thread = threading.Thread(target=stop_guard)
    thread.start()
    began = time.monotonic()
    ending = launch(forks(tmp_path, 300), tmp_path / "log", dict(os.environ), 4)
    thread.join()
    assert time.monotonic() - began < 15
    assert ending.ending == "timeout"
    assert not alive(wait_for_pids(tmp_path), within_s=1)


class OfAnother:
    """A process that this user may not kill."""

    pid = 4_000_000

    def status(self) -> str:
        return psutil.STATUS_RUNNING

    def name(self) -> str:
        return "energibridge"

    def username(self) -> str:
        return "root"

    def kill(self) -> None:
        raise psutil.AccessDenied(self.pid)


def test_what_cannot_be_killed_is_named_and_does_not_keep_others_alive() -> None:
    began = time.monotonic()
    with subprocess.Popen(["sleep", "60"]) as own:
        killed, left = kill_all(lambda: [OfAnother(), psutil.Process(own.pid)])  # type: ignore[list-item]
    assert time.monotonic() - began < 5
    assert (killed, left) == ([f"sleep ({own.pid})"], ["energibridge (4000000) of root"])


def test_nothing_is_measured_beside_a_process_that_cannot_be_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    report = json.dumps({"ending": "timeout", "returncode": None, "killed": [], "error": "", "disturbance": None,
                         "left": ["energibridge (7) of root"]})  # fmt: skip
    monkeypatch.setattr(launch_module, "_read", lambda *_: report.encode())
    with pytest.raises(SetupError, match=r"energibridge \(7\) of root cannot be stopped from here and still runs"):
        launch(["true"], tmp_path / "log", dict(os.environ), 5)


@pytest.mark.skipif(
    os.name != "posix" or os.geteuid() != 0 or shutil.which("setpriv") is None,
    reason="makes a process of another user: needs root and setpriv",
)
def test_a_meter_that_runs_as_another_user_is_named(tmp_path: Path) -> None:
    """As with `sudo energibridge`: here nobody's, beside a root that may kill only its own."""
    command = [sys.executable, "-c", LAUNCHES, str(tmp_path / "log"), "setpriv", "--reuid=65534", "--", "sleep", "7"]
    powerless = ["setpriv", "--bounding-set=-kill", "--inh-caps=-kill", "--"]
    done = subprocess.run([*powerless, *command], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert re.search(r"SetupError: sleep \(\d+\) of nobody cannot be stopped from here and still runs", done.stderr)
    assert "Traceback" not in (tmp_path / "log").read_text()


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
        killed, left = kill_all(lambda: next(rounds))
    assert left == []
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
