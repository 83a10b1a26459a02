from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from src.contract.plan_file import PLAN_FILE, PlanFile, Slot, Treatment
from src.contract.record import RECORD_FILE, SINGLE, RunRecord
from src.track import open_store
from src.track.__main__ import main
from src.track.store import Store

MakeRecord = Callable[..., RunRecord]


def test_everything_below_a_folder_is_filed_once(
    store_uri: str, tmp_path: Path, make_record: MakeRecord, capsys: pytest.CaptureFixture[str]
) -> None:
    for uid in ("s/1", "s/2"):
        make_record(uid).write()
    assert main([str(tmp_path / "runs"), str(tmp_path / "runs" / "s"), "--store", store_uri]) == 0
    assert main([str(tmp_path / "runs"), "--store", store_uri]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "runs filed: 2; there already: 0",
        "runs filed: 0; there already: 2",
    ]
    store = open_store(store_uri)
    parent = store.client.get_parent_run(store.records("study")[0].run_id)
    assert parent is not None
    assert (parent.info.run_name, parent.info.status) == ("s", "FINISHED")
    assert parent.data.metrics == {
        "median_energy_j/torch": 412.5,
        "median_accuracy/torch": 0.981,
        "runs_finished": 2.0,
        "runs_failed": 0.0,
    }


PLANS = {
    "whole": (2, "FINISHED"),
    "cut short": (3, "FAILED"),
    "of a damaged plan": (None, "FINISHED"),
}


@pytest.mark.parametrize(("plan", "status"), PLANS.values(), ids=PLANS)
def test_a_sweep_that_was_killed_is_closed(
    store: Store, store_uri: str, tmp_path: Path, make_record: MakeRecord, plan: int | None, status: str
) -> None:
    parent = store.start_sweep("study", "s", {}, {})
    for uid in ("s/1", "s/2"):
        record = make_record(uid)
        record.write()
        store.file_run(record, parent)
    folder = tmp_path / "runs" / "s"
    PlanFile("s", (Treatment("torch"),), tuple(Slot(n, n, 1, 0) for n in range(1, (plan or 0) + 1))).write(folder)
    if plan is None:
        (folder / PLAN_FILE).write_text('{"slots": [')
    assert main([str(tmp_path / "runs"), "--store", store_uri]) == 0
    run = store.client.get_run(parent)
    assert run.info.status == status
    assert run.data.metrics["runs_finished"] == 2


def test_a_run_alone_gets_no_sweep(store: Store, store_uri: str, tmp_path: Path, make_record: MakeRecord) -> None:
    make_record("one", tags={"sweep": f"{SINGLE}day_time"}).write()
    assert main([str(tmp_path / "runs"), "--store", store_uri]) == 0
    assert store.client.get_parent_run(store.records("study")[0].run_id) is None


def test_a_damaged_record_does_not_hold_up_the_others(
    store_uri: str, tmp_path: Path, make_record: MakeRecord, capsys: pytest.CaptureFixture[str]
) -> None:
    make_record("s/1").write()
    (make_record("s/2").folder / RECORD_FILE).write_text("{")
    assert main([str(tmp_path / "runs"), "--store", store_uri]) == 1
    shown = capsys.readouterr()
    assert shown.out == "runs filed: 1; there already: 0; unreadable: 1\n"
    assert "s/2/record.json is no complete record" in shown.err


def test_a_folder_without_runs_is_a_usage_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path)]) == 2
    assert str(tmp_path) in capsys.readouterr().err
