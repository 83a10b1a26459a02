"""A real MLflow server on a real PostgreSQL, behind passwords: four file at once while either is restarted."""

from __future__ import annotations

import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path

import psutil
import pytest

from scripts.mlflow_server import free_port
from scripts.shared_store import NEEDED, PASSWORDS, SharedStore, main, programs
from src.contract.record import RunRecord
from src.errors import SetupError, TrackError
from src.paths import ROOT
from src.track import open_store

LACKING = [package for module, package in NEEDED.items() if find_spec(module) is None]
pytestmark = pytest.mark.skipif(
    os.name != "posix" or programs() is None or bool(LACKING),
    reason=f"needs PostgreSQL's server (initdb){''.join(f' and {package}' for package in LACKING)}",
)

MakeRecord = Callable[..., RunRecord]
SHARES, RUNS = 4, 10
USERS = {"ann": "hush-first-password", "bob": "hush-second-password"}
FILES = {"energy.csv": 3_000, "outcome.json": 200, "events.jsonl": 500, "power.png": 20_000}


@pytest.fixture(scope="module")
def shared() -> Iterator[SharedStore]:
    """A store that runs; its folder is none of pytest's, which PostgreSQL's account could not enter."""
    folder = Path(tempfile.mkdtemp(prefix="joulebench-shared-"))
    store = SharedStore(folder)
    try:
        assert main(["start", str(folder), "--port", str(free_port()), "--workers", "2"]) == 0
        for name, password in USERS.items():
            store.add_user(name, password)
        yield store
    finally:
        store.stop()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def as_ann(monkeypatch: pytest.MonkeyPatch) -> None:
    log_in(monkeypatch, "ann", USERS["ann"])


def log_in(monkeypatch: pytest.MonkeyPatch, name: str, password: str) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_TOKEN", raising=False)
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", name)
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", password)


def filed(shared: SharedStore) -> int:
    """How many runs the database holds as a whole."""
    query = "select count(*) from runs join tags using (run_uuid) where key = 'run_uid' and status = 'FINISHED'"
    return int(shared._postgres("psql", "-Atc", query, "mlflow"))


def until(shared: SharedStore, runs: int) -> None:
    deadline = time.monotonic() + 60
    while filed(shared) < runs:
        assert time.monotonic() < deadline, "nothing is filed"


