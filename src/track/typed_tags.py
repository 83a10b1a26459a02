"""What MLflow has no place of its own for, as JSON in tags: a run's factors, flags, phases and what its metrics are."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from src.contract.flags import Flag
from src.contract.json_files import ContractError
from src.contract.metrics import Metric
from src.contract.record import Run, old_factors, old_flags

LONGEST = 4900
"""Characters of a tag; MLflow's servers and databases take at least 5000."""
FACTORS, FLAGS, METRICS, WINDOWS = (f"joulebench.{name}" for name in ("factors", "flags", "metrics", "windows"))
FLAGS_TEXT = "flags"
"""The flags again, for people who look at MLflow's pages."""


def typed_tags(run: Run) -> dict[str, str]:
    """The tags that `read_typed` reads back, and the flags as text."""
    tags = {
        FACTORS: _json(run.factors),
        FLAGS: _flags(run.flags),
        METRICS: _json({name: metric.described() for name, metric in run.described.items()}),
        WINDOWS: _json({name: [round(edge, 4) for edge in window] for name, window in run.windows.items()}),
    }
    if run.flags:
        tags[FLAGS_TEXT] = "; ".join(f"{flag.code}: {flag.text}" for flag in run.flags)
    return tags


def read_typed(tags: Mapping[str, str]) -> dict[str, Any]:
    """Factors, flags, described and windows of a run from its tags, those of earlier versions too."""
    try:
        if FACTORS in tags:
            return {
                "factors": {str(key): str(value) for key, value in json.loads(tags[FACTORS]).items()},
                "flags": tuple(Flag.of(flag) for flag in json.loads(tags.get(FLAGS, "[]"))),
                "described": {n: Metric.of(n, metric) for n, metric in json.loads(tags.get(METRICS, "{}")).items()},
                "windows": {n: (float(b), float(e)) for n, (b, e) in json.loads(tags.get(WINDOWS, "{}")).items()},
            }
    except (ValueError, TypeError, AttributeError, ContractError):
        pass  # Somebody edited a tag on MLflow's pages; the run's numbers are worth more than that.
    return {
        "factors": old_factors(tags.get("treatment", ""), tags.get("framework", "")),
        "flags": old_flags(tags.get(FLAGS_TEXT, "")),
        "described": {},
        "windows": {},
    }


def _flags(flags: tuple[Flag, ...]) -> str:
    """All codes, whatever the length of the texts."""
    text = _json([asdict(flag) for flag in flags])
    longest = max((len(flag.text) for flag in flags), default=0)
    while len(text) > LONGEST and longest:
        longest = longest * 2 // 3
        text = _json([asdict(flag) | {"text": flag.text[:longest]} for flag in flags])
    return text


def _json(value: object) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
