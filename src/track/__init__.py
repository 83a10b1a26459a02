"""Filing runs in MLflow, the only place that imports it: `open_store` is where that import happens."""

from __future__ import annotations

import logging
import os
import warnings
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from src.track.store import Store

MLFLOW_ENVIRONMENT = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    # What goes wrong is told by the TrackError; MLflow would print whole tracebacks beside it.
    "MLFLOW_LOGGING_LEVEL": "CRITICAL",
    # A dead server must not hold a study up: MLflow's own defaults wait for many minutes.
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
    # The terminal belongs to the live display.
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "GIT_PYTHON_REFRESH": "quiet",
}
"""What MLflow reads from the environment when it is imported; values that the user has set win."""

for _name, _value in MLFLOW_ENVIRONMENT.items():
    os.environ.setdefault(_name, _value)

# MLflow's client would repeat a creation that is answered late, and both would come to be. Nobody may set this.
os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"] = "0"


def open_store(uri: str | None = None) -> Store:
    """Connect to an MLflow store: `uri`, else MLFLOW_TRACKING_URI, else MLflow's default `./mlflow.db`.

    The first call imports MLflow (seconds). Raises TrackError where the store cannot be used.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from src.track.store import connect

        logging.getLogger("alembic").setLevel(logging.CRITICAL)
        logging.getLogger("urllib3").setLevel(logging.ERROR)
        return connect(uri)
