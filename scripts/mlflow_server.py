"""A real MLflow server on loopback, for pictures of its pages and for tests in which it goes away."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from src.errors import SetupError

START_TIMEOUT_S = 90


@contextmanager
def serving(store_uri: str, port: int, folder: Path | None = None) -> Iterator[str]:
    """The address of a server over a store, killed at the end of the block, with all its processes.

    It runs in `folder` and keeps there what is filed through it; without, where this process runs. Raises SetupError
    where it does not answer.
    """
    options = ["--backend-store-uri", store_uri, "--port", str(port), "--workers", "1"]
    if folder is not None:
        options += ["--artifacts-destination", str(folder / "served")]
    server = subprocess.Popen(
        [sys.executable, "-m", "mlflow", "server", *options],
        cwd=folder,
        env={**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    address = f"http://127.0.0.1:{port}"
    try:
        _wait_for(address, server)
        yield address
    finally:
        os.killpg(server.pid, signal.SIGKILL)
        server.wait()


def free_port() -> int:
    """A port of loopback that nothing listens at."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_for(address: str, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while server.poll() is None and time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(f"{address}/health", timeout=2):
                return
        except OSError:
            time.sleep(0.1)
    raise SetupError(f"MLflow's server does not answer at {address}; start `mlflow ui` by hand to see why")
