"""A real MLflow server on loopback that goes away in the middle; it tells the same runs as its database."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from scripts.mlflow_server import free_port, serving
from src.contract.flags import Flag
from src.contract.record import RunRecord
from src.errors import TrackError
from src.track import open_store
from src.track.__main__ import main

MakeRecord = Callable[..., RunRecord]


def test_a_server_that_dies_loses_nothing(
    store_uri: str, tmp_path: Path, make_record: MakeRecord, capsys: pytest.CaptureFixture[str]
) -> None:
    port = free_port()
    first = make_record("s/1", flags=(Flag("gap", "3 gaps"),), windows={"train": (0.5, 1.5)})
    second = make_record("s/2", start_ms=2_000_000, metrics={"energy_j": float("nan"), "loss": 1.0})
    for record in (first, second):
        record.write()
    with serving(store_uri, port, tmp_path) as address:
        store = open_store(address)
        parent = store.start_sweep("study", "s", {}, {})
        run_id = store.file_run(first, parent)
        assert store.artifact(run_id, "energy.csv").read_text() == "Time,PACKAGE_ENERGY (J)\n1,2\n"
        copies = store.artifact(run_id, "energy.csv").parent.parent
        assert copies.name.startswith("joulebench-")
        del store
        gc.collect()
        assert not copies.exists()
        store = open_store(address)
    began = time.monotonic()
    with pytest.raises(TrackError, match="nothing is lost") as caught:
        store.file_run(second, parent)
    assert str(second.folder) in str(caught.value)
    assert time.monotonic() - began < 30
    assert main([str(tmp_path / "runs"), "--store", address]) == 1
    with serving(store_uri, port, tmp_path) as address:
        assert main([str(tmp_path / "runs"), "--store", address]) == 0
        assert capsys.readouterr().out == "runs filed: 1; there already: 1\n"
        asked = open_store(address).records("study")
    queried = open_store(store_uri).records("study")
    assert asked == queried
    assert [run.uid for run in queried] == ["s/1", "s/2"]
    assert [run.metrics for run in queried] == [first.metrics | {"train_loss": 0.2}, {"loss": 1.0, "train_loss": 0.2}]
    assert [run.flags for run in queried] == [first.flags, ()]
    assert open_store(store_uri).client.get_run(parent).data.metrics["median_energy_j/torch"] == 412.5
