"""Stopping the warm-up: nothing is said and nothing is left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import psutil
import pytest

from src.config.cpus import usable_cpus
from src.errors import MeterError
from src.paths import ROOT
from src.protocol import machine
from src.protocol.machine import warm_up

WARM_UP = """
from src.protocol.machine import warm_up
try:
    warm_up(60)
except KeyboardInterrupt:
    print("stopped")
"""


def start_warm_up() -> tuple[subprocess.Popen[str], list[psutil.Process]]:
    """A warm-up in a session of its own, as in a terminal, once all its burners are there."""
    process = subprocess.Popen(
        [sys.executable, "-c", WARM_UP], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        start_new_session=True, preexec_fn=heed_ctrl_c,
    )  # fmt: skip
    deadline = time.monotonic() + 30
    burners: list[psutil.Process] = []
    while len(burners) < usable_cpus() and time.monotonic() < deadline:
        time.sleep(0.05)
        burners = [child for child in psutil.Process(process.pid).children() if "src.protocol.burn" in child.cmdline()]
    assert len(burners) == usable_cpus()
    return process, burners


def heed_ctrl_c() -> None:
    """Whoever runs the tests in the background (`nohup make test &`) has Ctrl-C ignored, which processes inherit."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.mark.skipif(os.name != "posix", reason="sends signals")
@pytest.mark.parametrize("wait_s", [0.0, 1.0], ids=["while they start", "while they burn"])
def test_ctrl_c_ends_all_burners_without_a_word(wait_s: float) -> None:
    process, burners = start_warm_up()
    time.sleep(wait_s)
    os.killpg(process.pid, signal.SIGINT)
    said, complaints = process.communicate(timeout=30)
    assert (said, complaints) == ("stopped\n", "")
    assert psutil.wait_procs(burners, timeout=10)[1] == []


@pytest.mark.skipif(os.name != "posix", reason="sends signals")
@pytest.mark.parametrize("wait_s", [0.0, 1.0], ids=["while they start", "while they burn"])
def test_burners_do_not_outlive_whoever_started_them(wait_s: float) -> None:
    process, burners = start_warm_up()
    time.sleep(wait_s)
    process.kill()
    process.communicate(timeout=30)
    assert psutil.wait_procs(burners, timeout=10)[1] == []


def test_a_warm_up_ends_by_itself() -> None:
    warm_up(0.1)


@pytest.mark.skipif(os.name != "posix", reason="needs a program that fails")
def test_a_warm_up_that_ends_early_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine.sys, "executable", "/bin/false")
    with pytest.raises(MeterError, match="the warm-up ended early"):
        warm_up(0.1)
