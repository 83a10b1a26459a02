"""A wall meter's recording over runs that are filed: once, told, in MLflow and in the records."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from src.analysis.agreement import agreements
from src.analysis.settings import AnalysisConfig
from src.contract.record import Point, RunRecord
from src.errors import ConfigError
from src.ingest.__main__ import main
from src.ingest.wall import WallOptions, lay_over, task_window
from src.report.load import load
from src.report.make import make_report
from src.report.walls import read_walls
from src.track.store import Store
from tests.ingest.wall_meter import FINE_S, Machine, iso, machine, samples, write

OFFSET_S = -137.4
IMPORT_S = 3.0
"""Of each run that comes before its task."""


@pytest.fixture(scope="module")
def made() -> Machine:
    return machine(blocks=2)


@pytest.fixture
def filed(made: Machine, store: Store, tmp_path: Path) -> list[RunRecord]:
    """The machine's runs, filed below their sweep, their records beside them."""
    parent = store.start_sweep("e", "s1", {}, {})
    records = []
    for n, ((name, begin_s, end_s), power) in enumerate(zip(made.runs, made.powers(), strict=True), 1):
        folder = tmp_path / "multirun" / "s1" / f"{n:04d}-{name}"
        folder.mkdir(parents=True)
        own = (made.time_s >= begin_s + IMPORT_S) & (made.time_s < end_s)
        points = [
            Point(round(1000 * (t - begin_s)), round(1000 * t), p)
            for t, p in zip(power.time_s, power.power_w, strict=True)
        ]
        record = RunRecord(
            name=f"{name} #{n}", experiment="e", start_ms=round(1000 * begin_s), end_ms=round(1000 * end_s),
            status="finished", folder=folder, series={"power_trace_w": points},
            metrics={
                "energy_j": float(made.power_w[own].sum() * FINE_S),
                "duration_s": end_s - begin_s - IMPORT_S,
                "idle_power_w": 12.0,
            },
            windows={"import": (0.0, IMPORT_S), "train": (IMPORT_S, end_s - begin_s)},
            tags={
                "treatment": name, "meter": "native", "energy_kind": "measured", "status": "finished", "sweep": "s1",
                "run_uid": f"s1/{folder.name}", "iteration": str((n + 2) // 3),
            },
        )  # fmt: skip
        record.write()
        store.file_run(record, parent)
        records.append(record)
    return records


@pytest.fixture
def options(tmp_path: Path, store_uri: str, made: Machine) -> Callable[..., WallOptions]:
    def make(last: int | None = None, offset_s: float = OFFSET_S, name: str = "wall.csv", **more) -> WallOptions:
        rows = [(iso(t), p) for t, p in samples(made, offset_s)[:last, :2]]
        path = write(tmp_path / name, "time,power (W)", rows)
        records = str(tmp_path / "multirun")
        return WallOptions(**{"experiment": "e", "path": str(path), "records": records, **more})

    return make


def test_every_run_has_the_energy_of_its_task(filed, options, store: Store, made: Machine) -> None:
    laid = lay_over(options(), store)
    assert laid.seconds == pytest.approx(OFFSET_S, abs=0.5)
    assert (len(laid.filed), laid.known, laid.outside, laid.records) == (6, (), (), 6)
    for run, (_, begin_s, end_s) in zip(store.records("e"), made.runs, strict=True):
        true_j = made.wall_j(begin_s + IMPORT_S, end_s)
        assert run.metrics["energy_wall_j"] == pytest.approx(true_j, rel=0.01)
        assert run.metrics["wall_coverage_share"] == pytest.approx(1.0)
        assert run.tags["wall_file"] == "wall.csv"
        assert float(run.tags["wall_offset_s"]) == pytest.approx(OFFSET_S, abs=0.5)
    for record in filed:
        again = RunRecord.read(record.folder)
        assert again.metrics["energy_wall_j"] > record.metrics["energy_j"]
        assert dataclasses.replace(again, metrics=record.metrics, tags=record.tags) == record


def test_the_second_time_nothing_is_added(filed, options, store: Store) -> None:
    first = lay_over(options(), store)
    before = store.records("e")
    second = lay_over(options(), store)
    assert (second.filed, len(second.known), second.records) == ((), len(first.filed), 0)
    assert store.records("e") == before
    history = store.client.get_metric_history(before[0].run_id, "energy_wall_j")
    assert len(history) == 1


def test_another_file_is_refused_unless_it_is_to_replace(filed, options, store: Store) -> None:
    lay_over(options(), store)
    before = store.records("e")
    with pytest.raises(ConfigError, match="6 runs have an energy of wall.csv already; give replace=true"):
        lay_over(options(offset_s=20.0, name="other.csv"), store)
    assert store.records("e") == before
    laid = lay_over(options(offset_s=20.0, name="other.csv", replace=True), store)
    assert len(laid.filed) == 6
    assert {run.tags["wall_file"] for run in store.records("e")} == {"other.csv"}


def test_runs_beyond_its_end_are_told(filed, options, store: Store, made: Machine) -> None:
    until = next(n for n, t in enumerate(samples(made, 0.0)[:, 0]) if t > made.runs[3][1] + 40)
    laid = lay_over(options(last=until), store)
    assert [run.name for run in laid.filed] == [record.name for record in filed[:3]]
    told = {run.name: share for run, share in laid.outside}
    assert told.keys() == {record.name for record in filed[3:]}
    assert 0.3 < told[filed[3].name] < 0.7
    assert told[filed[4].name] == 0
    assert "energy_wall_j" not in store.records("e")[3].metrics


def test_an_offset_that_is_given_is_taken(filed, options, store: Store) -> None:
    laid = lay_over(options(offset_s=5.0, replace=False), store)
    assert laid.offset is not None
    given = options(name="b.csv", replace=True)
    given.offset_s = OFFSET_S
    assert lay_over(given, store).seconds == OFFSET_S


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"sweep": "s9"}, "sweep=s9: .*its sweeps are s1"),
        ({"experiment": "f"}, "no such experiment"),
        ({"search_minutes": 0.5}, "(?s)does not clearly follow the runs|does not overlap"),
    ],
    ids=["no such sweep", "no such experiment", "a narrow search"],
)
def test_refusals(filed, options, store: Store, more, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        lay_over(options(**more), store)
    assert not any("energy_wall_j" in run.metrics for run in store.records("e"))


def test_the_command_says_what_it_found(filed, options, store_uri: str, capsys) -> None:
    asked = options()
    words = ["wall", "experiment=e", f"path={asked.path}", f"tracking_uri={store_uri}", f"records={asked.records}"]
    assert main(words) == 0
    told = capsys.readouterr().out
    assert "-137.39 s, correlation 0.98" in told
    assert "6 runs in experiment 'e' now with energy_wall_j, 0 runs had it already, 0 runs not covered" in told
    assert main([*words, "colour=red"]) == 2
    assert "colour: no such key" in capsys.readouterr().err


def test_the_task_is_the_phases_that_lasted_as_long(filed, store: Store) -> None:
    run = store.records("e")[0]
    assert task_window(run) == pytest.approx((run.start_ms / 1000 + IMPORT_S, run.end_ms / 1000), abs=0.01)
    whole = dataclasses.replace(run, windows={})
    assert task_window(whole) == (run.start_ms / 1000, run.end_ms / 1000)


def test_the_report_shows_it(filed, options, store: Store, tmp_path: Path) -> None:
    lay_over(options(), store)
    report = make_report(store, "e", AnalysisConfig(), tmp_path / "report")
    text = (report.folder / "report.md").read_text("utf-8")
    assert "## Appendix D. Meters checked against each other" in text
    assert "In 6 runs the wall meter showed" in text
    assert (report.folder / "figures" / "wall_overlay.svg").exists()
    assert (report.folder / "figures" / "bland_altman.svg").exists()
    (told,) = json.loads((report.folder / "statistics.json").read_text("utf-8"))["agreements"]
    assert (told["metric"], len(told["means_j"])) == ("energy_wall_j", 6)
    (wall,) = read_walls(store, load(store, "e"), agreements(load(store, "e").runs))
    assert [run.treatment for run in wall.runs] == [record.tags["treatment"] for record in filed]
    assert [run.end_s for run in wall.runs] == pytest.approx([record.end_ms / 1000 for record in filed], abs=0.01)
