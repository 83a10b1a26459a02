"""A real PostgreSQL server of a test's own, which wants a password; it refuses root, so it runs as another user."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from scripts.mlflow_server import free_port

USER = "study"
OTHERS = ("postgres", "nobody")
START_TIMEOUT_S = 60


def programs() -> Path | None:
    """The folder of the server's programs, the newest version's; None where there is none."""
    folders = [path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/initdb")]
    on_path = shutil.which("initdb")
    folders += [Path(on_path).resolve().parent] if on_path else []
    return max(folders, default=None)


@contextmanager
def postgres(password: str) -> Iterator[str]:
    """The address of an empty database, with its user and password; gone at the end."""
    found = programs()
    assert found is not None
    folder, port = Path(tempfile.mkdtemp(prefix="joulebench-postgres-")), free_port()
    other = _not_root()
    try:
        (folder / "password").write_text(password)
        if other:
            os.chown(folder, *other)
            os.chown(folder / "password", *other)
        asked = {"user": other[0], "group": other[1], "extra_groups": []} if other else {}
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


def _not_root() -> tuple[int, int] | None:
    if os.geteuid() != 0:
        return None
    for name in OTHERS:
        try:
            found = pwd.getpwnam(name)
        except KeyError:
            continue
        return found.pw_uid, found.pw_gid
    raise RuntimeError(f"no account of {', '.join(OTHERS)} to run PostgreSQL as")


def _wait(found: Path, port: int) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    ready = [found / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(port)]
    while subprocess.run(ready, check=False).returncode:
        assert time.monotonic() < deadline, "PostgreSQL does not start"
        time.sleep(0.1)
