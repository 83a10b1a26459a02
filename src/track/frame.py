"""All runs of an experiment as one table.

A database is read with four plain queries, because MLflow's own search takes half a minute for 10 000 runs;
a server is asked page by page. Both give the same table.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import pandas as pd
from mlflow.entities import Run
from mlflow.store.tracking.dbmodels.models import SqlLatestMetric, SqlParam, SqlRun, SqlTag
from mlflow.tracking import MlflowClient
from sqlalchemy import Connection, and_, case, create_engine, select

TAG_COLUMNS = {
    "treatment": "str",
    "framework": "str",
    "sweep": "str",
    "iteration": "Int64",
    "position": "Int64",
    "sequence": "Int64",
    "status": "str",
    "meter": "str",
    "energy_kind": "str",
    "run_uid": "str",
}
"""Tags that become columns of their own, and their types; `Int64` and `str` know missing values."""

TRACES = ("metrics.power_trace_w",)
"""Series whose last value means nothing."""

PAGE = 1000
HIDDEN_TAGS = ("tags.mlflow.", "tags.kind")
RUN_COLUMNS = ["run_id", "run_name", "started_s", "artifact_uri"]


def runs_frame(client: MlflowClient, experiment_id: str) -> pd.DataFrame:
    """Every finished or failed measured run, one a row, in the order they began; parent runs are left out.

    Columns: run_id, run_name, started_s (epoch seconds), artifact_uri; treatment, framework, sweep,
    iteration, position, sequence, status, meter, energy_kind, run_uid; each metric under its own name (the
    last value of a series); `params.NAME` and, for further tags, `tags.NAME`, both as text.
    """
    is_server = client.tracking_uri.startswith(("http:", "https:", "databricks"))
    table = _asked(client, experiment_id) if is_server else _queried(client.tracking_uri, experiment_id)
    if "tags.kind" in table:
        table = table[(table["tags.kind"] == "run") & (table["mlflow_status"] != "RUNNING")]
        if not table.empty:
            return _typed(table)
    return pd.DataFrame(columns=[*RUN_COLUMNS, *TAG_COLUMNS])


def _typed(table: pd.DataFrame) -> pd.DataFrame:
    """The columns in their order, under their own names and types, without those only parent runs have."""
    table = table.dropna(axis="columns", how="all")
    table = table.sort_values(["started_s", "run_id"]).reset_index(drop=True)
    columns = {name: table[name] for name in RUN_COLUMNS}
    for name, kind in TAG_COLUMNS.items():
        text = table.get(f"tags.{name}", pd.Series(pd.NA, table.index, dtype="str"))
        columns[name] = _whole_numbers(text) if kind == "Int64" else text.astype("str")
    own = {f"tags.{name}" for name in TAG_COLUMNS}
    for name in sorted(table.columns.drop([*RUN_COLUMNS, "mlflow_status", *TRACES], errors="ignore")):
        if name.startswith("metrics."):
            columns[name.removeprefix("metrics.")] = table[name].astype("float64")
        elif name not in own and not name.startswith(HIDDEN_TAGS):
            columns[name] = table[name].astype("str")
    return pd.DataFrame(columns)


def _whole_numbers(text: pd.Series) -> pd.Series:
    """As Int64; what is no whole number of at most nine digits is missing, so that no tag makes a store unreadable."""
    return pd.to_numeric(text.where(text.str.fullmatch(r"[0-9]{1,9}", na=False))).astype("Int64")


def _asked(client: MlflowClient, experiment_id: str) -> pd.DataFrame:
    return pd.DataFrame([_row(run) for run in _pages(client, experiment_id)])


def _pages(client: MlflowClient, experiment_id: str) -> Iterator[Run]:
    token = None
    while True:
        page = client.search_runs([experiment_id], max_results=PAGE, page_token=token)
        yield from page
        token = page.token
        if not token:
            return


def _row(run: Run) -> dict[str, Any]:
    row = {
        "run_id": run.info.run_id,
        "run_name": run.info.run_name,
        "started_s": run.info.start_time / 1000,
        "artifact_uri": run.info.artifact_uri,
        "mlflow_status": run.info.status,
    }
    row |= {f"metrics.{key}": value for key, value in run.data.metrics.items()}
    row |= {f"params.{key}": value for key, value in run.data.params.items()}
    return row | {f"tags.{key}": value for key, value in run.data.tags.items()}


def _queried(uri: str, experiment_id: str) -> pd.DataFrame:
    engine = create_engine(uri)
    try:
        with engine.connect() as connection:
            return _read_tables(connection, int(experiment_id))
    finally:
        engine.dispose()


def _read_tables(connection: Connection, experiment_id: int) -> pd.DataFrame:
    wanted = and_(SqlRun.experiment_id == experiment_id, SqlRun.lifecycle_stage == "active")
    runs: Any = select(SqlRun.run_uuid, SqlRun.name, SqlRun.start_time, SqlRun.artifact_uri, SqlRun.status)
    table = pd.DataFrame(connection.execute(runs.where(wanted)).all(), columns=[*RUN_COLUMNS, "mlflow_status"])
    table = table.assign(started_s=table["started_s"].astype("float64") / 1000)
    # MLflow keeps a NaN as a 0 with a mark.
    metric = case((SqlLatestMetric.is_nan, None), else_=SqlLatestMetric.value)
    values = {
        "metrics": select(SqlLatestMetric.run_uuid, SqlLatestMetric.key, metric),
        "params": select(SqlParam.run_uuid, SqlParam.key, SqlParam.value),
        "tags": select(SqlTag.run_uuid, SqlTag.key, SqlTag.value),
    }
    places = {run_id: place for place, run_id in enumerate(table["run_id"])}
    for prefix, query in values.items():
        rows = connection.execute(query.join(SqlRun).where(wanted))
        table = table.join(pd.DataFrame(_columns(rows, prefix, places), index=table.index))
    return table


def _columns(rows: Iterable[Any], prefix: str, places: Mapping[str, int]) -> dict[str, list[Any]]:
    """One column a key, one value a run, from rows of run, key, value."""
    columns: defaultdict[str, list[Any]] = defaultdict(lambda: [None] * len(places))
    for run_id, key, value in rows:
        columns[f"{prefix}.{key}"][places[run_id]] = value
    return columns