def record_of(make_record: MakeRecord, share: int, number: int) -> RunRecord:
    uid = f"share{share}/{number:04}-torch"
    metrics = {"energy_j": 100.0 * share + number}
    record = make_record(uid, start_ms=1_000 * number, metrics=metrics, tags={"sweep": f"share{share}"})
    for name, size in FILES.items():
        (record.folder / name).write_bytes(f"{uid} {name} ".encode() * (size // 20))
    record.write()
    return record


AGAIN = """
import sys, time
from src.track.__main__ import main
for _ in range(60):
    code = main(sys.argv[1:])
    print("exit code", code, flush=True)
    if not code:
        break
    time.sleep(1)
"""
"""What a person does: the same command until it says that all is filed."""


def begin_to_file(folder: Path, address: str, user: str) -> subprocess.Popen[str]:
    environment = {**os.environ, "MLFLOW_TRACKING_USERNAME": user, "MLFLOW_TRACKING_PASSWORD": USERS[user]}
    command = [sys.executable, "-c", AGAIN, str(folder), "--store", address]
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    return subprocess.Popen(command, cwd=ROOT, env=environment, **streams)


def test_four_file_at_once_while_server_and_database_are_restarted(
    shared: SharedStore, make_record: MakeRecord, tmp_path: Path, as_ann: None
) -> None:
    records = [record_of(make_record, share, number) for share in range(SHARES) for number in range(RUNS)]
    shares = [
        begin_to_file(tmp_path / "runs" / f"share{share}", shared.address, list(USERS)[share % 2])
        for share in range(SHARES)
    ]
    port = int(shared.address.rpartition(":")[2])
    until(shared, 6)
    os.killpg(shared._server().pid, signal.SIGKILL)
    before_server = filed(shared)
    shared.start("127.0.0.1", port, 2)
    until(shared, before_server + 4)
    shared.stop_database()
    shared.start_database()
    before_database = filed(shared)
    told = [share.communicate()[0] for share in shares]
    assert before_server < before_database < SHARES * RUNS, "both have to be restarted in the middle"
    assert ["exit code 0" in each for each in told] == [True] * SHARES, told
    assert any("exit code 1" in each for each in told), "nobody felt a restart"

    store = open_store(shared.address)
    runs = store.records("study")
    assert sorted(run.uid for run in runs) == sorted(record.uid for record in records)
    assert store.repeated == {}
    number = store.experiment_id("study")
    all_runs = store.client.search_runs([number], "tags.kind = 'run'", max_results=1000)
    assert sorted(run.data.tags["run_uid"] for run in all_runs) == sorted(record.uid for record in records)
    assert {run.info.status for run in all_runs} == {"FINISHED"}
    sweeps = store.client.search_runs([number], "tags.kind = 'sweep'")
    assert sorted(run.data.tags["sweep"] for run in sweeps) == [f"share{share}" for share in range(SHARES)]
    assert {(run.info.status, run.data.metrics["runs_finished"]) for run in sweeps} == {("FINISHED", RUNS)}
    of_uid = {record.uid: record for record in records}
    for run in runs:
        record = of_uid[run.uid]
        assert run.metrics == {**record.metrics, "train_loss": 0.2}
        kept = shared.folder / "artifacts" / number / run.run_id / "artifacts"
        assert {path.name: path.read_bytes() for path in kept.iterdir()} == {
            path.name: path.read_bytes() for path in record.artifacts()
        }


def test_who_may_not_delete_still_closes_a_sweep(
    shared: SharedStore, make_record: MakeRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    log_in(monkeypatch, "ann", USERS["ann"])
    open_store(shared.address).check("of ann")
    log_in(monkeypatch, "bob", USERS["bob"])
    store, record = open_store(shared.address), make_record(experiment="of ann")
    parent = store.start_sweep("of ann", "s", {}, {})
    store.file_run(record, parent)
    store._begin(record, parent)
    store.drop_halves("of ann", "s", parent)
    store.finish_sweep(parent, {})
    assert [run.uid for run in store.records("of ann")] == ["s/0001-torch"]
    assert store.repeated == {}


@pytest.mark.parametrize(
    ("name", "password"),
    [("", ""), ("ann", "a-wrong-password"), ("nobody", USERS["ann"])],
    ids=["none", "wrong", "unknown"],
)
def test_nobody_gets_in_without_a_password(shared, monkeypatch, name, password) -> None:
    log_in(monkeypatch, name, password)
    with pytest.raises(TrackError, match="401"):
        open_store(shared.address)


def test_nobody_lets_others_in_but_the_admin(shared: SharedStore) -> None:
    other = SharedStore(shared.folder)
    object.__setattr__(other, "__class__", type("Other", (SharedStore,), {"secrets": {"admin": "a-wrong-password"}}))
    with pytest.raises(SetupError, match="does not add eve"):
        other.add_user("eve", "hush-third-password")
    with pytest.raises(SetupError, match=r"ann.*already exists") as refused:
        shared.add_user("ann", "hush-third-password")
    assert "scrypt" not in str(refused.value)


def test_only_its_owner_reads_the_passwords(shared: SharedStore, capsys: pytest.CaptureFixture[str]) -> None:
    assert stat.S_IMODE(shared.folder.stat().st_mode) == 0o700
    assert stat.S_IMODE(shared.secrets_file.stat().st_mode) == 0o600
    assert sorted(shared.secrets) == sorted(PASSWORDS)
    assert main(["user", str(shared.folder), "carl"]) == 0
    path = shared.folder / "users" / "carl"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    secrets = [*shared.secrets.values(), path.read_text()]
    told = "".join(capsys.readouterr())
    words = [word for process in psutil.process_iter(["cmdline"]) for word in process.info["cmdline"] or []]
    logs = [path.read_text() for path in shared.folder.glob("*.*") if path != shared.secrets_file and path.is_file()]
    assert not [secret for secret in secrets for text in (told, *words, *logs) if secret in text]


def test_the_database_is_no_port(shared: SharedStore) -> None:
    pid = int((shared.folder / "database" / "postmaster.pid").read_text().split()[0])
    assert [each for each in psutil.Process(pid).net_connections("inet") if each.status == "LISTEN"] == []


def test_what_runs_is_told(shared: SharedStore, capsys: pytest.CaptureFixture[str]) -> None:
    folder, port = str(shared.folder), shared.address.rpartition(":")[2]
    assert main(["status", folder]) == 0
    assert main(["start", folder, "--port", port]) == 0  # again, which changes nothing
    assert main(["stop", folder]) == 0
    assert main(["stop", folder]) == 0
    assert main(["status", folder]) == 3
    assert main(["user", folder, "dora"]) == 2
    out, errors = capsys.readouterr()
    assert "PostgreSQL: does not run\nMLflow: does not answer\n" in out
    assert "start it first" in errors
    assert not [p for p in psutil.process_iter(["cmdline"]) if folder in " ".join(p.info["cmdline"] or [])]
    assert main(["start", folder, "--port", port, "--workers", "2"]) == 0
    assert f"MLflow answers at {shared.address}" in capsys.readouterr().out


def test_a_folder_that_no_socket_can_be_named_in_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / ("long" * 30)
    assert main(["start", str(folder)]) == 2
    assert "choose a shorter one" in capsys.readouterr().err
    assert not folder.exists()
