"""Which finished runs do not decide: those whose own recording or surroundings cast doubt on their numbers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import pandas as pd

from src.contract.flags import Flag

OF_ONE_RUN = (
    "foreign_cpu", "steal", "suspended", "stopped", "clock", "gap", "jump", "standstill", "reset", "too_short",
    "truncated", "impossible", "derived", "left_processes",
)  # fmt: skip
"""Doubts about what happened in a run: should all runs bear one, none of them decides.

Other grave flags tell what the meter does not see on this machine. Where all runs bear the same one, leaving them out
mends nothing: it is a caution about the whole comparison.
"""


@dataclass(frozen=True)
class DoubtfulRun:
    """A finished run that does not decide, with the codes of the flags it is left out for."""

    run_id: str
    run_name: str
    treatment: str
    codes: tuple[str, ...]


def doubtful_runs(runs: pd.DataFrame) -> list[DoubtfulRun]:
    """Those among finished `runs`, in their order, with a grave flag of their own."""
    grave = [frozenset(flag.code for flag in own if flag.grave) for own in _flags(runs)]
    common = (frozenset.intersection(*grave) if grave else frozenset()) - set(OF_ONE_RUN)
    columns = (runs[name].astype(str) for name in ("run_id", "run_name", "treatment"))
    return [
        DoubtfulRun(run_id, name, treatment, tuple(sorted(codes - common)))
        for run_id, name, treatment, codes in zip(*columns, grave, strict=True)
        if codes - common
    ]


def _flags(runs: pd.DataFrame) -> Iterable[Iterable[Flag]]:
    return runs["flags"] if "flags" in runs else ((),) * len(runs)
