"""Tables of runs with given energies, and a real store with filed runs."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from src.analysis.settings import AnalysisConfig
from src.contract.record import Point, RunRecord, run_name
from src.track.store import Store

Energies = Mapping[str, Sequence[float]]
RunsOf = Callable[..., pd.DataFrame]
FileRuns = Callable[..., None]
PHASES = ("import", "data", "build", "train", "evaluate")


def in_turn(place: int, number: int, many: int) -> int:
    """The position in a block: there and back, so that no treatment always goes before another."""
    return number if place % 2 else many + 1 - number


def runs_of(energies: Energies, **columns: Any) -> pd.DataFrame:
    """One run for each energy, in blocks; `columns` overwrite or add whole columns."""
    rows = [
        {
            "run_id": f"{treatment}-{place}",
            "run_name": f"{treatment} #{place:02d}",
            "treatment": treatment,
            "framework": treatment,
            "sweep": "s1",
            "iteration": place,
            "position": in_turn(place, number, len(energies)),
            "sequence": place * len(energies) + in_turn(place, number, len(energies)),
            "started_s": 1.7e9 + 60 * (place * len(energies) + in_turn(place, number, len(energies))),
            "status": "finished",
            "meter": "native",
            "energy_kind": "measured",
            "energy_j": energy_j,
            "duration_s": energy_j / 40,
            "power_w": 40.0,
            "edp_js": energy_j**2 / 40,
            "accuracy": 0.98,
        }
        for number, (treatment, values) in enumerate(energies.items(), start=1)
        for place, energy_j in enumerate(values, start=1)
    ]
    return pd.DataFrame(rows).assign(**columns)


@pytest.fixture(name="runs_of")
def runs_of_fixture() -> RunsOf:
    """The function that makes a table of runs."""
    return runs_of


@pytest.fixture
def analysis_config() -> AnalysisConfig:
    """The defaults, with few resamples."""
    return AnalysisConfig(bootstrap_samples=300)


@pytest.fixture
def file_runs(store: Store, tmp_path: Path) -> FileRuns:
    """The function that files runs with recordings into `store`, below the parent run of their sweep."""

    def file_all(energies: Energies, sweep: str = "s1", status: str = "finished", **changes: Any) -> None:
        parent = store.start_sweep("study", sweep, {"host.cpu": "Test CPU", "host.logical_cpus": "2"}, {})
        for number, (treatment, values) in enumerate(energies.items(), start=1):
            for place, energy_j in enumerate(values, start=1):
                folder = tmp_path / "runs" / sweep / f"{treatment}-{place}-{status}".replace("/", "-")
                record = _record(folder, treatment, energy_j, place, number, sweep, status, changes)
                store.file_run(record, parent)

    return file_all


def _record(
    folder: Path, treatment: str, energy_j: float, place: int, number: int, sweep: str, status: Any, changes: Any
) -> RunRecord:
    folder.mkdir(parents=True)
    number = in_turn(place, number, 8)
    begin_s = 1_750_000_000.0 + 100 * place + 10 * number
    _write_recording(folder, begin_s, energy_j)
    tags = {
        "framework": treatment, "treatment": treatment, "sweep": sweep, "iteration": str(place),
        "position": str(number), "sequence": str(10 * place + number), "meter": "native", "energy_kind": "measured",
        "status": status, "run_uid": f"{sweep}/{treatment}/{place}/{status}",
    }  # fmt: skip
    metrics = {
        "energy_j": energy_j,
        "duration_s": 4.0,
        "power_w": energy_j / 4,
        "edp_js": 4 * energy_j,
        "accuracy": 0.97,
    }
    params = {"model.name": "cnn", "dataset.name": "digits", "hardware.name": "Test CPU", "meter.interval_ms": "200"}
    return RunRecord(
        name=run_name(treatment, place),
        experiment="study",
        start_ms=int(1000 * begin_s),
        end_ms=int(1000 * begin_s) + 4000,
        status=status,
        folder=folder,
        tags=tags | changes.get("tags", {}),
        metrics=metrics | changes.get("metrics", {}) if status == "finished" else {},
        series={"power_trace_w": _trace(begin_s, energy_j)},
        flags=changes.get("flags", ()),
        params={k: v for k, v in (params | changes.get("params", {})).items() if v is not None},
    )


def _trace(begin_s: float, energy_j: float) -> list[Point]:
    times_ms = range(0, 4001, 200)
    return [Point(t, int(1000 * begin_s) + t, energy_j / 4) for t in times_ms]


def _write_recording(folder: Path, begin_s: float, energy_j: float) -> None:
    times = np.arange(0, 4.6, 0.2)
    rows = [f"200,{1000 * (begin_s + t):.0f},{100 + energy_j * t / 4:.4f}" for t in times]
    (folder / "energy.csv").write_text("\n".join(["Delta,Time,PACKAGE_ENERGY (J)", *rows]) + "\n")
    edges = np.linspace(begin_s + 0.1, begin_s + 4.1, len(PHASES) + 1)
    events = [
        {"t": float(edges[place + (edge == "end")]), "phase": phase, "edge": edge}
        for place, phase in enumerate(PHASES)
        for edge in ("begin", "end")
    ]
    (folder / "events.jsonl").write_text("".join(json.dumps(event) + "\n" for event in events))
