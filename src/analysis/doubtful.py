"""Which finished runs do not decide: those whose own recording or surroundings cast doubt on their numbers."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from src.contract.flags import doubts


@dataclass(frozen=True)
class DoubtfulRun:
    """A finished run that does not decide, with the codes of the flags it is left out for."""

    run_id: str
    run_name: str
    treatment: str
    codes: tuple[str, ...]


def doubtful_runs(runs: pd.DataFrame) -> list[DoubtfulRun]:
    """Those among finished `runs`, in their order, with a grave flag of their own."""
    found = doubts(list(runs["flags"]))
    columns = (runs[name].astype(str) for name in ("run_id", "run_name", "treatment"))
    return [
        DoubtfulRun(run_id, name, treatment, codes)
        for run_id, name, treatment, codes in zip(*columns, found, strict=True)
        if codes
    ]
