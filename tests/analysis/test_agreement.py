"""Agreement of meters: against R, against the published example, and which runs make a pair."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from src.analysis.agreement import Limits, agreements, compare, limits_of

WRIGHT = np.array([494, 395, 516, 434, 476, 557, 413, 442, 650, 433, 417, 656, 267, 478, 178, 423, 427.0])
MINI = np.array([512, 430, 520, 428, 500, 600, 364, 380, 658, 445, 432, 626, 260, 477, 259, 350, 451.0])
"""Peak expiratory flow by two meters (Bland and Altman, 1986, table 1, first readings)."""

BY_R = (2.117647059, -73.860611349, 78.095905467, -17.813543579, 22.048837697, -119.925504177, -48.859637299,
        53.094931417, 124.160798295)  # fmt: skip
"""R: mean, mean ± qnorm(.975) s, mean ± qt(.975, n - 1) s/√n, and s qt(c(.025, .975), n - 1, ncp=qnorm(.975)√n)/√n."""
FIRST = np.array([100, 150, 210, 330, 480, 700, 990, 1500.0])
SECOND = np.array([131, 193, 283, 425, 640, 905, 1305, 1950.0])
RATIOS_BY_R = (1.309403290, 1.266779723, 1.353461019, 1.291049594, 1.328017904, 1.218872965, 1.285496506, 1.333754676,
               1.406657645)  # fmt: skip
"""The same of log(second / first), exp() taken."""


def numbers(limits: Limits | None) -> list[float]:
    assert limits is not None
    intervals = (limits.bias_interval, limits.lower_interval, limits.upper_interval)
    return [limits.bias, limits.lower, limits.upper, *(edge for i in intervals for edge in (i.low, i.high))]


def test_limits_are_those_of_r() -> None:
    assert numbers(limits_of(MINI - WRIGHT)) == pytest.approx(BY_R, rel=1e-8)


def test_the_published_example() -> None:
    """They print a mean of -2.1 with an interval from -22.0 to 17.8, for Wright - mini."""
    limits = limits_of(WRIGHT - MINI)
    assert limits is not None
    assert [round(limits.bias, 1), round(limits.bias_interval.low, 1), round(limits.bias_interval.high, 1)] == [
        -2.1, -22.0, 17.8,
    ]  # fmt: skip


def test_differences_that_grow_are_told_as_ratios() -> None:
    ratios, by_ratio, growth, limits = compare(FIRST, SECOND)
    assert by_ratio
    assert growth == pytest.approx(1.0)
    assert ratios == pytest.approx(SECOND / FIRST)
    assert numbers(limits) == pytest.approx(RATIOS_BY_R, rel=1e-8)


def test_differences_that_do_not_grow_stay_in_joules() -> None:
    differences, by_ratio, growth, limits = compare(WRIGHT, MINI)
    assert not by_ratio
    assert growth == pytest.approx(-0.4116564417)
    assert differences == pytest.approx(MINI - WRIGHT)
    assert numbers(limits) == pytest.approx(BY_R, rel=1e-8)


def test_the_limits_hold_what_they_promise() -> None:
    """Of many samples the interval of the upper limit covers the true one in 95 %, and 95 % of values lie within."""
    rng = np.random.default_rng(5)
    found = [limits_of(rng.normal(3, 2, 12)) for _ in range(2000)]
    covered = [limit.upper_interval.low <= 3 + 1.959964 * 2 <= limit.upper_interval.high for limit in found if limit]
    assert np.mean(covered) == pytest.approx(0.95, abs=0.015)


@pytest.mark.parametrize("values", [[], [1.0], [1.0, 2.0], [2.0, 2.0, 2.0]], ids=["0", "1", "2", "constant"])
def test_too_little_for_limits(values: list[float]) -> None:
    assert limits_of(np.array(values)) is None


def table(**columns: list[object]) -> pd.DataFrame:
    usual = {"meter": ["native"] * 4, "energy_kind": ["measured"] * 4, "treatment": ["a", "b", "a", "b"]}
    return pd.DataFrame({**usual, "energy_j": [10.0, 20.0, 11.0, 21.0], **columns})


def test_a_run_without_a_second_energy_makes_no_pair() -> None:
    kinds = ["estimated", None, "estimated", "estimated"]
    runs = table(energy_by_x_j=[11.0, np.nan, 12.5, 22.5], **{"tags.energy_kind.x": kinds})
    (found,) = agreements(runs)
    assert (found.n, found.treatments, found.second, found.second_kind) == (3, ("a", "a", "b"), "x", "estimated")
    assert found.differences == (1.0, 1.5, 1.5)
    assert found.means_j == (10.5, 11.75, 21.75)


def test_kinds_of_energy_are_never_pooled() -> None:
    kinds = ["estimated", "estimated", "measured", "measured"]
    found = agreements(table(energy_kind=kinds, energy_by_x_j=[1.0, 2.0, 3.0, 4.0]))
    assert [(each.first_kind, each.n) for each in found] == [("estimated", 2), ("measured", 2)]


def test_a_wall_meter_is_told_apart() -> None:
    (found,) = agreements(table(energy_wall_j=[15.0, 26.0, 16.5, 28.0]))
    assert (found.is_wall, found.second, found.second_kind) == (True, "wall meter", "imported")


def test_nothing_beside_is_no_agreement() -> None:
    assert agreements(table(energy_by_x_j=[np.nan] * 4)) == ()
    assert agreements(table()) == ()
