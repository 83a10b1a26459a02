"""Stores that are locked, corrupt, deleted, of an older schema, hang or answer 500: told soon, and nothing is lost."""

from __future__ import annotations

import os
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from src.contract.record import RunRecord
from src.errors import TrackError
from src.paths import ROOT
from src.track import open_store
from src.track.patience import hurry, no_waiting, waiting_at_most
from src.track.store import Store

MakeRecord = Callable[..., RunRecord]


def database(store: Store) -> Path:
    return Path(store.uri.removeprefix("sqlite:///"))


def lock(path: Path) -> Callable[[], None]:
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    connection.execute("BEGIN EXCLUSIVE")
    return connection.close


def spoil(path: Path) -> Callable[[], None]:
    whole = path.read_bytes()
    path.write_bytes(whole[:100] + b"\xff" * (len(whole) - 100))
    return lambda: path.write_bytes(whole) and None


def delete(path: Path) -> Callable[[], None]:
    path.rename(path.with_suffix(".away"))
    return lambda: path.with_suffix(".away").rename(path) and None


FAULTS = {
    "locked": (lock, "database is locked"),
    "corrupt": (spoil, "malformed|not a database|disk image"),
    "deleted": (delete, "mlflow.db was deleted"),
}


@pytest.mark.parametrize(("fault", "message"), FAULTS.values(), ids=FAULTS)
def test_a_database_that_fails_is_told_soon_and_gets_the_run_later(
    store: Store, make_record: MakeRecord, capfd: pytest.CaptureFixture[str], fault, message
) -> None:
    store.file_run(make_record("s/1"))
    capfd.readouterr()
    repair, began = fault(database(store)), time.monotonic()
    with pytest.raises(TrackError, match=rf"(?s)({message}).*nothing is lost"), waiting_at_most(2):
        store.file_run(make_record("s/2"))
    assert time.monotonic() - began < 4
    repair()
    assert capfd.readouterr() == ("", "")
    make_record("s/2").write()
    command = [sys.executable, "-m", "src.track", str(make_record("s/2").folder), "--store", store.uri]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "runs filed: 1; there already: 0\n", "")
    assert sorted(run.uid for run in open_store(store.uri).records("study")) == ["s/1", "s/2"]


def test_an_older_schema_is_told_with_the_whole_command(store: Store, store_uri: str) -> None:
    with sqlite3.connect(database(store)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = 'cfd24bdc0731'")
    connection.close()
    code = "import sys; from src.track import open_store; from src.errors import TrackError\n" \
        "try: open_store(sys.argv[1])\nexcept TrackError as error: print(error)"  # fmt: skip
    done = subprocess.run([sys.executable, "-c", code, store_uri], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    assert done.stdout == (
        f"The MLflow store {store_uri} cannot be opened: an earlier version of MLflow made it; copy the database, "
        f"then `mlflow db upgrade {store_uri}` brings it up to date\n"
    )


class Broken(BaseHTTPRequestHandler):
    """Answers everything with 500."""

    def answer(self) -> None:
        self.send_response(500)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    do_GET = do_POST = answer  # noqa: N815

    def log_message(self, *_: object) -> None:
        """Silence."""


@pytest.fixture
def broken() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Broken) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


@pytest.fixture
def deaf() -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


@pytest.mark.parametrize("server", ["broken", "deaf"])
def test_a_server_that_fails_is_told_soon(
    request: pytest.FixtureRequest, server: str, capfd: pytest.CaptureFixture[str]
) -> None:
    address, began = request.getfixturevalue(server), time.monotonic()
    with pytest.raises(TrackError, match="cannot be opened"), waiting_at_most(2):
        open_store(address)
    assert time.monotonic() - began < 4
    assert capfd.readouterr() == ("", "")


def test_a_file_store_is_refused_before_anything_is_measured(tmp_path: Path) -> None:
    words = ["workload=command", "workload.command=sleep 0", "protocol=smoke", "protocol.warmup_s=60", "meter=estimate"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "src.main", *words, f"tracking_uri='{tmp_path}/files'", "hydra.run.dir=run"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.count("\n")) == (2, 1), done
    assert " plan: 1 treatment (sleep) " in done.stdout
    assert "choose another tracking_uri" in done.stderr
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "run").exists()


def test_a_request_for_which_no_time_is_left_is_not_made() -> None:
    with waiting_at_most(60), waiting_at_most(0.0), pytest.raises(TimeoutError):
        hurry()
    hurry()
    assert os.environ["MLFLOW_HTTP_REQUEST_TIMEOUT"] == "10"


def test_work_of_our_own_is_no_waiting() -> None:
    with waiting_at_most(0.2):
        with no_waiting():
            time.sleep(0.4)
        hurry()
        time.sleep(0.4)
        with pytest.raises(TimeoutError):
            hurry()
