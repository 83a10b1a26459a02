"""Whether a sweep has shown enough: looked at after whole blocks only, at looks that were set before it began."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import numpy as np
import pandas as pd

from src.analysis.blocks import DURATIONS, LOOKS, ORDER, decide, material
from src.analysis.decision import Decision, Ratio
from src.analysis.stopping import looks
from src.config.schema import PRECISION, ProtocolConfig
from src.contract.flags import doubts
from src.contract.record import RunRecord
from src.plan.sweep_plan import SweepPlan

ENERGY, ESTIMATED = "energy_j", "estimated"


def looked_at(protocol: ProtocolConfig) -> tuple[int, ...]:
    """After how many blocks the sweep may end; none where it measures all in any case."""
    if protocol.stop != PRECISION:
        return ()
    return looks(protocol.minimum_iterations, protocol.iterations)[:-1]


def enough(plan: SweepPlan, records: Sequence[RunRecord]) -> str | None:
    """Why the sweep may end, as every pair is settled or known well enough; None where it must go on.

    `records` are the finished runs; doubtful ones do not count. What was estimated is judged by its duration, as in the
    report.
    """
    runs = _table(plan, records)
    estimated = any(record.tags["energy_kind"] == ESTIMATED for record in records)
    metric = DURATIONS[ENERGY] if estimated else ENERGY
    if metric not in runs or set(runs["treatment"]) != {each.label for each in plan.treatments}:
        return None
    names = list(itertools.combinations([treatment.label for treatment in plan.treatments], 2))
    known, analysis = material(runs, metric), plan.shared.analysis
    found = [decide(*pair, known, len(names), analysis) for pair in names]
    precision = plan.shared.protocol.precision_percent
    if not found or not all(_settled(each) or _narrow(each, precision) for each in found):
        return None
    settled = sum(_settled(each) for each in found)
    return f"{settled} of {len(found)} pairs settled, the others known to within {precision:g} %"


def _table(plan: SweepPlan, records: Sequence[RunRecord]) -> pd.DataFrame:
    """One row a run that counts, as the analysis has it; the sweep's own way of looking with each."""
    protocol = plan.shared.protocol
    asked = (protocol.stop, str(protocol.minimum_iterations), str(protocol.iterations))
    rows = [
        {
            "sweep": plan.sweep,
            "started_s": record.start_ms / 1000,
            "treatment": record.tags["treatment"],
            "iteration": int(record.tags["iteration"]),
            ORDER: protocol.order.value,
            **dict(zip(LOOKS, asked, strict=True)),
            **{name: record.metrics.get(name, np.nan) for name in (ENERGY, DURATIONS[ENERGY])},
        }
        for record, doubted in zip(records, doubts([record.flags for record in records]), strict=True)
        if not doubted
    ]
    return pd.DataFrame(rows).dropna(axis="columns", how="all")


def _settled(found: Decision) -> bool:
    """Whether more blocks would hardly change the verdict: the same, or beyond the margin, by mean and usual run."""
    if found.bill is None or found.usual is None:
        return False
    return (found.bill.same and found.usual.same) or (found.bill.relevant and found.usual.relevant)


def _narrow(found: Decision, percent: float) -> bool:
    return all(ratio is not None and _width(ratio) <= percent for ratio in (found.bill, found.usual))


def _width(ratio: Ratio) -> float:
    """From end to end, in percent of the lower one."""
    low, high = 1 + ratio.interval.low / 100, 1 + ratio.interval.high / 100
    return 100 * (high / low - 1) if low > 0 else math.inf
