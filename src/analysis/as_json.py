"""An analysis as plain JSON: objects, lists, text, numbers; what is not a number is null."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np

from src.analysis.analyse import Analysis

VERSION = 1


def to_json(analysis: Analysis) -> dict[str, Any]:
    """Field names as in the dataclasses, with a `version`; NaN and infinities become None."""
    return {"version": VERSION, **_plain(analysis)}


def _plain(value: Any) -> Any:
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
