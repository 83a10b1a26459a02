"""Main effects and interactions where every level of each factor was measured with every level of all others.

As with pairs, ratios of means are told, within blocks: log(mean) of each treatment is linear in its blocks (the delta
method; Cochran, 1977, ch. 6), a contrast of them is a mean over blocks of the same contrast of terms, and its error is
that of `memory.spread_of`. Without memory that is the paired t of the contrast, whose square is the F of the analysis
of variance within blocks where the contrast has one degree of freedom (Maxwell and Delaney, 2004, ch. 11 and 12).
Intervals hold for all main effects of a factor, or for all cells of an interaction, at once (Bonferroni).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from src.analysis.blocks import FIXED, Material, material
from src.analysis.decision import Ratio, ratios
from src.analysis.memory import Spread, spread_of
from src.analysis.ratios import log_margin, of_levels
from src.analysis.settings import AnalysisConfig
from src.analysis.values import ROUNDING, Reason, Sample, Why

Factors = Mapping[str, Mapping[str, str]]
"""Of each treatment: the value of every factor."""


@dataclass(frozen=True)
class MainEffect:
    """How much more `level` of a factor takes than `against`: the geometric mean over all levels of the others."""

    factor: str
    level: str
    against: str
    ratio: Ratio


@dataclass(frozen=True)
class Cell:
    """How much more two levels take together than both effects tell; `levels` are in the order of the factors."""

    levels: tuple[str, str]
    ratio: Ratio


@dataclass(frozen=True)
class Interaction:
    """Whether the effect of one factor depends on the level of another: whether any cell differs."""

    factors: tuple[str, str]
    cells: tuple[Cell, ...]

    @property
    def shown(self) -> bool:
        """Whether any cell takes more or less than both effects tell."""
        return any(cell.ratio.differs for cell in self.cells)

    @property
    def negligible(self) -> bool:
        """Whether it is shown of each cell that it takes practically what both effects tell."""
        return all(cell.ratio.same for cell in self.cells)

    @property
    def p_value(self) -> float:
        """The least of the cells', which are corrected for all of them."""
        return min(cell.ratio.p_differs for cell in self.cells)


@dataclass(frozen=True)
class Factorial:
    """A full crossing in one metric; the levels of each of `factors` stand in the order of their values.

    `n` complete blocks, or sweeps where there are several, tell it; `untested` says why they do not.
    """

    metric: str
    factors: dict[str, tuple[str, ...]]
    unit: str
    n: int
    effects: tuple[MainEffect, ...] = ()
    interactions: tuple[Interaction, ...] = ()
    untested: Reason | None = None


def factorial(runs: pd.DataFrame, metric: str, treatments: Factors, config: AnalysisConfig) -> Factorial | None:
    """The effects of the factors of a full crossing, `runs` as `table.shares` has them; None for another design."""
    levels = crossing(treatments)
    return None if levels is None else _effects(material(runs, metric), metric, treatments, levels, config)


def crossing(treatments: Factors) -> dict[str, tuple[str, ...]] | None:
    """The levels of two or more factors, where the treatments are all their combinations; None where they are not."""
    keys = {tuple(sorted(own)) for own in treatments.values()}
    if len(keys) != 1:
        return None
    every = {key: {own[key] for own in treatments.values()} for key in next(iter(treatments.values()))}
    levels = {key: tuple(sorted(found, key=_order)) for key, found in every.items() if len(found) > 1}
    combinations = {tuple(own[key] for key in levels) for own in treatments.values()}
    whole = len(combinations) == len(treatments) == int(np.prod([len(found) for found in levels.values()]))
    return levels if len(levels) > 1 and whole else None


def _order(level: str) -> tuple[float, str]:
    """Numbers by their size, then texts."""
    try:
        return float(level), ""
    except ValueError:
        return np.inf, level


