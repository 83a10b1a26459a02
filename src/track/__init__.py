"""Filing runs in MLflow, the only place that imports it: `open_store` is where that import happens."""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from src.track.store import Store

TIMEOUT = "MLFLOW_HTTP_REQUEST_TIMEOUT"
HASTE_S = 4
MLFLOW_ENVIRONMENT = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_LOGGING_LEVEL": "ERROR",
    # A dead server must not hold a study up: MLflow's own defaults wait for many minutes.
    TIMEOUT: "10",
    # The terminal belongs to the live display.
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "GIT_PYTHON_REFRESH": "quiet",
}
"""What MLflow reads from the environment when it is imported; values that the user has set win."""

for _name, _value in MLFLOW_ENVIRONMENT.items():
    os.environ.setdefault(_name, _value)
os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"] = "0"
"""Not the user's to choose: MLflow would repeat a request to make a run that is answered late, and make two."""


@contextmanager
def in_haste() -> Iterator[None]:
    """During the body, a server has HASTE_S for an answer: between runs, nobody waits for it."""
    patient = os.environ[TIMEOUT]
    os.environ[TIMEOUT] = str(min(HASTE_S, int(patient)))
    try:
        yield
    finally:
        os.environ[TIMEOUT] = patient


def open_store(uri: str | None = None) -> Store:
    """Connect to an MLflow store: `uri`, else MLFLOW_TRACKING_URI, else MLflow's default `./mlflow.db`.

    The first call imports MLflow (seconds). Raises TrackError where the store cannot be used.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from src.track.store import connect

        logging.getLogger("alembic").setLevel(logging.WARNING)
        logging.getLogger("urllib3").setLevel(logging.ERROR)  # what a silent server means is told by the TrackError
        return connect(uri)
