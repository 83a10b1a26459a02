"""Whole reports of made-up runs, compared with files in `golden/`: every section, table cell and figure's caption.

After a change that is meant to change what is told, renew the files and read the difference:

    JOULEBENCH_RENEW_GOLDEN=1 python -m pytest tests/report/test_golden.py
    git diff tests/report/golden
"""

from __future__ import annotations

import dataclasses
import json
import os
from pathlib import Path

import pytest

from tests.made_runs import training_runs
from tests.report.made_documents import document_of

GOLDEN = Path(__file__).parent / "golden"
RENEW = "JOULEBENCH_RENEW_GOLDEN"


@pytest.mark.parametrize(("name", "runs"), [("training", training_runs)])
def test_a_report_says_what_it_said(name, runs):
    path = GOLDEN / f"{name}.json"
    found = json.dumps(dataclasses.asdict(document_of(runs())), indent=1, ensure_ascii=False)
    if os.environ.get(RENEW):
        path.write_text(found + "\n", encoding="utf-8")
    assert json.loads(found) == json.loads(path.read_text(encoding="utf-8"))
