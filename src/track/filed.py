"""All runs of an experiment as they were filed, and series of one.

A database is read with four plain queries, because MLflow's own search takes half a minute for 10 000 runs;
a server is asked page by page. Both give the same runs.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, get_args

from mlflow.entities import Run as MlflowRun
from mlflow.store.tracking.dbmodels.models import SqlLatestMetric, SqlMetric, SqlParam, SqlRun, SqlTag
from mlflow.tracking import MlflowClient
from sqlalchemy import Connection, and_, create_engine, select

from src.contract.record import OLD_POWER_SERIES, SYSTEM, FiledRun, Point, Status
from src.track.pages import split_params
from src.track.typed_tags import read_typed

PAGE = 1000
STATUS: dict[str, Status] = {"FINISHED": "finished"}


@dataclass
class _Stored:
    """One run of any kind as MLflow has it."""

    run_id: str
    name: str
    start_ms: int
    end_ms: int
    artifact_uri: str
    status: str
    metrics: dict[str, float] = field(default_factory=dict)
    params: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)


def filed_series(client: MlflowClient, run_id: str, key: str) -> list[Point]:
    """A series of a run, in order of its steps.

    A database is asked for all that the run has: for a run and a key, SQLite looks through all runs' values of the key.
    """
    if _is_server(client):
        points = [Point(each.step, each.timestamp, each.value) for each in client.get_metric_history(run_id, key)]
        return sorted(points)
    columns: Any = (SqlMetric.key, SqlMetric.step, SqlMetric.timestamp, SqlMetric.value)
    engine = create_engine(client.tracking_uri)
    try:
        with engine.connect() as connection:
            rows = connection.execute(select(*columns).where(SqlMetric.run_uuid == run_id)).all()
    finally:
        engine.dispose()
    return sorted(Point(step, time_ms, value) for name, step, time_ms, value in rows if name == key)


def filed_runs(client: MlflowClient, experiment_id: str) -> list[tuple[FiledRun, str]]:
    """Every finished or failed measured run in the order they began, parents left out, and its artifacts' address."""
    stored = _asked(client, experiment_id) if _is_server(client) else _queried(client.tracking_uri, experiment_id)
    measured = [run for run in stored if run.tags.get("kind") == "run" and run.status != "RUNNING"]
    measured.sort(key=lambda run: (run.start_ms, run.run_id))
    return [(_filed(run), run.artifact_uri) for run in measured]


def _is_server(client: MlflowClient) -> bool:
    return bool(client.tracking_uri.startswith(("http:", "https:", "databricks")))


def _filed(run: _Stored) -> FiledRun:
    tags = {key: value for key, value in run.tags.items() if not key.startswith("mlflow.") and key != "kind"}
    params = {key: tags.pop(key) for key in split_params(tags)[1]}
    own = {key: value for key, value in tags.items() if not key.startswith("joulebench.")}
    said = own.get("status")
    return FiledRun(
        run_id=run.run_id,
        name=run.name,
        start_ms=run.start_ms,
        end_ms=run.end_ms,
        status=said if said in get_args(Status) else STATUS.get(run.status, "failed"),  # type: ignore[arg-type]
        tags=own,
        metrics={key: value for key, value in run.metrics.items() if not _is_trace(key)},
        params=run.params | params,
        **read_typed(tags),
    )


def _is_trace(name: str) -> bool:
    """Whether it is a series whose last value means nothing."""
    return name == OLD_POWER_SERIES or name.startswith(SYSTEM)


def _asked(client: MlflowClient, experiment_id: str) -> list[_Stored]:
    return [_of_mlflow(run) for run in _pages(client, experiment_id)]


def _pages(client: MlflowClient, experiment_id: str) -> Iterator[MlflowRun]:
    token = None
    while True:
        page = client.search_runs([experiment_id], max_results=PAGE, page_token=token)
        yield from page
        token = page.token
        if not token:
            return


def _of_mlflow(run: MlflowRun) -> _Stored:
    info, data = run.info, run.data
    end_ms = info.end_time or info.start_time
    stored = _Stored(info.run_id, info.run_name, info.start_time, end_ms, info.artifact_uri, info.status)
    stored.metrics = {key: value for key, value in data.metrics.items() if not math.isnan(value)}
    stored.params, stored.tags = dict(data.params), dict(data.tags)
    return stored


def _queried(uri: str, experiment_id: str) -> list[_Stored]:
    engine = create_engine(uri)
    try:
        with engine.connect() as connection:
            return _read_tables(connection, int(experiment_id))
    finally:
        engine.dispose()


def _read_tables(connection: Connection, experiment_id: int) -> list[_Stored]:
    wanted = and_(SqlRun.experiment_id == experiment_id, SqlRun.lifecycle_stage == "active")
    columns: Any = (
        SqlRun.run_uuid,
        SqlRun.name,
        SqlRun.start_time,
        SqlRun.end_time,
        SqlRun.artifact_uri,
        SqlRun.status,
    )
    runs: dict[str, _Stored] = {}
    for run_id, name, start_ms, end_ms, artifact_uri, status in connection.execute(select(*columns).where(wanted)):
        runs[run_id] = _Stored(run_id, name or "", start_ms, end_ms or start_ms, artifact_uri, status)
    values: Any = {
        # MLflow keeps a NaN as a 0 with a mark.
        "metrics": select(SqlLatestMetric.run_uuid, SqlLatestMetric.key, SqlLatestMetric.value).where(
            SqlLatestMetric.is_nan.is_(False)
        ),
        "params": select(SqlParam.run_uuid, SqlParam.key, SqlParam.value),
        "tags": select(SqlTag.run_uuid, SqlTag.key, SqlTag.value),
    }
    for kind, query in values.items():
        found: defaultdict[str, dict[str, Any]] = defaultdict(dict)
        for run_id, key, value in connection.execute(query.join(SqlRun).where(wanted)):
            found[run_id][key] = value
        for run_id, run in runs.items():
            setattr(run, kind, found[run_id])
    return list(runs.values())
