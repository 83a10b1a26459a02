"""From the runs of a metric to the decision about each pair: which of its runs may be compared, and how."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from src.analysis.decision import Decision, OnMachine, Ratio, Truths, Unit, exact_ratio, ratio, ratios
from src.analysis.foresight import needed, shown_percent
from src.analysis.machines import heterogeneity, natural, prediction
from src.analysis.memory import Spread, spread_of
from src.analysis.ratios import (
    as_percent,
    bill,
    bill_of_runs,
    bill_terms,
    log_margin,
    of_levels,
    usual,
    usual_of_runs,
    usual_terms,
)
from src.analysis.settings import AnalysisConfig
from src.analysis.stopping import looks
from src.analysis.table import block_table
from src.analysis.values import ROUNDING, Reason, Sample, Why
from src.contract.record import MACHINE

ALWAYS_FROM = 6
"""From so many blocks on, the same treatment first in each is no chance: 1 in 32 by chance."""
ORDER, FIXED = "params.protocol.order", "fixed"
LOOKS = ("params.protocol.stop", "params.protocol.minimum_iterations", "params.protocol.iterations")
"""What says how often a sweep's results were looked at while it was measured."""
DURATIONS = {"energy_j": "duration_s", "energy_total_j": "duration_total_s"}
"""What each energy took."""


Names = npt.NDArray[np.object_]


@dataclass(frozen=True)
class Material:
    """The runs of one metric.

    `runs` has each treatment's in the order they began: sweep, machine, started_s and value. `table` has the values by
    block. The arrays are (blocks, treatments), as `columns` names them, blocks in the order they began, NaN where one
    lacks a treatment; `sweeps` and `machines` (blocks,) say which each is of. `durations` are those of an energy.
    `orders` are those that the plans say, none where no run has a plan. `looks` is how often the results were to be
    looked at.
    """

    runs: dict[str, pd.DataFrame]
    table: pd.DataFrame
    columns: dict[str, int]
    sweeps: Names
    machines: Names
    values: Sample
    began: Sample
    durations: Sample | None
    orders: frozenset[str]
    looks: int

    def both(self, array: Sample, first: str, second: str) -> Sample:
        """The columns (blocks, 2) of two treatments; no block where one is in none."""
        if not {first, second} <= set(self.columns):
            return np.empty((0, 2))
        return array[:, [self.columns[first], self.columns[second]]]

    def times(self, first: str, second: str, complete: Truths) -> Sample | None:
        """What the complete blocks of two treatments took, None where that is not known of all."""
        if self.durations is None:
            return None
        found = self.both(self.durations, first, second)[complete]
        return found if (found > 0).all() else None


def material(runs: pd.DataFrame, metric: str) -> Material:
    """What `decide` needs of all treatments' runs, as `table.shares` has them; without a column `machine`, of one."""
    every = runs if MACHINE in runs else runs.assign(machine="")
    present = every[every[metric].notna()].sort_values("started_s", kind="stable")
    loose = present[["sweep", MACHINE, "started_s", "treatment"]].assign(value=present[metric].astype(float))
    table = block_table(present, metric)
    began = block_table(present, "started_s").reindex(index=table.index, columns=table.columns)
    turns = began.min(axis=1).argsort(kind="stable").to_numpy()
    duration = DURATIONS.get(metric, "")
    durations = None
    if duration in present:
        durations = block_table(present, duration).reindex(index=table.index, columns=table.columns).to_numpy()[turns]
    sweeps = table.index.get_level_values(0).to_numpy(dtype=object)[turns]
    places = dict(zip(present["sweep"], present[MACHINE], strict=True))
    orders = frozenset(present[ORDER].dropna()) if ORDER in present else frozenset()
    return Material(
        {str(name): group for name, group in loose.groupby("treatment")},
        table,
        {str(name): place for place, name in enumerate(table.columns)},
        sweeps,
        np.array([places[sweep] for sweep in sweeps], dtype=object),
        table.to_numpy(dtype=float)[turns],
        began.to_numpy(dtype=float)[turns],
        durations,
        orders,
        _looks(present),
    )


def _looks(runs: pd.DataFrame) -> int:
    """The most looks of any sweep; 1 where all blocks were measured in any case."""
    if not set(LOOKS) <= set(runs):
        return 1
    asked = runs.loc[runs[LOOKS[0]] == "precision", list(LOOKS[1:])].drop_duplicates().dropna()
    return max((len(looks(int(least), int(most))) for least, most in asked.to_numpy()), default=1)


