"""Main effects and interactions: by hand, beside R's analysis of variance, and how often chance alone shows one."""

import itertools

import numpy as np
import pandas as pd
import pytest

from src.analysis.factorial import _Terms, crossing, factorial
from src.analysis.settings import AnalysisConfig
from src.analysis.values import Reason, Why

TWO_BY_TWO = {"a1 b1": (100, 103, 98, 101, 105, 99), "a1 b2": (120, 125, 118, 119, 128, 122),
              "a2 b1": (150, 149, 153, 151, 158, 147), "a2 b2": (201, 206, 195, 199, 215, 204)}  # fmt: skip
FACTORS = {name: dict(zip("ab", name.split(), strict=True)) for name in TWO_BY_TWO}


def runs_of(blocks, sweep="s1", **columns):
    """Blocks (treatment -> values) as runs in turn there and back."""
    rows = [
        {"treatment": name, "sweep": sweep, "iteration": place, "energy_j": float(value),
         "started_s": 1e9 + 100 * place + (turn if place % 2 else 50 - turn)}
        for turn, (name, values) in enumerate(blocks.items())
        for place, value in enumerate(values)
    ]  # fmt: skip
    return pd.DataFrame(rows).assign(**columns)


def effects_of(blocks, factors=None, **changes):
    return factorial(runs_of(blocks), "energy_j", factors or FACTORS, AnalysisConfig(**changes))


def test_effects_are_what_a_hand_computes():
    means = {name: np.mean(values) for name, values in TWO_BY_TWO.items()}
    found = effects_of(TWO_BY_TWO)
    of_a, of_b = found.effects
    assert (of_a.factor, of_a.level, of_a.against, found.unit, found.n) == ("a", "a2", "a1", "blocks", 6)
    on_b1, on_b2 = means["a2 b1"] / means["a1 b1"], means["a2 b2"] / means["a1 b2"]
    assert of_a.ratio.percent == pytest.approx(100 * (np.sqrt(on_b1 * on_b2) - 1))
    assert of_b.ratio.percent == pytest.approx(
        100 * (np.sqrt(means["a1 b2"] / means["a1 b1"] * means["a2 b2"] / means["a2 b1"]) - 1)
    )
    (interaction,) = found.interactions
    cells = {cell.levels: cell.ratio.percent for cell in interaction.cells}
    assert cells["a2", "b2"] == pytest.approx(100 * ((on_b2 / on_b1) ** 0.25 - 1))
    assert cells["a1", "b2"] == pytest.approx(100 * ((on_b1 / on_b2) ** 0.25 - 1))
    assert interaction.shown


@pytest.mark.parametrize(
    ("weights", "f"),
    [
        pytest.param([-0.5, -0.5, 0.5, 0.5], 7249.543445, id="a"),
        pytest.param([-0.5, 0.5, -0.5, 0.5], 753.5228209, id="b"),
        pytest.param([0.25, -0.25, -0.25, 0.25], 107.5426444, id="interaction"),
    ],
)
def test_without_memory_the_square_of_t_is_the_f_of_r(weights, f):
    """summary(aov(y ~ A*B + Error(block/(A*B)))) of R 4.2 on the same terms."""
    blocks = np.array(list(TWO_BY_TWO.values()), dtype=float).T
    estimate, spread = _Terms.of([blocks]).contrast(np.array(weights))
    assert (estimate / spread.scales[0]) ** 2 == pytest.approx(f, rel=1e-8)
    assert spread.df == 5


def test_memory_widens_what_is_told():
    """The interval is that of the mixture, wider than Student's."""
    (interaction,) = effects_of(TWO_BY_TWO).interactions
    interval = interaction.cells[0].ratio.interval
    assert np.log1p(interval.high / 100) - np.log1p(interval.low / 100) > 2 * 2.571 * 0.00257


