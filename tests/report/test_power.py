"""What a pilot foretells: smaller differences for more iterations, and how long they take."""

import numpy as np
import pandas as pd
import pytest

from src.errors import ConfigError
from src.report.power import power_lines
from tests.made_runs import analyse


def pilot(runs_of, **columns):
    rng = np.random.default_rng(1)
    values = {"a": rng.normal(100, 2, 6), "b": rng.normal(120, 4, 6), "c": rng.normal(110, 1, 6)}
    return runs_of(values, **columns)


def test_the_pair_that_spreads_most_tells_what_iterations_show(runs_of, analysis_config):
    runs = pilot(runs_of, **{"params.protocol.warmup_s": "300.0"})
    head, *lines, last = power_lines(analyse(runs, analysis_config), runs)
    assert last.startswith("This holds within one sweep;")
    assert "the ratio of b to" in head
    shown = [float(line.split(": ")[1].split(" %")[0]) for line in lines]
    assert shown == sorted(shown, reverse=True)
    assert len(set(shown)) == len(shown)
    # Blocks of three runs, a minute each, after five minutes of warming up; one turn of the order moves half a minute.
    assert lines[1].startswith("  protocol.iterations=10: ")
    assert lines[1].endswith("in about 35.0\u202fmin")


def test_what_cannot_be_told_says_what_is_missing(runs_of, analysis_config):
    runs = pilot(runs_of, **{"params.protocol.order": "fixed"})
    with pytest.raises(ConfigError, match="in no fixed order"):
        power_lines(analyse(runs, analysis_config), runs)


def test_several_sweeps_tell_how_many_are_needed(runs_of, analysis_config):
    parts = []
    for n, level in enumerate((1.0, 1.04, 0.97)):
        rng = np.random.default_rng(n)
        values = {"a": rng.normal(100, 1, 6), "b": rng.normal(120 * level, 1, 6)}
        part = runs_of(values, **{"params.protocol.warmup_s": "360.0"})
        parts.append(part.assign(sweep=f"s{n}", run_id=part["run_id"] + f"-{n}", started_s=part["started_s"] + 1e5 * n))
    runs = pd.concat(parts, ignore_index=True)
    *_, said, three, five, ten, twenty = power_lines(analyse(runs, analysis_config), runs)
    assert "Between sweeps it moves by 3" in said
    shown = [float(line.split(": ")[1].split(" %")[0]) for line in (three, five, ten, twenty)]
    assert shown == sorted(shown, reverse=True)
    # Moves of about 3.5 % between, 1.4 % within; six minutes of warming up to two minutes a block: one block would do.
    assert three.startswith("  protocol.sweeps=3 protocol.iterations=1: ")


def test_several_machines_tell_how_many_are_needed(runs_of, analysis_config):
    parts = []
    for n, level in enumerate((1.0, 1.04, 0.97)):
        rng = np.random.default_rng(n)
        values = {"a": rng.normal(100, 1, 6), "b": rng.normal(120 * level, 1, 6)}
        part = runs_of(values, **{"params.protocol.warmup_s": "360.0"})
        parts.append(part.assign(machine=f"node{n}", sweep=f"s{n}", run_id=part["run_id"] + f"-{n}"))
    runs = pd.concat(parts, ignore_index=True)
    head, said, three, *_, twenty = power_lines(analyse(runs, analysis_config), runs)
    assert "from block to block within one of 3 machines" in head
    assert "Between machines it moves by 3" in said
    # All at once: as long as one machine takes, six minutes and a block of two, however many there are.
    assert three.startswith("  protocol.machines=3 protocol.iterations=3: ")
    assert three.endswith("in about 8.00\u202fmin")
    assert twenty.endswith("in about 8.00\u202fmin")
