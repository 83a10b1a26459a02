"""A run counts once: with servers that answer late, with copies in old stores, and with two who file at a time."""

from __future__ import annotations

import http.client
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from mlflow.tracking import MlflowClient

from scripts.mlflow_server import free_port, serving
from src.contract.record import RunRecord
from src.errors import TrackError
from src.paths import ROOT
from src.track import open_store
from src.track.__main__ import main
from src.track.patience import waiting_at_most
from src.track.store import Store

MakeRecord = Callable[..., RunRecord]


class Late(ThreadingHTTPServer):
    """Passes requests on: those of paths that end in `slow` after `wait_s`, and their answers `late_s` later.

    Where `status` is set, that is what they are answered with, whatever came of them.
    """

    daemon_threads = False

    def __init__(self, port: int) -> None:
        super().__init__(("127.0.0.1", 0), Forward)
        self.port, self.slow, self.wait_s, self.late_s, self.status = port, "/nothing", 0.0, 0.0, 0
        self.created: list[str] = []


class Forward(BaseHTTPRequestHandler):
    """One request."""

    server: Late

    def _pass_on(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        is_slow = self.path.endswith(self.server.slow)
        time.sleep(self.server.wait_s if is_slow else 0)
        upstream = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=60)
        upstream.request(self.command, self.path, body, dict(self.headers))
        answer = upstream.getresponse()
        content = answer.read()
        upstream.close()
        if self.path.endswith("/create"):
            self.server.created.append(self.path)
        if is_slow:
            time.sleep(self.server.late_s)
            if self.server.status:
                answer.status, content = self.server.status, b"{}"
        try:
            self.send_response(answer.status)
            self.send_header("Content-Type", answer.getheader("Content-Type") or "text/plain")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)
        except OSError:
            self.close_connection = True

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _pass_on  # noqa: N815

    def log_message(self, *_: object) -> None:
        """Silence."""


@contextmanager
def late_server(port: int) -> Iterator[tuple[Late, str]]:
    with Late(port) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield server, f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()


@pytest.fixture(scope="module")
def served(empty_database: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Late, str]]:
    """A real server behind one that can be late, over a store of its own."""
    folder, port = tmp_path_factory.mktemp("served"), free_port()
    (folder / "mlflow.db").write_bytes(empty_database.read_bytes())
    with serving(f"sqlite:///{folder}/mlflow.db", port, folder), late_server(port) as late:
        yield late


CREATIONS = {"answered late": (0.0, 2.5, 0), "made late": (2.5, 0.0, 0), "made, and answered with 500": (0.0, 0.0, 500)}


@pytest.mark.parametrize(("wait_s", "late_s", "status"), CREATIONS.values(), ids=CREATIONS)
def test_a_creation_that_is_not_answered_well_is_not_repeated(
    served: tuple[Late, str], make_record: MakeRecord, monkeypatch: pytest.MonkeyPatch, wait_s, late_s, status
) -> None:
    server, address = served
    monkeypatch.setattr("src.track.patience._usual_s", "1")
    server.wait_s, server.late_s, server.status = wait_s, late_s, status
    store, experiment = open_store(address), f"late {wait_s} {late_s}"
    for slow in ("experiments/create", "runs/create"):
        server.slow = slow
        server.created.clear()
        if slow.startswith("exp"):
            store.check(experiment)
        else:
            parent = store.start_sweep(experiment, "s", {}, {})
            store.file_run(make_record(experiment=experiment), parent)
        assert len(server.created) == (1 if slow.startswith("exp") else 2)
    server.slow = "/nothing"
    number = store.experiment_id(experiment)
    assert len(store.client.search_runs([number], "tags.kind = 'run'")) == 1
    assert len(store.client.search_runs([number], "tags.kind = 'sweep'")) == 1
    assert [run.uid for run in store.records(experiment)] == ["s/0001-torch"]


def test_a_late_run_is_filled_at_the_next_try(
    served: tuple[Late, str], make_record: MakeRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    server, address = served
    store = open_store(address)
    store.check("next")
    server.slow, server.wait_s, server.late_s, server.status = "runs/create", 4.0, 0.0, 0
    record, began = make_record(experiment="next"), time.monotonic()
    with pytest.raises(TrackError, match="nothing is lost"), waiting_at_most(2):
        store.file_run(record)
    assert time.monotonic() - began < 3.5
    server.slow = "/nothing"
    time.sleep(3)
    store.file_run(record)
    assert len(store.client.search_runs([store.experiment_id("next")])) == 1
    assert len(store.records("next")) == 1


def copies(store: Store, record: RunRecord, count: int) -> list[str]:
    """The run filed so often, as servers and versions of before left it."""
    ids = []
    for _ in range(count):
        run_id = store._begin(record, None)
        ids.append(store._fill(run_id, record))
    return ids


def test_of_several_copies_the_most_complete_counts_and_the_others_are_told(
    store: Store, make_record: MakeRecord, tmp_path: Path
) -> None:
    copies(store, make_record("s/1", metrics={"energy_j": 1.0}), 2)
    copies(store, make_record("s/1", metrics={}, status="failed", tags={"status": "failed"}), 1)
    store.file_run(make_record("s/2", start_ms=2_000_000))
    runs = store.records("study")
    assert [(run.uid, run.metrics["energy_j"]) for run in runs] == [("s/1", 1.0), ("s/2", 412.5)]
    assert store.repeated == {"s/1": 2}
    assert store.left_out.endswith("more than once and count once; 2 copies were left out: s/1")


def test_what_came_late_beside_a_finished_run_is_taken_away_when_the_sweep_is_closed(
    store: Store, store_uri: str, make_record: MakeRecord, tmp_path: Path
) -> None:
    record = make_record()
    record.write()
    parent = store.start_sweep("study", "s", {}, {})
    store.file_run(record, parent)
    store._begin(record, parent)
    assert main([str(tmp_path / "runs"), "--store", store_uri]) == 0
    assert len(store.client.search_runs([store.experiment_id("study")], "tags.kind = 'run'")) == 1


RACE = """
import sys, time
from src.track import open_store
time.sleep(max(0, float(sys.argv[2]) - time.time()))
store = open_store(sys.argv[1])
store.check("new")
print(store.experiment_id("new"))
"""


def test_two_first_sweeps_of_a_new_experiment_at_once(store: Store, store_uri: str) -> None:
    command = [sys.executable, "-c", RACE, store_uri, str(time.time() + 6)]
    both = [subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(2)]
    (first, errors), (second, others) = (process.communicate() for process in both)
    assert (errors, others) == (b"", b"")
    assert first == second


def test_an_experiment_that_another_made_meanwhile_is_taken(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    number = store.client.create_experiment("study")
    found, seen = MlflowClient.get_experiment_by_name, []

    def too_early(client: MlflowClient, name: str) -> object:
        seen.append(name)
        return None if len(seen) == 1 else found(client, name)

    monkeypatch.setattr(MlflowClient, "get_experiment_by_name", too_early)
    assert store.experiment_id("study") == number


def test_whatever_is_set_nobody_lets_mlflow_repeat_a_request() -> None:
    code = "import os; os.environ['MLFLOW_HTTP_REQUEST_MAX_RETRIES'] = '5'; import src.track; " \
        "print(os.environ['MLFLOW_HTTP_REQUEST_MAX_RETRIES'])"  # fmt: skip
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "0\n"
