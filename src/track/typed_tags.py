"""What MLflow has no place of its own for, as JSON in tags: a run's factors, flags, phases and what its metrics are."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

from src.contract.flags import Flag
from src.contract.json_files import ContractError
from src.contract.metrics import Metric
from src.contract.record import Run, old_factors, old_flags

LONGEST = 4900
"""Characters of a tag; MLflow's servers and databases take at least 5000. What is longer goes on in NAME.2, NAME.3."""
FACTORS, FLAGS, METRICS, WINDOWS = (f"joulebench.{name}" for name in ("factors", "flags", "metrics", "windows"))
FLAGS_TEXT = "flags"
"""The flags again, for people who look at MLflow's pages."""


def typed_tags(run: Run) -> dict[str, str]:
    """The tags that `read_typed` reads back, and the flags as text."""
    tags = {
        **_tags(FACTORS, run.factors),
        **_tags(FLAGS, [asdict(flag) for flag in run.flags]),
        **_tags(METRICS, {name: metric.described() for name, metric in run.described.items()}),
        **_tags(WINDOWS, {name: [round(edge, 4) for edge in window] for name, window in run.windows.items()}),
    }
    if run.flags:
        tags[FLAGS_TEXT] = "; ".join(f"{flag.code}: {flag.text}" for flag in run.flags)
    return tags


def read_typed(tags: Mapping[str, str]) -> dict[str, Any]:
    """Factors, flags, described and windows of a run from its tags, those of earlier versions too.

    A tag that somebody edited on MLflow's pages is as good as none: the run's numbers are worth more than that.
    """
    factors = _read(tags, FACTORS, lambda values: {str(key): str(value) for key, value in values.items()})
    flags = _read(tags, FLAGS, lambda values: tuple(map(Flag.of, values)))
    described = _read(tags, METRICS, lambda values: {name: Metric.of(name, metric) for name, metric in values.items()})
    windows = _read(tags, WINDOWS, lambda values: {name: (float(b), float(e)) for name, (b, e) in values.items()})
    old = old_factors(tags.get("treatment", ""), tags.get("framework", ""))
    return {
        "factors": old if factors is None else factors,
        "flags": old_flags(tags.get(FLAGS_TEXT, "")) if flags is None else flags,
        "described": described or {},
        "windows": windows or {},
    }


def _tags(name: str, value: object) -> dict[str, str]:
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    parts = [text[begin : begin + LONGEST] for begin in range(0, len(text), LONGEST)]
    return {name if number == 1 else f"{name}.{number}": part for number, part in enumerate(parts, 1)}


def _read(tags: Mapping[str, str], name: str, make: Callable[[Any], Any]) -> Any:
    """What a typed tag holds; None where there is none, or none that can be read."""
    parts = [tags.get(name, "")]
    while (more := tags.get(f"{name}.{len(parts) + 1}")) is not None:
        parts.append(more)
    try:
        return make(json.loads("".join(parts)))
    except (ValueError, TypeError, AttributeError, ContractError):
        return None