def _effects(
    known: Material, metric: str, treatments: Factors, levels: dict[str, tuple[str, ...]], config: AnalysisConfig
) -> Factorial:
    if not set(treatments) <= set(known.columns):
        return Factorial(metric, levels, "blocks", 0, untested=Reason(Why.NO_VALUE))
    values = known.values[:, [known.columns[name] for name in treatments]]
    complete = np.isfinite(values).all(axis=1)
    sweeps = known.sweeps[complete]
    names = list(dict.fromkeys(sweeps))
    n = len(sweeps) if len(names) < 2 else len(names)
    unit = "blocks" if len(names) < 2 else "sweeps"
    if why := _untestable(known, values[complete]):
        return Factorial(metric, levels, unit, n, untested=Reason(why))
    parts = [values[complete][sweeps == name] for name in names]
    told = _Terms.of(parts)
    if np.ptp(told.terms, axis=0).max() <= ROUNDING:
        return Factorial(metric, levels, unit, n, untested=Reason(Why.NO_SPREAD))
    effects = [effect for factor in levels for effect in _of_factor(factor, told, treatments, levels, known, config)]
    both = itertools.combinations(levels, 2)
    interactions = [_interaction(pair, told, treatments, levels, known, config) for pair in both]
    return Factorial(metric, levels, unit, n, tuple(effects), tuple(interactions))


def _untestable(known: Material, values: Sample) -> Why | None:
    if len(values) < 2:
        return Why.NO_BLOCK_HOLDS_ALL
    if values.min() <= 0:
        return Why.NOT_POSITIVE
    return Why.FIXED_ORDER if known.orders == {FIXED} else None


@dataclass(frozen=True)
class _Terms:
    """What blocks (n, treatments) of one sweep, or the levels of several sweeps, add to each log mean."""

    estimates: Sample
    terms: Sample
    remember: bool

    @classmethod
    def of(cls, parts: Sequence[Sample]) -> _Terms:
        """Of the complete blocks of each sweep."""
        logs = np.array([np.log(part.mean(axis=0)) for part in parts])
        if len(parts) > 1:
            return cls(logs.mean(axis=0), logs, remember=False)
        return cls(logs[0], logs[0] + parts[0] / parts[0].mean(axis=0) - 1, remember=True)

    def contrast(self, weights: Sample) -> tuple[Sample, Spread]:
        """The estimate and its error for weights (treatments,) that add up to 0."""
        terms = self.terms @ weights
        return (self.estimates @ weights, spread_of(terms)) if self.remember else of_levels(terms)


def _of_factor(
    factor: str, told: _Terms, treatments: Factors, levels: dict[str, tuple[str, ...]], known: Material,
    config: AnalysisConfig,
) -> Iterator[MainEffect]:  # fmt: skip
    """Every level against the one with the least mean; as it was chosen by its runs, as if all pairs had been told."""
    own = levels[factor]
    weights = {level: _mean_of({factor: level}, treatments) for level in own}
    least = min(own, key=lambda level: float(told.estimates @ weights[level]))
    others = [level for level in own if level != least]
    found = [told.contrast(weights[level] - weights[least]) for level in others]
    claims = known.looks * len(own) * (len(own) - 1) // 2
    made = ratios(found, log_margin(config.relevant_percent), config.alpha, claims)
    for level, ratio in zip(others, made, strict=True):
        yield MainEffect(factor, level, least, ratio)


def _interaction(
    factors: tuple[str, str], told: _Terms, treatments: Factors, levels: dict[str, tuple[str, ...]], known: Material,
    config: AnalysisConfig,
) -> Interaction:  # fmt: skip
    """What is left of each cell of two factors without the effects of both; of two levels one is the other's mirror."""
    first, second = factors
    cells = list(itertools.product(levels[first], levels[second]))
    everywhere = _mean_of({}, treatments)
    found = []
    for one, other in cells:
        within = _mean_of({first: one, second: other}, treatments)
        alone = _mean_of({first: one}, treatments) + _mean_of({second: other}, treatments)
        found.append(told.contrast(within - alone + everywhere))
    different = int(np.prod([1 if len(levels[each]) == 2 else len(levels[each]) for each in factors]))
    margin = log_margin(config.relevant_percent)
    made = ratios(found, margin, config.alpha, known.looks * different)
    return Interaction(factors, tuple(Cell(levels_, ratio) for levels_, ratio in zip(cells, made, strict=True)))


def _mean_of(chosen: Mapping[str, str], treatments: Factors) -> Sample:
    """Weights (treatments,) of the mean over those that have the chosen levels."""
    member = [all(own[key] == level for key, level in chosen.items()) for own in treatments.values()]
    return np.array(member, dtype=float) / sum(member)
