"""Tables of runs as the store hands them to the analysis."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd
import pytest

from src.analysis.settings import AnalysisConfig

MakeRuns = Callable[..., pd.DataFrame]


def make_runs(
    means: Mapping[str, float],
    iterations: int = 10,
    cv: float = 0.01,
    seed: int = 1,
    sweep: str = "s1",
    **columns: Any,
) -> pd.DataFrame:
    """Shuffled blocks of runs with normal energies; `columns` overwrite or add whole columns."""
    rng = np.random.default_rng(seed)
    rows = []
    for iteration in range(iterations):
        for position, treatment in enumerate(rng.permutation(list(means))):
            sequence = iteration * len(means) + position
            energy_j = means[treatment] * (1 + cv * rng.standard_normal())
            rows.append(
                {
                    "run_id": f"{sweep}-{sequence:05d}",
                    "run_name": f"{treatment} {iteration}",
                    "treatment": treatment,
                    "framework": treatment.split()[0],
                    "sweep": sweep,
                    "iteration": iteration,
                    "position": position,
                    "sequence": sequence,
                    "started_s": 1.7e9 + 60 * sequence,
                    "status": "finished",
                    "meter": "native",
                    "energy_kind": "measured",
                    "energy_j": energy_j,
                    "accuracy": 0.98,
                    "params.dataset.test_size": 10_000,
                    "params.training.batch_size": 64,
                    "params.hardware.name": "laptop",
                }
            )
    return pd.DataFrame(rows).assign(**columns)


@pytest.fixture(name="make_runs")
def make_runs_fixture() -> MakeRuns:
    """The function that makes a table of runs."""
    return make_runs


@pytest.fixture
def config() -> AnalysisConfig:
    """The defaults, with few resamples."""
    return AnalysisConfig(bootstrap_samples=500)
