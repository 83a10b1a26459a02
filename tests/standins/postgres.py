"""A real PostgreSQL server of a test's own, which wants a password; it refuses root, so it runs as another user."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from scripts.mlflow_server import free_port
from scripts.shared_store import hand_over, other_account, programs, write_private

USER = "study"
START_TIMEOUT_S = 60


@contextmanager
def postgres(password: str) -> Iterator[str]:
    """The address of an empty database, with its user and password; gone at the end."""
    found = programs()
    assert found is not None
    folder, port = Path(tempfile.mkdtemp(prefix="joulebench-postgres-")), free_port()
    asked = other_account()
    try:
        write_private(folder / "password", password)
        hand_over(folder)
        hand_over(folder / "password")
        words = [found / "initdb", "-D", folder / "data", "-U", USER, "--auth=scram-sha-256", "--no-sync"]
        made = [*words, f"--pwfile={folder / 'password'}"]
        subprocess.run(made, check=True, capture_output=True, cwd="/", **asked)
        serve = [found / "postgres", "-D", folder / "data", "-p", str(port), "-k", folder, "-h", "127.0.0.1", "-F"]
        with (folder / "log").open("wb") as log:
            server = subprocess.Popen(serve, stdout=log, stderr=log, cwd="/", **asked)
        try:
            _wait(found, port)
            yield f"postgresql://{USER}:{password}@127.0.0.1:{port}/postgres"
        finally:
            server.terminate()  # fast: SIGINT would do, but SIGTERM waits for the clients, which are gone
            try:
                server.wait(10)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _wait(found: Path, port: int) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    ready = [found / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(port)]
    while subprocess.run(ready, check=False).returncode:
        assert time.monotonic() < deadline, "PostgreSQL does not start"
        time.sleep(0.1)
