"""job.json alone can repeat a run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from src.contract.job import Job
from src.contract.json_files import ContractError


@pytest.fixture
def job() -> Job:
    return Job(
        workload="command",
        program=["/usr/bin/env", "python"],
        task_phases=["load", "run"],
        environment={"A": "1"},
        settings={"words": ["a b", "c"], "deep": {"x": [1, 2.5, None]}},
    )


def test_job_survives_its_file(tmp_path: Path, job: Job) -> None:
    job.write(tmp_path / "job.json")
    assert Job.read(tmp_path / "job.json") == job
    assert not list(tmp_path.glob("*.tmp"))


def test_the_job_is_the_programs_last_word(tmp_path: Path, job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert job.command(Path("job.json")) == ["/usr/bin/env", "python", str(tmp_path / "job.json")]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        pytest.param({"version": 99}, "version", id="version"),
        pytest.param({"version": 1}, "version", id="the version before"),
        pytest.param({"workload": 3}, "`workload` is 3", id="workload"),
        pytest.param({"program": "python"}, "`program` is 'python', not a list of texts", id="program"),
        pytest.param({"program": ["python", 3]}, "`program`", id="word"),
        pytest.param({"task_phases": None}, "`task_phases`", id="phases"),
        pytest.param({"environment": []}, "`environment` is", id="environment"),
        pytest.param({"environment": {"A": 1}}, "`environment`", id="variable"),
        pytest.param({"settings": []}, "`settings` is", id="settings"),
    ],
)
def test_other_job_files_are_refused(tmp_path: Path, job: Job, change: dict[str, Any], words: str) -> None:
    path = tmp_path / "job.json"
    job.write(path)
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    with pytest.raises(ContractError, match=words):
        Job.read(path)


def test_truncated_job_file_is_refused(tmp_path: Path, job: Job) -> None:
    path = tmp_path / "job.json"
    job.write(path)
    path.write_text(path.read_text()[:-10])
    with pytest.raises(ContractError, match="cannot be read"):
        Job.read(path)
