"""Something that a reader of a run's numbers should know, from where it arises to the page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from src.contract.json_files import ContractError, take


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
