"""Something that a reader of a run's numbers should know, from where it arises to the page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from src.contract.json_files import ContractError, take

OF_ONE_RUN = (
    "foreign_cpu", "steal", "suspended", "stopped", "clock", "gap", "jump", "standstill", "reset", "too_short",
    "truncated", "impossible", "derived", "left_processes", "gpu_missing",
)  # fmt: skip
"""Doubts about what happened in a run: should all runs bear one, none of them decides.

Other grave flags tell what the meter does not see on this machine. Where all runs bear the same one, leaving them out
mends nothing: it is a caution about the whole comparison.
"""


@dataclass(frozen=True)
class Flag:
    """`code` is short and stable, `text` is for people; a `grave` one casts doubt on the run's energy."""

    code: str
    text: str
    grave: bool = False

    @classmethod
    def of(cls, values: Any) -> Self:
        """From what JSON made of one; raises ContractError."""
        if not isinstance(values, Mapping):
            raise ContractError(f"a flag is {values!r:.80}, not an object")
        return cls(
            take(values, "code", str, "flag"), take(values, "text", str, "flag"), take(values, "grave", bool, "flag")
        )


def doubts(flags_of_runs: Sequence[Sequence[Flag]]) -> list[tuple[str, ...]]:
    """For each of the runs that are compared, the codes of the grave flags for which it does not decide."""
    grave = [frozenset(flag.code for flag in own if flag.grave) for own in flags_of_runs]
    common = (frozenset.intersection(*grave) if grave else frozenset()) - set(OF_ONE_RUN)
    return [tuple(sorted(codes - common)) for codes in grave]
