"""Whoever of a sweep is killed, and when: `resume` makes it whole, each run counts once, and no process is left."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.kills import killed_sweeps

pytestmark = pytest.mark.skipif(os.name != "posix", reason="sends signals")

KILLS = 15


def test_sweeps_that_are_killed_at_random_moments_become_whole(
    tmp_path: Path, energibridge: Callable[..., str], empty_database: Path
) -> None:
    counts = killed_sweeps(KILLS, 1, tmp_path, energibridge(), empty_database)
    assert sum(counts.values()) == KILLS
