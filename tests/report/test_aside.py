"""Work done by processes forked from this one: all of it, its errors told, and here where nothing may be forked."""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path

import pytest

from src.errors import JoulebenchError
from src.report.aside import Aside

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="processes are forked on Linux only")


def leave_number(folder: Path, name: str) -> None:
    (folder / name).write_text(str(os.getpid()))


def fail() -> None:
    raise OSError(28, "No space left on device", "energy_j.svg")


def end() -> None:
    os._exit(9)


def written(tmp_path: Path, aside: Aside) -> set[int]:
    """The processes that wrote nine files."""
    for number in range(9):
        aside.do(leave_number, tmp_path, str(number))
    aside.wait()
    return {int((tmp_path / str(number)).read_text()) for number in range(9)}


@pytest.fixture
def cpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1})
    monkeypatch.setattr(threading, "active_count", lambda: 1)


@pytest.mark.usefixtures("cpus")
def test_each_is_done_by_a_process_of_its_own(tmp_path: Path) -> None:
    assert len(written(tmp_path, Aside()) - {os.getpid()}) == 9


@pytest.mark.usefixtures("cpus")
@pytest.mark.parametrize("what", ["a thread", "one CPU"])
def test_nothing_is_forked_beside(what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if what == "a thread":
        monkeypatch.setattr(threading, "active_count", lambda: 2)
    else:
        monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0})
    assert written(tmp_path, Aside()) == {os.getpid()}


@pytest.mark.usefixtures("cpus")
def test_what_goes_wrong_is_told() -> None:
    aside = Aside()
    aside.do(fail)
    with pytest.raises(OSError, match=r"No space left.*energy_j\.svg"):
        aside.wait()
    aside.do(end)
    with pytest.raises(JoulebenchError, match="ended early"):
        aside.wait()
