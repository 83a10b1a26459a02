"""A store that is read by another process: the same answers, the same errors, and nothing left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from src.contract.record import POWER_SERIES, Point
from src.errors import TrackError
from src.paths import ROOT
from src.track import apart, open_store
from src.track.apart import StoreApart, reader
from src.track.store import Store
from tests.conftest import MakeRecord

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="processes are forked on Linux only")
TRACE = [Point(0, 1_000_000, 12.5), Point(200, 1_000_200, 13.5)]
REPORT = """
import sys
from src.report import __main__ as command
from src.report.make import make_report
assert "mlflow" not in sys.modules
"""


def names(store: Store, experiment: str) -> list[str]:
    return [run.name for run in store.records(experiment)]


def end_yourself(store: Store) -> None:
    os._exit(9)


@pytest.fixture
def filed(tmp_path: Path, make_record: MakeRecord) -> tuple[str, str]:
    """A store's address and the id of the one run in it."""
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    return uri, open_store(uri).file_run(make_record(experiment="e", series={POWER_SERIES: TRACE}))


def test_it_answers_as_the_store_itself(filed: tuple[str, str]) -> None:
    uri, run_id = filed
    here, there = open_store(uri), StoreApart(uri)
    assert there.uri == here.uri
    assert there.at_store(names, "e") == here.at_store(names, "e") == ["torch #03"]
    assert there.left_out == here.left_out == ""
    assert there.trace(run_id) == here.trace(run_id) == TRACE


def test_its_errors_are_raised_where_it_is_asked(filed: tuple[str, str]) -> None:
    with pytest.raises(TrackError, match="has no experiment 'other'"):
        StoreApart(filed[0]).at_store(names, "other")
    with pytest.raises(TrackError, match="cannot be opened"):
        _ = StoreApart("sqlite:////proc/none/mlflow.db").uri


def test_its_end_is_told(filed: tuple[str, str]) -> None:
    store = StoreApart(filed[0])
    with pytest.raises(TrackError, match="that reads the store ended"):
        store.at_store(end_yourself)


def test_with_one_cpu_there_is_nothing_beside_which_to_load(
    filed: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(apart.os, "sched_getaffinity", lambda _: {0})
    assert isinstance(reader(filed[0]), Store)
    monkeypatch.setattr(apart.os, "sched_getaffinity", lambda _: {0, 1})
    assert isinstance(reader(filed[0]), StoreApart)


@pytest.mark.parametrize("by", [signal.SIGKILL, signal.SIGTERM, None], ids=["killed", "ended", "done"])
def test_it_ends_with_who_asks(filed: tuple[str, str], by: signal.Signals | None) -> None:
    code = f"from src.track.apart import StoreApart as S; s = S({filed[0]!r}); print(s.uri, flush=True)"
    waiting = "" if by is None else "; input()"
    with subprocess.Popen(
        [sys.executable, "-c", code + waiting], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as asking:
        assert asking.stdout is not None
        asking.stdout.readline()
        children = psutil.Process(asking.pid).children() if by else []
        if by is not None:
            assert len(children) == 1
            asking.send_signal(by)
        asking.wait(20)
    assert psutil.wait_procs(children, timeout=10)[1] == []


def test_what_writes_a_report_loads_no_mlflow() -> None:
    done = subprocess.run([sys.executable, "-c", REPORT], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
