"""What a pilot foretells: smaller differences for more iterations, and how long they take."""

import numpy as np
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
    head, *lines = power_lines(analyse(runs, analysis_config), runs)
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
