"""Every figure against R's: scripts/check_statistics.R made samples/r_figures.csv from the same samples."""

import itertools
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from src.analysis import omnibus, outliers, threats
from src.analysis import sample_size as power
from src.analysis.describe import describe
from src.analysis.effect_sizes import EffectSize, cliffs_delta, hedges_g
from src.analysis.hypothesis_tests import (
    MANN_WHITNEY,
    WELCH,
    HypothesisTest,
    holm,
    mann_whitney_u,
    paired_t,
    signed_rank,
    welch_t,
)
from src.analysis.table import block_table, complete_blocks
from src.analysis.values import Sample
from src.analysis.verdict import two_one_sided_tests

SAMPLES = Path(__file__).parent / "samples"
METRICS = {"blocked": "energy_j", "tied": "energy_j", "study": "energy_total_j"}
CONFIDENCE, RELEVANT_PERCENT, TARGET = 0.95, 5, 0.8
# Nothing but rounding may differ, apart from two approximations: Shapiro-Wilk's p-value rests on normal
# quantiles that R and SciPy approximate each in its own way, and so does the noncentral t.
TOLERANCES = {"shapiro": 1e-7, "power": 1e-7, "all others": 1e-9}
TOLERANCE = TOLERANCES["all others"]

Figures = dict[str, float]


def r_figures() -> Figures:
    """What R found, by name."""
    table = pd.read_csv(SAMPLES / "r_figures.csv")
    return dict(zip(table["figure"], table["value"], strict=True))


def python_figures(name: str) -> Figures:
    """The same figures of one set of samples from the functions under test."""
    runs = pd.read_csv(SAMPLES / f"{name}.csv").assign(sweep="")
    groups = {str(label): values.to_numpy() for label, values in runs.groupby("treatment")[METRICS[name]]}
    figures = {key: value for label, values in groups.items() for key, value in one_sample(label, values)}
    table = block_table(runs, METRICS[name])
    figures |= dict(all_samples(list(groups.values()), complete_blocks(table, list(groups))))
    pairs = list(itertools.combinations(groups, 2))
    for a, b in pairs:
        blocks = complete_blocks(table, [a, b])
        found = two_samples(groups[a], groups[b], blocks, level=(1 - CONFIDENCE) / len(pairs))
        figures |= {f"{a}|{b}|{key}": value for key, value in found}
    figures |= dict(corrected(groups, pairs))
    return {f"{name}|{key}": value for key, value in figures.items()}


def figures_of(name: str, test: HypothesisTest) -> Iterator[tuple[str, float]]:
    assert test.statistic is not None
    assert test.p_value is not None
    yield f"{name}|statistic", test.statistic
    yield f"{name}|p", test.p_value


def one_sample(label: str, values: Sample) -> Iterator[tuple[str, float]]:
    found = describe(label, "energy_j", "J", values, CONFIDENCE)
    names = (
        "n",
        "mean",
        "sd",
        "median",
        "lower_quartile",
        "upper_quartile",
        "minimum",
        "maximum",
        "cv_percent",
    )
    yield from ((f"{label}|{name}", getattr(found, name)) for name in names)
    yield from figures_of(f"{label}|shapiro", found.normality)
    for rule in outliers.LISTED_RULES:
        lower, upper = outliers.limits(values, rule)
        yield from ((f"{label}|{rule}|lower", lower), (f"{label}|{rule}|upper", upper))


def all_samples(groups: list[Sample], blocks: list[Sample]) -> Iterator[tuple[str, float]]:
    friedman = omnibus.friedman(blocks)
    yield from figures_of("friedman", friedman)
    yield "friedman|blocks", blocks[0].size
    yield "friedman|kendalls_w", omnibus.kendalls_w(friedman.statistic or 0, blocks[0].size, len(blocks))
    yield from figures_of("kruskal", omnibus.kruskal_wallis(groups))
    yield from figures_of("brown_forsythe", omnibus.brown_forsythe(groups))
    yield from figures_of("welch_anova", omnibus.welch_anova(groups))
    yield "welch_anova|df", omnibus.welch_anova(groups).degrees_of_freedom[1]


