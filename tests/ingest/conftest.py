"""Folders of recordings as EnergiBridge writes them, and an empty store."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from src.ingest.__main__ import main

WriteCsv = Callable[..., Path]


def write_csv(
    path: Path,
    power_w: float = 40.0,
    first_j: float = 1000.0,
    range_j: float | None = None,
    column: str = "CPU_ENERGY (J)",
) -> Path:
    """Ten seconds at a constant power, sampled every 200 ms; the counter wraps at `range_j`."""
    begin_ms = 1_740_000_000_000 + sum(path.name.encode())
    lines = [f"Delta,Time,{column},CPU_USAGE_0"]
    for row in range(51):
        counter_j = first_j + power_w * 0.2 * row
        value = power_w if "POWER" in column else counter_j % range_j if range_j else counter_j
        lines.append(f"200,{begin_ms + 200 * row},{value:.6f},50")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture(name="write_csv")
def write_csv_fixture() -> WriteCsv:
    """The function that writes a recording."""
    return write_csv


@pytest.fixture
def ingest(store, tmp_path):
    """The command of `python -m src.ingest`; gives back its exit code."""

    def run(framework, path, *more):
        own = [f"tracking_uri={store.uri}", f"output={tmp_path}/out", "experiment=study"]
        return main([*own, f"framework={framework}", f"path={path}", *more])

    return run
