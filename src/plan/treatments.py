"""What a sweep compares: each combination of the values it goes over is one treatment."""

from __future__ import annotations

import hashlib
import itertools
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from hydra.core.override_parser.types import Override

from src.errors import ConfigError

SLUG_BYTES = 80
"""File systems allow names of 255 bytes; those of people are shorter."""


@dataclass(frozen=True)
class Treatment:
    """One combination: its label for people, and the command-line overrides that make it."""

    label: str
    overrides: tuple[str, ...]


def expand(overrides: Sequence[Override]) -> list[Treatment]:
    """Every combination of the swept values, the last one varying fastest.

    Raises ConfigError where a sweep holds nothing, goes over a continuous interval, or names one combination twice.
    """
    choices = [_choices(override) for override in _last_of_each_key(overrides)]
    varying = [override_choices for override_choices in choices if len(override_choices) > 1]
    treatments = [
        Treatment(
            label=_label([choice for choice, options in zip(combination, choices, strict=True) if options in varying]),
            overrides=tuple(f"{key}={value}" for key, value in combination),
        )
        for combination in itertools.product(*choices)
    ]
    _refuse_repeats(treatments)
    return treatments


def slug(label: str) -> str:
    """The label as part of a file name, at most SLUG_BYTES long; a long one is cut and ends in a hash of all of it."""
    safe = "".join(c if c.isalnum() or c in "-_.=" else "-" for c in label)
    if len(safe.encode()) <= SLUG_BYTES:
        return safe
    ending = "-" + hashlib.sha256(label.encode()).hexdigest()[:8]
    return safe.encode()[: SLUG_BYTES - len(ending)].decode(errors="ignore") + ending


def _last_of_each_key(overrides: Sequence[Override]) -> list[Override]:
    return list({override.get_key_element(): override for override in overrides}.values())


def _choices(override: Override) -> list[tuple[str, str]]:
    key = override.get_key_element()
    if not override.is_sweep_override():
        return [(key, override.get_value_element_as_str())]
    if not override.is_discrete_sweep():
        raise ConfigError(f"{key}: an interval has no end of values; list them, as in {key}=1,2,3")
    values = list(override.sweep_string_iterator())
    if not values:
        raise ConfigError(f"{key}: this sweep holds no value; name at least one, as in {key}=A,B")
    return [(key, value) for value in values]


def _label(varied: Sequence[tuple[str, str]]) -> str:
    return " ".join(value if key == "framework" else f"{key.lstrip('+')}={value}" for key, value in varied)


def _refuse_repeats(treatments: Sequence[Treatment]) -> None:
    repeated = [label for label, count in Counter(t.label for t in treatments).items() if count > 1]
    if repeated and len(treatments) > 1:
        raise ConfigError(
            f"'{repeated[0]}' is listed twice; name each value once and repeat with protocol.iterations=N"
        )
