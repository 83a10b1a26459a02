"""Whoever of a sweep is killed, and when: `resume` makes it whole, each run counts once, and no process is left."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.kills import KILLS_A_SWEEP, killed_sweeps

pytestmark = pytest.mark.skipif(os.name != "posix", reason="sends signals")

SWEEPS = 3
"""Each of them is killed KILLS_A_SWEEP times."""


@pytest.mark.parametrize("seed", range(1, SWEEPS + 1))
def test_sweeps_that_are_killed_at_random_moments_become_whole(
    tmp_path: Path, energibridge: Callable[..., str], empty_database: Path, seed: int
) -> None:
    counts = killed_sweeps(KILLS_A_SWEEP, seed, tmp_path, energibridge(), empty_database)
    assert sum(counts.values()) == KILLS_A_SWEEP
