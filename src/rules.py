"""Rules at the fields of settings: what a type cannot say stands beside it, as `epochs: Annotated[int, at_least(1)]`.

OmegaConf reads the type and lets the rest of an `Annotated` be, so types are checked once, where values are composed,
and rules once, here.
"""

from __future__ import annotations

import dataclasses
import functools
import math
import re
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass
from typing import Any, get_type_hints

from src.errors import ConfigError

MUST = "{key}={value}: must be {wanted}"


@dataclass(frozen=True)
class Rule:
    """A condition on a field's value, and what is wanted where it does not hold; null passes every rule."""

    wanted: str
    holds: Callable[[Any], bool]


def at_least(least: float, hint: str = "") -> Rule:
    """`hint` is said after the bound."""
    return Rule(f"at least {least}{hint}", lambda value: value >= least)


def one_of(*choices: str) -> Rule:
    """The value is one of these texts."""
    return Rule(f"one of {', '.join(choices)}", lambda value: value in choices)


def within(least: float, most: float) -> Rule:
    """Both ends belong to it."""
    return Rule(f"{least} to {most}", lambda value: least <= value <= most)


ABOVE_ZERO = Rule("above 0", lambda value: value > 0)
SHARE = Rule("at least 0 and below 1", lambda value: 0 <= value < 1)
UNIQUE = Rule("a list that names nothing twice", lambda values: len(set(values)) == len(values))
NAME = Rule("a name", lambda value: bool(value.strip()))
FILE_NAME = Rule(
    "a name of letters, digits, '.', '_' and '-' that begins with a letter or digit",
    lambda value: re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", value) is not None,
)
"""What becomes a file or folder and must stay where it is put."""


def check_fields(settings: Any, key: str = "", says: str = MUST) -> None:
    """Raise ConfigError for the first value that breaks its field's rule, or is a number that is not finite.

    `settings` is a dataclass, and so may be what its fields hold, in lists and dicts too; `key` is where it stands.
    """
    for name, value in _children(settings):
        _check_value(value, _rules(settings.__class__).get(name, ()), f"{key}.{name}" if key else name, says)


def _check_value(value: Any, rules: tuple[Rule, ...], key: str, says: str) -> None:
    if isinstance(value, float) and not math.isfinite(value):
        raise ConfigError(MUST.format(key=key, value=value, wanted="a finite number"))
    for rule in rules if value is not None else ():
        if not rule.holds(value):
            raise ConfigError(says.format(key=key, value=value, wanted=rule.wanted))
    check_fields(value, key, says)


def _children(values: Any) -> Iterator[tuple[str, Any]]:
    if dataclasses.is_dataclass(values):
        yield from ((field.name, getattr(values, field.name)) for field in dataclasses.fields(values))
    elif isinstance(values, dict):
        yield from ((str(name), value) for name, value in values.items())
    elif isinstance(values, list):
        yield from ((str(index), value) for index, value in enumerate(values))


@functools.cache
def _rules(kind: Hashable) -> dict[str, tuple[Rule, ...]]:
    """The rules of each field of a dataclass; none of anything else."""
    if not dataclasses.is_dataclass(kind):
        return {}
    hints = get_type_hints(kind, include_extras=True)
    return {
        name: tuple(rule for rule in getattr(hint, "__metadata__", ()) if isinstance(rule, Rule))
        for name, hint in hints.items()
    }
