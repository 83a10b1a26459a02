"""A real SQLite store for each test, copied from one that is made once, and records to file in it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from src.track.record import Point, RunRecord

MakeRecord = Callable[..., RunRecord]


@pytest.fixture
def make_record(tmp_path: Path) -> MakeRecord:
    def make(uid: str = "s/0001-torch", **changes: Any) -> RunRecord:
        folder = tmp_path / "runs" / uid
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "energy.csv").write_text("Time,PACKAGE_ENERGY (J)\n1,2\n")
        (folder / "result.json").write_text("{}")
        (folder / ".hidden").write_text("no artifact")
        tags = {
            "framework": "torch",
            "treatment": "torch",
            "iteration": "3",
            "position": "1",
            "sequence": "7",
            "sweep": "s",
            "meter": "native",
            "energy_kind": "estimated",
            "status": "finished",
            "run_uid": uid,
        }
        values: dict[str, Any] = {
            "name": "torch #03",
            "experiment": "study",
            "start_ms": 1_000_000,
            "end_ms": 1_010_000,
            "status": "finished",
            "folder": folder,
            "tags": tags | changes.pop("tags", {}),
            "metrics": {"energy_j": 412.5, "accuracy": 0.981},
            "series": {"train_loss": [Point(1, 1_004_000, 0.4), Point(2, 1_008_000, 0.2)]},
            "params": {"training.epochs": "2", "model.name": "cnn"},
        }
        return RunRecord(**(values | changes))

    return make
