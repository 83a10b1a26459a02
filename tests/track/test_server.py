"""A real MLflow server on loopback that goes away in the middle; it tells the same table as its database."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from scripts.mlflow_server import free_port, serving
from src.contract.record import RunRecord
from src.errors import TrackError
from src.track import open_store
from src.track.__main__ import main

MakeRecord = Callable[..., RunRecord]


def test_a_server_that_dies_loses_nothing(
    store_uri: str, tmp_path: Path, make_record: MakeRecord, capsys: pytest.CaptureFixture[str]
) -> None:
    port = free_port()
    first, second = make_record("s/1"), make_record("s/2", start_ms=2_000_000)
    for record in (first, second):
        record.write()
    with serving(store_uri, port, tmp_path) as address:
        store = open_store(address)
        parent = store.start_sweep("study", "s", {}, {})
        run_id = store.file_run(first, parent)
        assert store.artifact(run_id, "energy.csv").read_text() == "Time,PACKAGE_ENERGY (J)\n1,2\n"
    began = time.monotonic()
    with pytest.raises(TrackError, match="nothing is lost") as caught:
        store.file_run(second, parent)
    assert str(second.folder) in str(caught.value)
    assert time.monotonic() - began < 30
    assert main([str(tmp_path / "runs"), "--store", address]) == 1
    with serving(store_uri, port, tmp_path) as address:
        assert main([str(tmp_path / "runs"), "--store", address]) == 0
        assert capsys.readouterr().out == "runs filed: 1; there already: 1\n"
        asked = open_store(address).runs("study")
    queried = open_store(store_uri).runs("study")
    pd.testing.assert_frame_equal(asked, queried)
    assert queried["run_uid"].tolist() == ["s/1", "s/2"]
    assert open_store(store_uri).client.get_run(parent).data.metrics["median_energy_j/torch"] == 412.5