def decide(first: str, second: str, known: Material, pairs: int, config: AnalysisConfig) -> Decision:
    """The decision about `second` beside `first`, one of `pairs` that must hold together, at every look."""
    pairs *= known.looks  # as alpha_of_a_look has it
    own = [known.runs[name] for name in (first, second)]
    shared = sorted(set(own[0][MACHINE]) & set(own[1][MACHINE]), key=natural)
    if shared:  # else machines are what is compared
        own = [each[each[MACHINE].isin(shared)] for each in own]
    fewest = min(len(each) for each in own)
    complete: Truths = np.logical_and(*np.isfinite(known.both(known.values, first, second)).T)
    if why := _unusable(own, bool(complete.any())):
        return Decision(untested=Reason(why))
    if len(shared) > 1:
        return _of_machines(first, second, known, complete, shared, pairs, config)
    if complete.sum() >= 2 and 2 * complete.sum() >= fewest:
        return _by_blocks(first, second, known, complete, pairs, config)
    return _by_runs(own, pairs, config)


def _unusable(own: Sequence[pd.DataFrame], share_a_block: bool) -> Why | None:
    if min(len(each) for each in own) < 2:
        return Why.TOO_FEW
    if min(float(each["value"].min()) for each in own) <= 0:
        return Why.NOT_POSITIVE
    if _one_after_the_other(own):
        return Why.SEPARATE_TIMES if _share_a_sweep(own) else _separate_sweeps(own)
    return None if share_a_block or _share_a_sweep(own) else _separate_sweeps(own)


def _share_a_sweep(own: Sequence[pd.DataFrame]) -> bool:
    return bool(set(own[0]["sweep"]) & set(own[1]["sweep"]))


def _separate_sweeps(own: Sequence[pd.DataFrame]) -> Why | None:
    """Of one sweep each nobody knows what the sweep did; of several, sweeps can be compared."""
    return None if min(each["sweep"].nunique() for each in own) > 1 else Why.SEPARATE_SWEEPS


def _one_after_the_other(own: Sequence[pd.DataFrame]) -> bool:
    """Whether all runs of one began before all runs of the other."""
    begins, ends = [each["started_s"].min() for each in own], [each["started_s"].max() for each in own]
    return bool(ends[0] < begins[1] or ends[1] < begins[0])


def _by_blocks(
    first: str, second: str, known: Material, complete: Truths, pairs: int, config: AnalysisConfig
) -> Decision:
    if _ordered(known.orders, known.both(known.began, first, second)[complete]):
        return Decision(untested=Reason(Why.FIXED_ORDER))
    values, durations = known.both(known.values, first, second), known.times(first, second, complete)
    sweeps = known.sweeps[complete]
    n_sweeps = len(set(sweeps))
    if n_sweeps == 1:
        found = _of_one_sweep(values[complete], durations, pairs, config)
    else:
        found = _of_sweeps(values[complete], durations, sweeps, pairs, config)
    left_out = int((np.isfinite(values).sum(axis=1) == 1).sum())
    return replace(found, left_out=left_out, n_sweeps=n_sweeps)


def _ordered(orders: frozenset[str], began: Sample) -> bool:
    """Whether one of the two always ran first: by the plan, or without one, as far as the blocks (n, 2) show."""
    if orders:
        return orders == {FIXED}
    gaps = began[:, 1] - began[:, 0]
    return gaps.size >= ALWAYS_FROM and bool((gaps > 0).all() or (gaps < 0).all())


def _of_one_sweep(blocks: Sample, durations: Sample | None, pairs: int, config: AnalysisConfig) -> Decision:
    first, second = blocks.T
    if np.ptp(np.log(second / first)) <= ROUNDING:
        return _without_spread(first, second, pairs, config)
    of_bill, of_usual = bill(first, second), usual(first, second)
    n, (_, terms), spread = len(blocks), bill_terms(first, second), of_bill[1]
    sd = float(terms.std(ddof=1))
    level = config.alpha / pairs
    split = _split(of_bill[0], terms, durations, pairs, config)
    return Decision(
        "blocks",
        n,
        bill=_ratio(of_bill, pairs, config),
        usual=_ratio(of_usual, pairs, config),
        duration=split[0],
        power=split[1],
        memory=float(spread.memory),
        effective_n=min(float(n), n / float(spread.inflation)),
        run_percent=100 * sd,
        shown_percent=shown_percent(sd, n, level, config.target_power),
        needed=needed(sd, log_margin(config.relevant_percent), level, config.target_power),
    )


def _ratio(found: tuple[Sample, Spread], pairs: int, config: AnalysisConfig) -> Ratio:
    return ratio(*found, log_margin(config.relevant_percent), config.alpha, pairs)


