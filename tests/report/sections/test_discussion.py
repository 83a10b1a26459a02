"""The discussion tells what the tables and figures tell."""

import numpy as np
import pandas as pd
import pytest

from src.report.sections.discussion import discussion
from tests.made_runs import analyse

PHASES = {"import": [0.0, 0.0, 90.0], "data": [0.0] * 3, "build": [0.0] * 3, "train": [60.0, 80.0, 10.0],
          "evaluate": [40.0, 20.0, 0.0]}  # fmt: skip


@pytest.fixture
def with_phases(runs_of):
    """Three runs whose phases' medians sum up to no run's energy."""
    return runs_of({"torch": [100.0, 100.0, 100.0]}, **{f"energy_{name}_j": values for name, values in PHASES.items()})


def test_the_share_of_a_phase_is_that_of_the_means(with_phases, analysis_config):
    said = str(discussion(analyse(with_phases, analysis_config), {"measured": 3}, ()))
    assert "Of the energy of all phases of torch, on average 50 % went into the phase train." in said


def test_no_share_is_told_of_a_treatment_that_lacks_a_phase(with_phases, analysis_config):
    other = with_phases.assign(treatment="jax", run_id=[f"jax-{n}" for n in range(3)], energy_evaluate_j=np.nan)
    both = pd.concat([with_phases, other], ignore_index=True)
    said = str(discussion(analyse(both, analysis_config), {"measured": 6}, ()))
    assert "phases of torch" in said
    assert "phases of jax" not in said
