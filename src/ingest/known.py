"""What is said anew of recordings that were filed before: a filed run stays as it is, so that must be told."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable

from src.contract.record import Run, flatten
from src.ingest.options import IngestOptions

Contradiction = tuple[str, str, str]
"""A key, what the run was filed with, and what is given now."""


def contradictions(options: IngestOptions, filed: Run) -> Iterable[Contradiction]:
    """Every fact given now that a filed run tells otherwise."""
    usual = IngestOptions()
    given = flatten(options.facts())
    for key, value in given.items():
        yield from _contradiction(key, filed.params.get(key), value)
    if options.sweep != usual.sweep:
        yield from _contradiction("sweep", filed.tags.get("sweep"), options.sweep)
    if options.meter.columns:
        stored = filed.params.get("meter.columns")
        names = json.loads(stored) if isinstance(stored, str) else []
        yield from _contradiction("meter.columns", _list(names), _list(options.meter.columns))


def warnings(found: Counter[Contradiction]) -> list[str]:
    """One line for each contradiction, with the number of recordings and the remedy."""
    return [
        f"{key}={given} was not taken over: {count} of the recordings that were there already "
        f"{'was' if count == 1 else 'were'} filed with {key}={stored}, and a filed run stays as it is; delete such "
        "runs in MLflow and give the same command again, or file them under another experiment=NAME"
        for (key, stored, given), count in found.items()
    ]


def _contradiction(key: str, stored: object, given: str) -> Iterable[Contradiction]:
    text = stored if isinstance(stored, str) else "null"
    if text != given:
        yield key, text, given


def _list(names: Iterable[str]) -> str:
    return f"[{', '.join(sorted(names))}]"
