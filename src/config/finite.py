"""Infinite numbers and nan pass for numbers in YAML; no setting means them."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator
from typing import Any

from src.errors import ConfigError


def refuse_infinite(values: Any, key: str = "") -> None:
    """Raise ConfigError for the first number below `key` (a dataclass, dict, list or value) that is not finite."""
    if dataclasses.is_dataclass(values) and not isinstance(values, type):
        values = {field.name: getattr(values, field.name) for field in dataclasses.fields(values)}
    for name, value in _children(values):
        refuse_infinite(value, f"{key}.{name}" if key else name)
    if isinstance(values, float) and not math.isfinite(values):
        raise ConfigError(f"{key}={values}: must be a finite number")


def _children(values: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(values, dict):
        yield from ((str(name), value) for name, value in values.items())
    elif isinstance(values, list):
        yield from ((str(index), value) for index, value in enumerate(values))
