"""statistics.json: an analysis as plain JSON: objects, lists, text, numbers; what is not a number is null."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np

from src.analysis.analyse import Analysis
from src.analysis.values import Reason
from src.report.wording import caution_text, excluded_reason, outlier_reason, reason_text, verdict_reason

VERSION = 1


def to_json(analysis: Analysis) -> dict[str, Any]:
    """Field names as in the dataclasses, with a `version`; NaN and infinities become None.

    What the analysis tells by codes is also said in words: `message` of a warning, and every `reason`.
    """
    values: dict[str, Any] = {"version": VERSION, **_plain(analysis)}
    for entry, caution in zip(values["cautions"], analysis.cautions, strict=True):
        entry["message"] = caution_text(caution, analysis)
    for entry, pair in zip(values["pairs"], analysis.pairs, strict=True):
        del entry["verdict"]["untested"]
        entry["verdict"]["reason"] = verdict_reason(pair, analysis.config)
    for entry, outlier in zip(values["outliers"], analysis.outliers, strict=True):
        entry["reason"] = outlier_reason(outlier)
    for entry, run in zip(values["excluded_runs"], analysis.excluded_runs, strict=True):
        entry["reason"] = excluded_reason(run)
    return values


def _plain(value: Any) -> Any:
    if isinstance(value, Reason):
        return reason_text(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: _plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, np.generic):
        return _plain(value.item())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