def two_samples(first: Sample, second: Sample, blocks: list[Sample], level: float) -> Iterator[tuple[str, float]]:
    welch = welch_t(first, second)
    yield from figures_of("welch", welch)
    yield "welch|df", welch.degrees_of_freedom[0]
    yield from figures_of("mann_whitney", mann_whitney_u(first, second))
    yield from figures_of("paired_t", paired_t(blocks[1] - blocks[0]))
    yield from figures_of("signed_rank", signed_rank(blocks[1] - blocks[0]))
    yield from effect("hedges", hedges_g(first, second, CONFIDENCE))
    yield from effect("cliff", cliffs_delta(first, second, CONFIDENCE))
    margins = {
        "welch": first.mean() * RELEVANT_PERCENT / 100,
        "rank": np.median(first) * RELEVANT_PERCENT / 100,
    }
    for kind, test_name in (("welch", WELCH), ("rank", MANN_WHITNEY)):
        found = two_one_sided_tests(first, second, float(margins[kind]), RELEVANT_PERCENT, test_name)
        assert found.p_lower is not None
        assert found.p_upper is not None
        yield from ((f"tost_{kind}|p_lower", found.p_lower), (f"tost_{kind}|p_upper", found.p_upper))
    reached = power.power_for(first, second, float(margins["welch"]), level, TARGET, WELCH)
    assert reached.power is not None
    assert reached.iterations_needed is not None
    yield from (("power|reached", reached.power), ("power|needed", reached.iterations_needed))


def effect(name: str, found: EffectSize) -> Iterator[tuple[str, float]]:
    assert found.value is not None
    assert found.interval is not None
    yield f"{name}|value", found.value
    yield from ((f"{name}|low", found.interval.low), (f"{name}|high", found.interval.high))


def corrected(groups: dict[str, Sample], pairs: list[tuple[str, str]]) -> Iterator[tuple[str, float]]:
    for name, test in (("welch", welch_t), ("mann_whitney", mann_whitney_u)):
        family = holm([test(groups[a], groups[b]) for a, b in pairs])
        for (a, b), each in zip(pairs, family, strict=True):
            assert each.p_holm is not None
            yield f"{a}|{b}|{name}|p_holm", each.p_holm


def kind(key: str) -> str:
    """Which tolerance holds for a figure."""
    return next((name for name in TOLERANCES if f"|{name}|" in key), "all others")


def largest_differences(ours: Figures, theirs: Figures) -> dict[str, tuple[float, str]]:
    """Per kind the largest difference relative to R's figure, and which figure that is."""
    largest = dict.fromkeys(TOLERANCES, (0.0, ""))
    for key, value in ours.items():
        difference = abs(value - theirs[key]) / (abs(theirs[key]) or 1.0)
        largest[kind(key)] = max(largest[kind(key)], (difference, key))
    return largest


@pytest.mark.parametrize("name", METRICS)
def test_every_figure_agrees_with_r(name: str) -> None:
    ours, theirs = python_figures(name), r_figures()
    assert set(ours) == {key for key in theirs if key.startswith(f"{name}|") and not key.startswith("study|drift")}
    for each, (difference, key) in largest_differences(ours, theirs).items():
        print(f"\n{name}: {each}: largest relative difference {difference:.1e} ({key})")
        assert difference < TOLERANCES[each], key


def test_drift_agrees_with_r() -> None:
    runs = pd.read_csv(SAMPLES / "study.csv").assign(sweep="s", position=np.nan, sequence=np.nan)
    found = {threat.kind: threat for threat in threats.look_for_threats(runs, runs, "energy_total_j", 0.05)}["drift"]
    ours = dict(figures_of("study|drift", found.test))
    ours |= {"study|drift|slope": found.slope_percent or 0, "study|drift|effect": found.effect_percent or 0}
    theirs = r_figures()
    for key, value in ours.items():
        assert value == pytest.approx(theirs[key], rel=TOLERANCE), key


def test_power_agrees_with_power_t_test() -> None:
    theirs = r_figures()
    reached = power.welch_power(1.0, (0.9, 0.9), (12, 12), 0.05)
    assert reached == pytest.approx(theirs["power.t.test|power"], abs=TOLERANCES["power"])
    sample = np.random.default_rng(0).normal(size=12)
    sample = 0.9 * (sample - sample.mean()) / sample.std(ddof=1)
    found = power.power_for(sample, sample, 1.0, 0.05, TARGET, WELCH)
    assert found.iterations_needed == theirs["power.t.test|n"]
