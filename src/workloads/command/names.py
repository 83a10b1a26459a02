"""What commands are called where nobody named them: what sets them apart, in their own words."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence
from itertools import takewhile
from pathlib import PurePath

Line = tuple[str, ...]
LONGEST = 60
"""Characters of a name; tables, figures and folders have to show it."""


def short_names(lines: Sequence[Sequence[str]]) -> list[str]:
    """A name for each command line (its words), equal only where the lines are.

    Their programs where these differ, else the program and the words that differ, else the whole line.
    """
    distinct = list(dict.fromkeys(map(tuple, lines)))
    ways: tuple[Callable[[list[Line]], list[str]], ...] = (_programs, _differences, _whole)
    tried = (way(distinct) for way in ways)
    names = next((names for names in tried if len(set(names)) == len(distinct)), _whole(distinct))
    named = dict(zip(distinct, _cut(names), strict=True))
    return [named[tuple(line)] for line in lines]


def _programs(lines: list[Line]) -> list[str]:
    """Each program by its file name, and as many folders before it as tell it from the others."""
    paths = {line[0]: PurePath(line[0]).parts for line in lines}
    for count in range(1, max(map(len, paths.values())) + 1):
        names = {program: str(PurePath(*parts[-count:])) for program, parts in paths.items()}
        if len(set(names.values())) == len(names):
            return [names[line[0]] for line in lines]
    return [line[0] for line in lines]


def _differences(lines: list[Line]) -> list[str]:
    """The program, and what is left of the other words without those that all begin and end with.

    An option stays before the value that differs: `train --epochs 3`.
    """
    rests = [[piece.rstrip(";") for word in line[1:] for piece in word.split()] for line in lines]
    begin = _common(rests)
    end = _common([rest[begin:][::-1] for rest in rests])
    differing = [rest[begin : len(rest) - end] for rest in rests]
    is_value = all(words and not words[0].startswith("-") for words in differing)
    if begin and is_value and rests[0][begin - 1].startswith("-"):
        differing = [[rests[0][begin - 1], *words] for words in differing]
    return [" ".join([program, *words]) for program, words in zip(_programs(lines), differing, strict=True)]


def _whole(lines: list[Line]) -> list[str]:
    return [" ".join(shlex.join(line).split()) for line in lines]


def _common(rests: list[list[str]]) -> int:
    """How many words all begin with."""
    return len(list(takewhile(lambda words: len(set(words)) == 1, zip(*rests, strict=False))))


def _cut(names: list[str]) -> list[str]:
    """None longer than LONGEST, and numbered where they are equal then."""
    cut = [name if len(name) <= LONGEST else f"{name[: LONGEST - 1]}…" for name in names]
    return [name if cut.count(name) == 1 else f"{name} ({place})" for place, name in enumerate(cut, 1)]
