"""Whole reports of made-up runs, compared with files in `golden/`: every section, table cell and figure's caption.

After a change that is meant to change what is told, renew the files and read the difference:

    JOULEBENCH_RENEW_GOLDEN=1 python -m pytest tests/report/test_golden.py
    git diff tests/report/golden
"""

from __future__ import annotations

import dataclasses
import json
import os
import re
from pathlib import Path

import pytest

from tests.made_runs import command_runs, inference_runs, training_runs
from tests.report.made_documents import document_of

GOLDEN = Path(__file__).parent / "golden"
RENEW = "JOULEBENCH_RENEW_GOLDEN"


REPORTS = {"training": training_runs, "inference": inference_runs, "command": command_runs}
OF_TRAINING = re.compile(r"(?i)accura|epoch|network|train|framework|adam\b|weights|imag")


@pytest.mark.parametrize(("name", "runs"), REPORTS.items())
def test_a_report_says_what_it_said(name, runs):
    path = GOLDEN / f"{name}.json"
    found = json.dumps(dataclasses.asdict(document_of(runs())), indent=1, ensure_ascii=False)
    if os.environ.get(RENEW):
        path.write_text(found + "\n", encoding="utf-8")
    assert json.loads(found) == json.loads(path.read_text(encoding="utf-8"))


def test_nothing_that_belongs_to_training_is_said_of_commands():
    text = json.dumps(dataclasses.asdict(document_of(command_runs())), ensure_ascii=False)
    assert "size of the result" in text
    assert OF_TRAINING.findall(text) == []


def test_the_inference_is_told_by_its_own_metrics_and_nothing_is_learnt_in_it():
    text = json.dumps(dataclasses.asdict(document_of(inference_runs())), ensure_ascii=False)
    for title in ("Energy of an image (J)", "Images a second (1/s)", "Median latency of a batch (s)"):
        assert title in text
    assert "runs of the inference at the mean energy of one" in text
    assert "Energy of torch batch_size=32" in text
    assert re.findall(r"(?i)[^.\"]* (?:trainings|learnt|trains and)\b", text) == []
