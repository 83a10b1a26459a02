"""What recordings tell of the machine and the meter that made them, and that unlike ones are not compared unseen."""

from __future__ import annotations

import dataclasses

import pytest

from src.analysis.comparable import comparable
from src.analysis.table import table_of
from src.errors import ConfigError
from src.ingest.recording_facts import columns_of, usual_interval_ms

BEGIN_MS = 1_740_000_000_000


def recorded(path, cpus=4, interval_ms=200, memory_gib=16, column="CPU_ENERGY (J)", step_j=8):
    """Twenty samples of a machine of so many CPUs."""
    names = [column, *(f"CPU_USAGE_{cpu}" for cpu in range(cpus)), "TOTAL_MEMORY"]
    lines = [",".join(["Delta", "Time", *names])]
    begin_ms = BEGIN_MS + sum(str(path).encode())
    for row in range(20):
        values = [1000 + step_j * row, *[50] * cpus, memory_gib * 2**30]
        lines.append(",".join(map(str, [0, begin_ms + interval_ms * row, *values])))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.mark.parametrize(
    ("median_ms", "usual"),
    [(200.0, 200), (201.9, 200), (108.0, 100), (104.0, 100), (1004.0, 1000), (0.0, 1)],
    ids=["exact", "a little late", "a slow sample", "another", "a second", "none"],
)
def test_a_late_meter_was_asked_for_the_usual_interval(median_ms, usual):
    assert usual_interval_ms(median_ms) == usual


def test_columns_that_differ_in_a_number_are_told_as_one():
    names = ["Delta", "Time", "CPU_USAGE_0", "CPU_USAGE_11", "CORE0_ENERGY (J)", "CPU_ENERGY (J)"]
    assert columns_of(names) == "CORE*_ENERGY (J), CPU_ENERGY (J), CPU_USAGE_* 2"


def test_a_recording_tells_of_its_machine(ingest, store, tmp_path):
    recorded(tmp_path / "a" / "tf_1.csv", cpus=4, interval_ms=104, memory_gib=8)
    assert ingest("tf", tmp_path / "a") == 0
    (run,) = store.records("study")
    assert {key: value for key, value in run.params.items() if key.startswith("recorded.")} == {
        "recorded.columns": "CPU_ENERGY (J), CPU_USAGE_* 4, TOTAL_MEMORY",
        "recorded.cpus": "4",
        "recorded.interval_ms": "100",
        "recorded.memory_gib": "8",
    }


UNLIKE = {
    "other CPUs": ({"cpus": 8}, "recorded.cpus is 4 in 2 runs, 8 in 2 runs"),
    "another interval": ({"interval_ms": 100}, "recorded.interval_ms is 100 in 2 runs, 200 in 2 runs"),
    "other memory": ({"memory_gib": 32}, "recorded.memory_gib is 16 in 2 runs, 32 in 2 runs"),
}


@pytest.mark.parametrize(("changes", "told"), UNLIKE.values(), ids=UNLIKE)
def test_recordings_of_unlike_machines_are_not_compared(ingest, store, tmp_path, changes, told):
    for n in (1, 2):
        recorded(tmp_path / "a" / f"tf_{n}.csv", step_j=8 + n)
        recorded(tmp_path / "b" / f"torch_{n}.csv", **changes, step_j=18 + n)
    assert (ingest("tf", tmp_path / "a"), ingest("torch", tmp_path / "b")) == (0, 0)
    table = table_of(store.records("study"))
    with pytest.raises(ConfigError, match=told.replace("(", r"\(")):
        comparable(table, [])
    assert len(comparable(table, ["recorded"]).runs) == 4


def test_recordings_of_before_they_told_it_are_compared_as_ever(ingest, store, tmp_path):
    for n in (1, 2):
        recorded(tmp_path / "a" / f"tf_{n}.csv", step_j=8 + n)
    assert ingest("tf", tmp_path / "a") == 0
    first, second = store.records("study")
    old = {key: value for key, value in second.params.items() if not key.startswith("recorded.")}
    found = comparable(table_of([first, dataclasses.replace(second, params=old)]), [])
    assert found.differences == ()
