"""Power traces as they were filed, with the phases that the record or, of old runs, the events tell."""

import json

import pandas as pd
import pytest

from src.contract.record import Point
from src.errors import TrackError
from src.report.read_traces import TraceReader, read_trace

RUN = {"run_id": "r1", "run_name": "torch #01", "treatment": "torch", "energy_kind": "estimated", "run_uid": "s/1"}


class MadeUpStore:
    """A store that knows one trace, and the events of a run of before its record had windows."""

    def __init__(self, folder, points):
        self.folder, self.points = folder, points

    def trace(self, run_id):
        return self.points

    def artifact(self, run_id, name):
        if not (self.folder / name).exists():
            raise TrackError(f"no {name}")
        return self.folder / name


@pytest.fixture
def store(tmp_path):
    return MadeUpStore(tmp_path, [Point(500, 1_000_500, 40.0), Point(1500, 1_001_500, 42.0)])


def write_events(folder):
    edges = [("import", "begin", 100.0), ("import", "end", 101.0), ("epoch", "begin", 101.0), ("epoch", "end", 103.0)]
    events = [{"t": t, "phase": phase, "edge": edge} for phase, edge, t in [*edges, ("train", "begin", 101.0)]]
    (folder / "events.jsonl").write_text("".join(json.dumps(event) + "\n" for event in events))


def test_a_trace_is_in_seconds_and_has_the_records_phases(store):
    trace = read_trace(store, pd.Series(RUN | {"windows": {"load": (0.0, 0.5), "sort": (0.5, 2.0)}}))
    assert (trace.time_s.tolist(), trace.power_w.tolist()) == ([0.5, 1.5], [40.0, 42.0])
    assert trace.phases == {"load": (0.0, 0.5), "sort": (0.5, 2.0)}
    assert (trace.treatment, trace.energy_kind) == ("torch", "estimated")


def test_whole_phases_of_an_old_run_come_from_its_events(store):
    write_events(store.folder)
    assert read_trace(store, pd.Series(RUN | {"windows": {}})).phases == {"import": (0.0, 1.0)}


def test_a_recording_from_elsewhere_has_no_phases(store):
    assert read_trace(store, pd.Series(RUN | {"windows": {}, "run_uid": "imported/1"})).phases == {}


@pytest.mark.parametrize("points", [[], [Point(500, 1_000_500, 40.0)]], ids=["no trace", "no events"])
def test_what_cannot_be_read_is_told(store, points):
    store.points = points
    reader = TraceReader(store, pd.DataFrame([RUN | {"windows": {}}]))
    assert list(reader) == []
    assert reader.failures[0].startswith("1 run without a readable power trace: torch #01 (no ")