NO_CROSSING = {
    "one factor": [{"a": "1"}, {"a": "2"}],
    "a cell is missing": [{"a": "1", "b": "1"}, {"a": "1", "b": "2"}, {"a": "2", "b": "1"}],
    "both go together": [{"a": "1", "b": "1"}, {"a": "2", "b": "2"}],
    "a cell twice": [{"a": x, "b": y} for x, y in ("11", "12", "21", "22", "22")],
    "other keys": [{"a": "1", "b": "1"}, {"a": "2", "b": "1"}, {"a": "1", "c": "1"}, {"a": "2", "c": "1"}],
    "none": [],
}


@pytest.mark.parametrize("factors", NO_CROSSING.values(), ids=NO_CROSSING)
def test_another_design_has_no_effects(factors):
    assert crossing({str(place): own for place, own in enumerate(factors)}) is None


def test_levels_stand_in_the_order_of_their_numbers():
    own = [{"f": name, "size": size, "same": "x"} for name, size in itertools.product(("b", "a"), ("128", "16", "32"))]
    assert crossing(dict(enumerate(own))) == {"f": ("a", "b"), "size": ("16", "32", "128")}


@pytest.mark.parametrize(
    ("blocks", "columns", "why"),
    [
        pytest.param({n: v[:1] for n, v in TWO_BY_TWO.items()}, {}, Why.NO_BLOCK_HOLDS_ALL, id="one block"),
        pytest.param(TWO_BY_TWO | {"a1 b1": [0.0] * 6}, {}, Why.NOT_POSITIVE, id="zero"),
        pytest.param({n: [5.0] * 6 for n in TWO_BY_TWO}, {}, Why.NO_SPREAD, id="constant"),
        pytest.param(TWO_BY_TWO, {"params.protocol.order": "fixed"}, Why.FIXED_ORDER, id="fixed order"),
    ],
)
def test_what_cannot_be_told_says_why(blocks, columns, why):
    found = factorial(runs_of(blocks, **columns), "energy_j", FACTORS, AnalysisConfig())
    assert found.untested == Reason(why)
    assert found.effects == found.interactions == ()


def test_sweeps_count_once():
    runs = pd.concat(
        [runs_of(TWO_BY_TWO, f"s{n}").assign(started_s=lambda r, n=n: r["started_s"] + 1e5 * n) for n in (1, 2, 3)]
    )
    runs["energy_j"] *= 1 + 0.001 * np.random.default_rng(1).standard_normal(len(runs))
    found = factorial(runs, "energy_j", FACTORS, AnalysisConfig())
    assert (found.unit, found.n) == ("sweeps", 3)


STUDIES = 400


@pytest.mark.parametrize("rho", [0.0, 0.5], ids=["independent", "with memory"])
def test_chance_alone_shows_an_interaction_as_seldom_as_promised(rho):
    """2 x 3 treatments with main effects and none together, ten blocks, whose runs may remember the ones before."""
    names = [f"a{i} b{j}" for i in (1, 2) for j in (1, 2, 3)]
    factors = {name: dict(zip("ab", name.split(), strict=True)) for name in names}
    means = np.array([100 * a * b for a in (1.0, 1.4) for b in (1.0, 0.8, 2.0)])
    rng = np.random.default_rng(11)
    shown = 0
    for _ in range(STUDIES):
        noise = rng.standard_normal((10, 6))
        for block in range(1, 10):
            noise[block] = rho * noise[block - 1] + np.sqrt(1 - rho**2) * noise[block]
        values = means * (1 + 0.02 * noise)
        found = effects_of(dict(zip(names, values.T, strict=True)), factors)
        shown += any(interaction.shown for interaction in found.interactions)
    assert shown / STUDIES <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / STUDIES)


def test_an_interaction_that_is_there_is_found():
    rng = np.random.default_rng(5)
    noise = 1 + 0.01 * rng.standard_normal((4, 12))
    values = np.array([[100.0], [150.0], [120.0], [220.0]]) * noise
    (interaction,) = effects_of(dict(zip(TWO_BY_TWO, values, strict=True))).interactions
    assert interaction.shown
    assert interaction.p_value < 0.05
    flat = np.array([[100.0], [150.0], [120.0], [180.0]]) * noise
    (none,) = effects_of(dict(zip(TWO_BY_TWO, flat, strict=True))).interactions
    assert not none.shown
    assert none.negligible
