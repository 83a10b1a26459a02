"""What is shown of a plan before anything is measured or written."""

import pytest

from src.errors import ConfigError, SetupError
from src.protocol.display import Display
from src.protocol.sweeps import measure_sweeps
from tests.protocol.test_sweep import conduct, stop_at


@pytest.fixture
def shown(make_plan_of, tmp_path, monkeypatch, terminal):
    """Shows a plan in a folder of its own; returns what was said."""

    def show(*overrides):
        monkeypatch.chdir(tmp_path)
        plan = make_plan_of("dry_run=true", "dataset=digits", "meter=estimate", *overrides)
        measure_sweeps(plan, tmp_path / "sweep", display=Display(terminal))
        return terminal.file.getvalue()

    return show


def test_the_plan_is_shown_and_nothing_written(shown, tmp_path):
    before = sorted(tmp_path.rglob("*"))
    said = shown("protocol.iterations=7", "protocol.baseline_s=10", "protocol.warmup_s=90")
    assert "plan: 2 treatments (torch, jax) in 7 shuffled blocks = 14 runs" in said
    assert "  block 5: " in said
    assert "  and 2 more blocks" in said
    assert "energy is ESTIMATED, not measured" in said
    assert "10 s baseline and 1 min 30 s warm-up come first" in said
    assert "nothing is missing" in said
    assert sorted(tmp_path.rglob("*")) == before


def test_all_that_is_missing_is_named_together(shown, terminal):
    with pytest.raises(SetupError, match="meter=replay.*there is no such file below"):
        shown("framework.requirements=none", "meter=replay", "meter.recording=none.csv")
    assert "nothing is missing" not in terminal.file.getvalue()


def test_what_is_told_once_is_told_once(shown):
    assert shown("dataset=mnist").count("mnist is still to be downloaded") == 1


def test_what_a_stopped_sweep_lacks_is_shown(shown, make_plan_of, runs, folder, terminal):
    stop_at(runs, 3)
    with pytest.raises(KeyboardInterrupt):
        conduct(make_plan_of("dataset=digits", "meter=estimate"), folder, terminal)
    terminal.file.truncate(0)
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    said = shown(f"resume={folder}", "protocol.iterations=4")
    assert f"going on in {folder}: 2 of 8 runs are finished" in said
    assert [f"  block {number}: " in said for number in range(1, 5)] == [False, True, True, True]
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before


def test_a_sweep_that_is_not_there_cannot_go_on(shown):
    with pytest.raises(ConfigError, match="no sweep of experiment 'e' lies in multirun or outputs"):
        shown("resume=latest")
