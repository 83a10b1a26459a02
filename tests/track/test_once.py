"""Each run is filed once and counts once: late servers, several who file, stores that hold a run twice."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from scripts.mlflow_server import free_port, serving
from src.contract.plan_file import PlanFile, Slot, Treatment
from src.contract.record import FiledRun, RunRecord, each_once
from src.errors import FiledElsewhereError, TrackError
from src.paths import ROOT
from src.track import in_haste, open_store
from src.track.__main__ import main
from src.track.filing_alone import filing_alone, held_folder
from src.track.store import Store

MakeRecord = Callable[..., RunRecord]
LATE_S = 6.0


class _Late(BaseHTTPRequestHandler):
    """Hands every request on; the first answers to `runs/create` come after LATE_S, when the client has gone."""

    server: _Proxy
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def _hand_on(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        behind = HTTPConnection("127.0.0.1", self.server.behind, timeout=30)
        behind.request(self.command, self.path, body, dict(self.headers))
        if self.path.endswith("runs/create"):
            self.server.created += 1
            if self.server.created <= self.server.late:
                time.sleep(LATE_S)
        answer = behind.getresponse()
        content = answer.read()
        behind.close()
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.headers["Content-Type"] or "text/plain")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        with suppress(OSError):  # the client has gone
            self.wfile.write(content)

    do_GET = do_POST = do_PUT = do_PATCH = _hand_on  # noqa: N815 (as the library calls them)


class _Proxy(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, behind: int) -> None:
        super().__init__(("127.0.0.1", 0), _Late)
        self.behind, self.created, self.late = behind, 0, 1

    def handle_error(self, *_: object) -> None:
        """A client that has gone."""


@pytest.fixture
def late_server(store_uri: str, tmp_path: Path) -> Iterator[tuple[str, _Proxy]]:
    """The address of a proxy before a real server, and the proxy."""
    port = free_port()
    with serving(store_uri, port, tmp_path) as address:
        proxy = _Proxy(urlsplit(address).port or 0)
        thread = threading.Thread(target=proxy.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{proxy.server_port}", proxy
        proxy.shutdown()
        thread.join()
        proxy.server_close()


def all_runs(store_uri: str, query: str) -> list[str]:
    store = open_store(store_uri)
    return [run.info.run_id for run in store.client.search_runs([store.experiment_id("study")], query)]


def test_what_a_server_makes_late_is_found_and_not_made_again(
    late_server: tuple[str, _Proxy], store_uri: str, make_record: MakeRecord
) -> None:
    address, proxy = late_server
    record = make_record("s/1")
    record.write()
    with in_haste():
        store = open_store(address)
        store.experiment_id("study")
        with pytest.raises(TrackError, match="nothing is lost"):
            store.file_run(record, patience_s=0.0)
        assert (record.folder / ".asked").exists()
    run_id = open_store(address).file_run(record)
    assert all_runs(store_uri, "tags.run_uid = 's/1'") == [run_id]
    assert proxy.created == 1
    assert open_store(store_uri).client.get_run(run_id).info.status == "FINISHED"
    assert not (record.folder / ".asked").exists()
    proxy.late = proxy.created + 1
    with in_haste():
        parent = open_store(address).start_sweep("study", "s", {"host.cpu": "a"}, {})
    assert all_runs(store_uri, "tags.kind = 'sweep'") == [parent]
    assert open_store(store_uri).client.get_run(parent).data.params == {"host.cpu": "a"}


def test_whoever_reads_takes_a_run_once_and_the_finished_copy(store: Store, make_record: MakeRecord) -> None:
    """As stores of before may hold it: a run filed twice, once as a whole."""
    record = make_record("s/1")
    record.write()
    half = store._begin(record, None)
    store.client.set_terminated(half, "FAILED")
    store.client.set_tag(half, "run_uid", "other")
    whole = store.file_run(record)
    store.client.set_tag(half, "run_uid", "s/1")
    store.client.set_tag(half, "status", "failed")
    (run,) = store.records("study")
    assert (run.run_id, run.copies) == (whole, (half,))


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_of_copies_a_finished_one_is_kept(order: tuple[int, int]) -> None:
    made = [
        FiledRun(run_id=name, name="", start_ms=0, end_ms=0, status=status, tags={"run_uid": "u"})
        for name, status in (("a", "failed"), ("b", "finished"))
    ]
    assert [(run.run_id, run.copies) for run in each_once([made[place] for place in order])] == [("b", ("a",))]


def test_a_folder_is_filed_by_one_at_a_time(
    store_uri: str, tmp_path: Path, make_record: MakeRecord, capsys: pytest.CaptureFixture[str]
) -> None:
    record = make_record("s/1")
    record.write()
    with filing_alone(record.folder.parent):
        assert main([str(tmp_path / "runs"), "--store", store_uri]) == 1
        shown = capsys.readouterr()
        assert "is being filed by another process" in shown.err
        assert shown.out == "runs filed: 0; there already: 0; refused: 1\n"
    assert main([str(tmp_path / "runs"), "--store", store_uri]) == 0


def test_several_who_file_at_once_file_each_run_once(store_uri: str, tmp_path: Path, make_record: MakeRecord) -> None:
    for number in range(6):
        make_record(f"s/{number}").write()
    open_store(store_uri).check("study")
    command = [sys.executable, "-m", "src.track", str(tmp_path / "runs"), "--store", store_uri]
    both = [subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(2)]
    codes = sorted(each.wait() for each in both if each.communicate())
    assert codes in ([0, 0], [0, 1])
    main([str(tmp_path / "runs"), "--store", store_uri])
    assert len(all_runs(store_uri, "tags.kind = 'run'")) == 6
    assert len(all_runs(store_uri, "tags.kind = 'sweep'")) == 1


def test_a_sweep_that_measured_nothing_is_closed(store: Store, store_uri: str, tmp_path: Path) -> None:
    parent = store.start_sweep("study", "s", {}, {})
    (tmp_path / "runs").mkdir()
    config = {"experiment": "study"}
    PlanFile("s", (Treatment("torch"),), (Slot(1, 1, 1, 0),), (config,)).write(tmp_path / "runs")
    assert main([str(tmp_path / "runs"), "--store", store_uri]) == 0
    assert store.client.get_run(parent).info.status == "FAILED"


def test_a_plan_that_no_store_knows_makes_nothing_there(store: Store, store_uri: str, tmp_path: Path) -> None:
    (tmp_path / "runs").mkdir()
    PlanFile("s", (Treatment("torch"),), (Slot(1, 1, 1, 0),), ({"experiment": "new"},)).write(tmp_path / "runs")
    assert main([str(tmp_path / "runs"), "--store", store_uri]) == 0
    assert store.client.get_experiment_by_name("new") is None


def test_two_sweeps_of_one_second_get_folders_of_their_own(tmp_path: Path) -> None:
    with held_folder(tmp_path / "12-00-00", is_new=True) as first, held_folder(first, is_new=True) as second:
        assert (first.name, second.name) == ("12-00-00", "12-00-00-2")
        assert second.is_dir()
        with pytest.raises(FiledElsewhereError), held_folder(first, is_new=False):
            pass
    with held_folder(tmp_path / "12-00-00", is_new=False) as again:
        assert again == first


def test_two_first_sweeps_of_an_experiment_make_it_once(store_uri: str) -> None:
    stores = [open_store(store_uri) for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        found = set(pool.map(lambda store: store.experiment_id("new"), stores))
    assert len(found) == 1
