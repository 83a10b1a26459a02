"""The appendix has every outlier, or says of how many it has some."""

import numpy as np
import pytest

from src.report.sections.appendix import MOST_LISTED, appendix, listed
from tests.made_runs import analyse


def with_outliers(runs_of, analysis_config, many):
    """Runs of which `many` lie far off in a metric that no table of results has."""
    analysis_config.outliers = "iqr"
    values = 100 + np.arange(40.0 * many) / many
    runs = runs_of({"a": values, "b": values + 50})
    far = np.where((runs["iteration"] % 40 == 0) & (runs["treatment"] == "a"), 9.0, 1.0)
    return analyse(runs.assign(energy_dram_j=far * (1 + 0.01 * np.arange(len(runs)) / len(runs))), analysis_config)


@pytest.mark.parametrize(
    ("many", "said"),
    [
        pytest.param(25, "all 25 values far from their treatment's others", id="all"),
        pytest.param(120, "the first 100 of 120 values far", id="some"),
    ],
)
def test_outliers_of_every_metric_are_listed_or_counted(runs_of, analysis_config, many, said):
    analysis = with_outliers(runs_of, analysis_config, many)
    (table,) = [block for block in appendix(analysis, ()).sections[0].blocks if block.block == "table"]
    assert len(analysis.outliers) == many
    assert len(table.rows) == min(many, MOST_LISTED)
    assert {row[2] for row in table.rows} == {"energy_dram_j"}
    assert said in listed(analysis)
    assert bool(table.note) == (many > MOST_LISTED)
