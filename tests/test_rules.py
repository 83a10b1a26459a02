"""Rules at fields: the first value that breaks one is named by its key."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Annotated, Any

import pytest

from src.errors import ConfigError
from src.rules import ABOVE_ZERO, FILE_NAME, NAME, SHARE, UNIQUE, at_least, check_fields, one_of, within


@dataclass
class Inner:
    share: Annotated[float, SHARE] = 0.5


@dataclass
class Settings:
    least: Annotated[int | None, at_least(3, ", or null")] = 3
    above: Annotated[float, ABOVE_ZERO] = 0.1
    within: Annotated[int, within(1, 5)] = 5
    choice: Annotated[str, one_of("a", "b")] = "b"
    unique: Annotated[list[int], UNIQUE] = field(default_factory=list)
    name: Annotated[str, NAME] = "n"
    file: Annotated[str, FILE_NAME] = "mnist-2.0_x"
    inner: Inner = field(default_factory=Inner)
    named: dict[str, Inner] = field(default_factory=dict)
    listed: list[Inner] = field(default_factory=list)
    free: Any = None


SOUND = Settings(least=None, within=1, named={"a": Inner(0)}, listed=[Inner()], free={"x": [1.5]})


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"least": 2}, "g.least=2: must be at least 3, or null"),
        ({"above": 0}, "g.above=0: must be above 0"),
        ({"within": 6}, "g.within=6: must be 1 to 5"),
        ({"within": 0}, "g.within=0: must be 1 to 5"),
        ({"choice": "c"}, "g.choice=c: must be one of a, b"),
        ({"unique": [1, 1]}, "g.unique=[1, 1]: must be a list that names nothing twice"),
        ({"name": " "}, "g.name= : must be a name"),
        ({"inner": Inner(1)}, "g.inner.share=1: must be at least 0 and below 1"),
        ({"named": {"a": Inner(), "b": Inner(-1)}}, "g.named.b.share=-1: must be at least 0 and below 1"),
        ({"listed": [Inner(), Inner(2)]}, "g.listed.1.share=2: must be at least 0 and below 1"),
        ({"above": float("nan")}, "g.above=nan: must be a finite number"),
        ({"free": {"x": [0.5, float("-inf")]}}, "g.free.x.1=-inf: must be a finite number"),
        ({"above": -1, "least": 1}, "g.least=1: must be at least 3, or null"),
    ],
    ids=str,
)
def test_the_first_value_that_breaks_a_rule_is_named(changes: dict[str, Any], says: str) -> None:
    check_fields(SOUND, "g")
    with pytest.raises(ConfigError) as caught:
        check_fields(replace(SOUND, **changes), "g")
    assert str(caught.value) == says


@pytest.mark.parametrize("name", ["", ".", "..", "../x", "a/b", "a\\b", "-x", "a b", "a\n", "x" * 101, "\xe9"])
def test_what_cannot_be_a_files_name(name: str) -> None:
    with pytest.raises(ConfigError, match=r"file=[^:]*: must be a name of letters"):
        check_fields(Settings(file=name))


def test_the_words_around_are_the_callers() -> None:
    with pytest.raises(ConfigError, match="^least=1 is less than at least 3, or null$"):
        check_fields(Settings(least=1), says="{key}={value} is less than {wanted}")
