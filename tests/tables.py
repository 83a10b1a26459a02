"""Filed runs as a table, for tests that look at many of them at once."""

from __future__ import annotations

import pandas as pd

from src.contract.record import FiledRun
from src.track.store import Store

TAG_COLUMNS = ("treatment", "framework", "sweep", "status", "meter", "energy_kind", "run_uid")
NUMBER_COLUMNS = ("iteration", "position", "sequence")


def table_of(store: Store, experiment: str) -> pd.DataFrame:
    """One row a run in the order they began: what names it, each metric by its name, `params.NAME` and `tags.NAME`."""
    table = pd.DataFrame([_row(run) for run in store.records(experiment)])
    return table if table.empty else table.astype(dict.fromkeys(NUMBER_COLUMNS, "Int64"))


def _row(run: FiledRun) -> dict[str, object]:
    tags = run.tags
    row: dict[str, object] = {"run_id": run.run_id, "run_name": run.name, "started_s": run.start_ms / 1000}
    row |= {name: tags.get(name) for name in TAG_COLUMNS}
    row |= {name: int(tags[name]) if name in tags else None for name in NUMBER_COLUMNS}
    row |= run.metrics
    row |= {f"params.{name}": value for name, value in run.params.items()}
    return row | {f"tags.{name}": value for name, value in tags.items() if name not in TAG_COLUMNS + NUMBER_COLUMNS}
