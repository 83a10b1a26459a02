"""The same kills as in the suite, by the hundred: JOULEBENCH_SOAK=1, and JOULEBENCH_SOAK_KILLS=200 says how many."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.kills import killed_sweeps

pytestmark = pytest.mark.skipif(
    os.environ.get("JOULEBENCH_SOAK") != "1", reason="takes half an hour: set JOULEBENCH_SOAK=1"
)


@pytest.mark.timeout(0)
def test_hundreds_of_kills(
    tmp_path: Path, energibridge: Callable[..., str], empty_database: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kills = int(os.environ.get("JOULEBENCH_SOAK_KILLS", "200"))
    seed = int(os.environ.get("JOULEBENCH_SOAK_SEED", str(int(time.time()))))
    with capsys.disabled():
        print(f"\n{kills} kills, JOULEBENCH_SOAK_SEED={seed}", flush=True)
        counts = killed_sweeps(kills, seed, tmp_path, energibridge(), empty_database)
        for (who, when), count in sorted(counts.items(), key=str):
            print(f"{count:4} x {who} in {when}")
    assert sum(counts.values()) == kills
