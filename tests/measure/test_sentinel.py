"""Whoever is killed or stopped, and be it the guard and its launcher at once: the command does not live on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from src.measure import guard, launch
from src.measure.guard import MARKER, OUT_OF_REACH, kill_all
from src.paths import ROOT

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="forks")

LAUNCHES = """
import os, sys
from pathlib import Path
from src.measure.launch import launch
launch([sys.executable, "-c", "import subprocess, sys; subprocess.run(['sleep', '300'])"], Path(sys.argv[1]),
       dict(os.environ), 60)
"""


def family(process: subprocess.Popen[bytes]) -> list[psutil.Process]:
    """The guard, the command and the command's child, once all are there."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        found = psutil.Process(process.pid).children(recursive=True)
        if any(each.name() == "sleep" for each in found):
            return found
        time.sleep(0.02)
    raise AssertionError("the command did not start")


KILLS = {
    "launcher": ("launcher",),
    "guard": ("guard",),
    "guard and launcher": ("guard", "launcher"),
    "stopped guard, then the launcher": ("stop", "launcher"),
}


@pytest.mark.parametrize("killed", KILLS.values(), ids=KILLS)
def test_nothing_outlives_a_kill(tmp_path: Path, killed: tuple[str, ...]) -> None:
    process = subprocess.Popen([sys.executable, "-c", LAUNCHES, str(tmp_path / "log")], cwd=ROOT)
    members = family(process)
    guarding = next(each for each in members if "src.measure.guard" in each.cmdline())
    marker = guarding.environ()[MARKER]
    acts = {"launcher": process.kill, "guard": guarding.kill, "stop": guarding.suspend}
    for name in killed:
        acts[name]()
    process.wait(30)
    _, alive = psutil.wait_procs([each for each in members if each.pid != guarding.pid], timeout=25)
    assert alive == []
    deadline = time.monotonic() + 10
    while guard.marked(marker) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert guard.marked(marker) == []


def test_a_stopped_guard_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launch, "KILL_WITHIN_S", 0.5)
    stop = f"import os, signal, time; os.kill(os.getppid(), signal.{signal.SIGSTOP.name}); time.sleep(300)"
    began = time.monotonic()
    ending = launch.launch([sys.executable, "-c", stop], tmp_path / "log", dict(os.environ), 1.0)
    assert ending.ending == "timeout"
    assert ending.killed
    assert time.monotonic() - began < 15


class Foreign:
    """A process of another user."""

    pid = -5

    def status(self) -> str:
        return "running"

    def name(self) -> str:
        return "meter"

    def kill(self) -> None:
        raise psutil.AccessDenied(self.pid)


def test_what_may_not_be_killed_is_named_and_spares_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "KILL_WITHIN_S", 1.0)
    own = subprocess.Popen(["sleep", "300"])
    found = kill_all(lambda: [Foreign(), psutil.Process(own.pid)] if own.poll() is None else [Foreign()])  # type: ignore[list-item]
    assert own.wait(5) == -signal.SIGKILL
    assert f"meter (-5){OUT_OF_REACH}" in found
