"""The files that launcher and worker share."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from src.contract.run_files import ContractError, EventLog, Job, read_events
from tests.workloads.training.job_files import write_job


def test_job_survives_its_file(tmp_path: Path) -> None:
    job = write_job(tmp_path)
    assert Job.read(tmp_path / "job.json") == job
    assert not list(tmp_path.glob("*.tmp"))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        pytest.param({"version": 99}, "version", id="version"),
        pytest.param({"colour": 1}, "colour", id="unknown field"),
    ],
)
def test_other_job_files_are_refused(tmp_path: Path, change: dict[str, int], words: str) -> None:
    write_job(tmp_path)
    path = tmp_path / "job.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    with pytest.raises(ContractError, match=words):
        Job.read(path)


def test_truncated_job_file_is_refused(tmp_path: Path) -> None:
    write_job(tmp_path)
    path = tmp_path / "job.json"
    path.write_text(path.read_text()[:-10])
    with pytest.raises(ContractError, match="cannot be read"):
        Job.read(path)


def _interrupted(log: EventLog) -> None:
    with log.phase("train"):
        raise RuntimeError("stop")


def test_phase_that_fails_has_no_end(tmp_path: Path) -> None:
    log = EventLog(tmp_path / "events.jsonl")
    with log.phase("data"):
        pass
    with pytest.raises(RuntimeError, match="stop"):
        _interrupted(log)
    edges = [(event.phase, event.edge) for event in read_events(tmp_path / "events.jsonl")]
    assert edges == [("data", "begin"), ("data", "end"), ("train", "begin")]


def test_truncated_events_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    path.write_text('{"t": 1.0, "phase": "data", "edge": "begin"}\n{"t": 2.0, "ph')
    with pytest.raises(ContractError, match="no complete event file"):
        read_events(path)