def _without_spread(first: Sample, second: Sample, pairs: int, config: AnalysisConfig) -> Decision:
    """Where every block has the same ratio: their number alone shows on which side of 1, or of the margin, it lies."""
    n, estimate = first.size, float(np.log(second[0] / first[0]))
    p = min(1.0, pairs * 2.0 ** (1 - n))
    if p >= config.alpha:
        return Decision("blocks", n, untested=Reason(Why.NO_SPREAD if abs(estimate) > ROUNDING else Why.ALL_EQUAL))
    exact = exact_ratio(estimate, p, log_margin(config.relevant_percent), config.alpha)
    return Decision("blocks", n, bill=exact, usual=exact)


def _split(
    estimate: Sample, terms: Sample, durations: Sample | None, pairs: int, config: AnalysisConfig
) -> tuple[Ratio | None, Ratio | None]:
    """The bill's ratio as that of durations times that of mean powers; their terms add up to the bill's."""
    if durations is None:
        return None, None
    longer, of_time = bill_terms(*durations.T)
    more, of_power = estimate - longer, terms - of_time
    return (
        _ratio((longer, spread_of(of_time)), pairs, config),
        _ratio((more, spread_of(of_power)), pairs, config),
    )


def _of_sweeps(blocks: Sample, durations: Sample | None, sweeps: Names, pairs: int, config: AnalysisConfig) -> Decision:
    """One estimate a sweep; their variance is what the sweeps' levels and the runs within them make together."""
    names = list(dict.fromkeys(sweeps))
    parts = [blocks[sweeps == name].T for name in names]
    bills = np.array([float(bill_terms(*part)[0]) for part in parts])
    usuals = np.array([float(usual_terms(*part)[0]) for part in parts])
    if np.ptp(bills) <= ROUNDING:
        return Decision("sweeps", len(parts), untested=Reason(Why.NO_SPREAD))
    split: tuple[Ratio | None, Ratio | None] = (None, None)
    if durations is not None:
        times = np.array([float(bill_terms(*durations[sweeps == name].T)[0]) for name in names])
        split = (_ratio(of_levels(times), pairs, config), _ratio(of_levels(bills - times), pairs, config))
    within = [bill_terms(*part)[1] for part in parts if part[0].size > 1]
    sd = float(np.sqrt(np.mean([terms.var(ddof=1) for terms in within]))) if within else None
    between = _between(bills, sd, [part[0].size for part in parts])
    return Decision(
        "sweeps",
        len(parts),
        bill=_ratio(of_levels(bills), pairs, config),
        usual=_ratio(of_levels(usuals), pairs, config),
        duration=split[0],
        power=split[1],
        sweep_percent=100 * between,
        run_percent=None if sd is None else 100 * sd,
    )


def _between(bills: Sample, sd: float | None, sizes: Sequence[int]) -> float:
    """What moves from sweep to sweep, without what the blocks within do (Kalibera and Jones, 2013, sec. 6.2)."""
    of_blocks = 0.0 if sd is None else sd**2 * float(np.mean([1 / size for size in sizes]))
    return float(np.sqrt(max(0.0, bills.var(ddof=1) - of_blocks)))


@dataclass(frozen=True)
class _Share:
    """What one machine says: log ratios of bill, usual run and time, with errors, None where one block tells none.

    `sd` is that of the blocks' terms, where it has several in one sweep.
    """

    unit: Unit
    n: int
    sweeps: int
    bill: tuple[Sample, Spread | None]
    usual: tuple[Sample, Spread | None]
    time: float | None = None
    sd: float | None = None


def _of_machines(
    first: str, second: str, known: Material, complete: Truths, machines: Sequence[str], pairs: int,
    config: AnalysisConfig,
) -> Decision:  # fmt: skip
    """One estimate a machine, from its own blocks or, without, its runs; see src.analysis.machines."""
    if _ordered(known.orders, known.both(known.began, first, second)[complete]):
        return Decision(untested=Reason(Why.FIXED_ORDER))
    every = {name: _share(first, second, known, complete, name) for name in machines}
    found = {name: share for name, share in every.items() if share is not None}
    bills, usuals = (np.array([float(of(share)[0]) for share in found.values()]) for of in (_bill_of, _usual_of))
    if len(found) < 2 or np.ptp(bills) <= ROUNDING:
        return Decision("machines", len(found), untested=Reason(Why.MACHINES_ALIKE if len(found) > 1 else Why.TOO_FEW))
    times = [share.time for share in found.values()]
    split: tuple[Ratio | None, Ratio | None] = (None, None)
    if all(time is not None for time in times):
        longer = np.array(times, dtype=float)
        split = (_ratio(of_levels(longer), pairs, config), _ratio(of_levels(bills - longer), pairs, config))
    sure = [(bill, spread.variance) for share in found.values() for bill, spread in [share.bill] if spread]
    values = known.both(known.values, first, second)
    sds = [share.sd for share in found.values() if share.sd is not None]
    sd = float(np.sqrt(np.mean(np.square(sds)))) if sds else None
    return Decision(
        "machines",
        len(found),
        left_out=int((np.isfinite(values).sum(axis=1) == 1).sum()),
        n_sweeps=sum(share.sweeps for share in found.values()),
        bill=_ratio(of_levels(bills), pairs, config),
        usual=_ratio(of_levels(usuals), pairs, config),
        duration=split[0],
        power=split[1],
        sweep_percent=100 * _between(bills, sd, [share.n for share in found.values()]),
        run_percent=None if sd is None else 100 * sd,
        machines=_on_each(found, pairs * len(found), config),
        heterogeneity=heterogeneity(*(np.array(each, dtype=float) for each in zip(*sure, strict=True)))
        if sure
        else None,
        prediction=prediction(bills, config.alpha, pairs),
    )


