"""Where a sweep asks the doctor, and what becomes of the answer."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from src.errors import SetupError
from src.protocol.display import Display
from src.protocol.sweep import measure_sweep
from tests.doctor.test_checks import WINDOWS


def test_a_sweep_looks_before_the_baseline_and_after_the_last_run(looks, runs, make_plan_of, folder, terminal) -> None:
    measure_sweep(make_plan_of("protocol.preflight=warn", "protocol.iterations=1"), folder, Display(terminal))
    assert runs.names[:2] == ["look", "machine"]
    assert (runs.names[-1], runs.names.count("look")) == ("look", 2)
    kept = json.loads((folder / "preflight.json").read_text())
    assert (kept["begin"]["verdict"], kept["end"]["verdict"]) == ("fine", "careful")
    assert "since the start: governor was performance" in terminal.file.getvalue()


def test_the_looks_are_filed_with_the_sweep(looks, runs, make_plan_of, folder, terminal, store_uri) -> None:
    from src.track import open_store

    measure_sweep(make_plan_of("protocol.preflight=warn", "protocol.iterations=1"), folder, Display(terminal))
    client = open_store(store_uri).client
    (sweep,) = client.search_runs([client.get_experiment_by_name("e").experiment_id], "tags.kind = 'sweep'")
    assert sweep.data.params["preflight"] == "fine"
    assert "preflight.json" in {each.path for each in client.list_artifacts(sweep.info.run_id)}


def test_strict_refuses_before_anything_is_made(looks, runs, make_plan_of, folder, terminal) -> None:
    looks[:] = [replace(WINDOWS)]
    with pytest.raises(SetupError, match="not fit to measure"):
        measure_sweep(make_plan_of("protocol.preflight=strict"), folder, Display(terminal))
    assert not folder.exists()
    assert runs.names == ["look"]


def test_smoke_does_not_look(looks, runs, plan, folder, terminal) -> None:
    measure_sweep(plan, folder, Display(terminal))
    assert "look" not in runs.names
    assert not (folder / "preflight.json").exists()
