"""Before a study: the smallest difference that N iterations show on this machine, from a pilot's own spread."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from src.analysis.analyse import Analysis, analyse
from src.analysis.comparable import comparable
from src.analysis.foresight import blocks_of_a_sweep, shown_by_sweeps_percent, shown_percent
from src.analysis.pairs import Pair
from src.analysis.settings import AnalysisConfig
from src.analysis.table import finished, shares
from src.errors import ConfigError
from src.figures.numbers import count, duration, number
from src.report.load import load
from src.track.store import Store

ITERATIONS = (5, 10, 15, 20, 30, 50, 100)
SWEEPS = (3, 5, 10, 20)
FIXED_S = ("params.protocol.baseline_s", "params.protocol.warmup_s")
"""What a sweep takes once, however many iterations it has."""


def power_of(store: Store, experiment: str, config: AnalysisConfig) -> list[str]:
    """What a pilot foretells, a line each; raises ConfigError where its blocks cannot tell."""
    compared = comparable(load(store, experiment).table, config.compare)
    return power_lines(analyse(compared, config), shares(finished(compared.runs)))


def power_lines(analysis: Analysis, runs: pd.DataFrame) -> list[str]:
    """One line for each of ITERATIONS, of the pair whose blocks spread the most."""
    known = [pair for pair in analysis.pairs_of(analysis.decisive_metric) if pair.decision.run_percent]
    if not known:
        raise ConfigError(
            "this pilot cannot tell how much its blocks spread: it needs two treatments or more in two blocks or more, "
            "in no fixed order; measure one with `protocol=quick`, and name it with experiment=NAME"
        )
    pair, title = max(known, key=_spread), analysis.catalogue[analysis.decisive_metric].title
    level = analysis.config.alpha / len(analysis.pairs_of(analysis.decisive_metric))
    target = analysis.config.target_power
    block_s, fixed_s = _seconds_of_a_block(runs), _seconds_once(runs)
    many = pair.decision.unit == "machines"
    where = f"within one of {pair.decision.n} machines" if many else f"in {count(pair.decision.n, 'block')}"
    head = (
        f"{title}: the ratio of {pair.second} to {pair.first} spreads the most, by {number(_spread(pair), 2)} % from "
        f"block to block {where}. With a probability of {target:g}, this difference shows:"
    )
    if many:
        return [head, *_of_sweeps(pair, level, target, block_s or 1.0, fixed_s, "machine")]
    lines = [head, *(_line(n, pair, level, target, block_s, fixed_s) for n in ITERATIONS)]
    return [*lines, *_of_sweeps(pair, level, target, block_s or 1.0, fixed_s)]


def _of_sweeps(
    pair: Pair, level: float, target: float, block_s: float, fixed_s: float, what: str = "sweep"
) -> Iterable[str]:
    """How many sweeps, or machines, show what, where the pilot had several; one cannot tell what the next would do.

    Sweeps take their time one after the other, machines measure all at once.
    """
    moves, spread = pair.decision.sweep_percent, _spread(pair)
    if moves is None:
        yield "This holds within one sweep; two sweeps or more would tell how much the ratio moves between them."
        return
    blocks = blocks_of_a_sweep(moves, spread, fixed_s, block_s)
    yield f"Between {what}s it moves by {number(moves, 2)} %; so many make the most of the time:"
    for many in SWEEPS:
        shown = shown_by_sweeps_percent(moves / 100, spread / 100, many, blocks, level, target)
        of_each = what == "sweep"
        takes = duration((many if of_each else 1) * (fixed_s + blocks * block_s))
        asked = f"protocol.{what}s={many} protocol.iterations={blocks if of_each else many * blocks}"
        yield f"  {asked}: {number(shown, 2)} %, in about {takes}"


def _spread(pair: Pair) -> float:
    return pair.decision.run_percent or 0.0


def _line(n: int, pair: Pair, level: float, target: float, block_s: float | None, fixed_s: float) -> str:
    shown = shown_percent(_spread(pair) / 100, n, level, target)
    takes = "" if block_s is None else f", in about {duration(fixed_s + n * block_s)}"
    return f"  protocol.iterations={n}: {number(shown, 2)} %{takes}"


def _seconds_of_a_block(runs: pd.DataFrame) -> float | None:
    """From the beginning of one block to that of the next; the median over all sweeps, None where none follows."""
    begins = runs[runs["iteration"].notna()].groupby(["sweep", "iteration"])["started_s"].min()
    gaps = begins.groupby(level=0).diff().dropna()
    gaps = gaps[gaps > 0]
    return float(gaps.median()) if len(gaps) else None


def _seconds_once(runs: pd.DataFrame) -> float:
    known = [pd.to_numeric(runs[name], errors="coerce").max() for name in FIXED_S if name in runs]
    return float(sum(value for value in known if pd.notna(value)))