def _bill_of(share: _Share) -> tuple[Sample, Spread | None]:
    return share.bill


def _usual_of(share: _Share) -> tuple[Sample, Spread | None]:
    return share.usual


def _on_each(found: Mapping[str, _Share], claims: int, config: AnalysisConfig) -> tuple[OnMachine, ...]:
    """Every machine's own ratios, with intervals that hold for all pairs on all machines."""
    made: dict[str, list[Ratio | None]] = {name: [None, None] for name in found}
    for place, of in enumerate((_bill_of, _usual_of)):
        known = [
            (name, estimate, spread) for name, (estimate, spread) in ((n, of(s)) for n, s in found.items()) if spread
        ]
        parts = [(estimate, spread) for _, estimate, spread in known]
        told = ratios(parts, log_margin(config.relevant_percent), config.alpha, claims) if parts else []
        for (name, _, _), each in zip(known, told, strict=True):
            made[name][place] = each
    return tuple(
        OnMachine(name, share.unit, share.n, as_percent(float(share.bill[0])), *made[name])
        for name, share in found.items()
    )


def _share(first: str, second: str, known: Material, complete: Truths, machine: str) -> _Share | None:
    """From the blocks that a machine has of both; of one that has none, from its runs; None where these are too few."""
    here = complete & (known.machines == machine)
    if not here.any():
        own = [each[each[MACHINE] == machine] for each in (known.runs[first], known.runs[second])]
        samples = [each["value"].to_numpy(dtype=float) for each in own]
        if min(sample.size for sample in samples) < 2:
            return None
        n, sweeps = min(sample.size for sample in samples), len(set(own[0]["sweep"]) | set(own[1]["sweep"]))
        return _Share("runs", n, sweeps, bill_of_runs(*samples), usual_of_runs(*samples))
    blocks, sweeps = known.both(known.values, first, second)[here], known.sweeps[here]
    times = known.times(first, second, here)
    names = list(dict.fromkeys(sweeps))
    if len(names) > 1:
        parts = [sweeps == name for name in names]
        bills, usuals = (
            np.array([float(terms(*blocks[part].T)[0]) for part in parts]) for terms in (bill_terms, usual_terms)
        )
        longer = None if times is None else float(np.mean([bill_terms(*times[part].T)[0] for part in parts]))
        return _Share("sweeps", len(names), len(names), of_levels(bills), of_levels(usuals), longer)
    longer = None if times is None else float(bill_terms(*times.T)[0])
    if len(blocks) == 1:
        only = np.log(blocks[0, 1] / blocks[0, 0])
        return _Share("blocks", 1, 1, (only, None), (only, None), longer)
    sd = float(bill_terms(*blocks.T)[1].std(ddof=1))
    return _Share("blocks", len(blocks), 1, bill(*blocks.T), usual(*blocks.T), longer, sd)


def _by_runs(own: Sequence[pd.DataFrame], pairs: int, config: AnalysisConfig) -> Decision:
    """Runs that share no blocks; where they share no sweep either, means of sweeps in place of runs."""
    if _share_a_sweep(own):
        samples = [each["value"].to_numpy(dtype=float) for each in own]
    else:
        samples = [each.groupby("sweep")["value"].mean().to_numpy(dtype=float) for each in own]
    if all(np.ptp(sample) <= ROUNDING * sample.max() for sample in samples):
        return Decision("runs", untested=Reason(Why.NO_SPREAD))
    return Decision(
        "runs",
        min(sample.size for sample in samples),
        n_sweeps=len(set(own[0]["sweep"]) | set(own[1]["sweep"])),
        bill=_ratio(bill_of_runs(*samples), pairs, config),
        usual=_ratio(usual_of_runs(*samples), pairs, config),
    )
