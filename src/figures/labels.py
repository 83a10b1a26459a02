"""Treatments' names as they fit beside an axis."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

NARROW = 17
"""Characters a line that leave most of a column's width to the data."""

LINE_IN = 0.125
"""Height of a line of text."""

WIDE = 46
"""Characters a line that fill a column."""


def short_labels(treatments: Iterable[str]) -> dict[str, str]:
    """`torch training.batch_size=32` becomes `torch batch_size=32`, where no two names become the same."""
    names = list(treatments)
    short = {name: re.sub(r"(?<!\S)[\w.]+\.(?=[\w]+=)", "", name) for name in names}
    return short if len(set(short.values())) == len(set(names)) else {name: name for name in names}


def wrapped_labels(treatments: Iterable[str], width: int = NARROW) -> dict[str, str]:
    """Short labels in lines of at most `width` characters; where one breaks, all break after their first word."""
    short = short_labels(treatments)
    if all(len(label) <= width for label in short.values()):
        return short
    heads = {name: label.split(maxsplit=1) for name, label in short.items()}
    return {name: "\n".join(line for part in parts for line in wrap(part, width)) for name, parts in heads.items()}


def row_in(labels: Iterable[str], least_in: float) -> float:
    """Height of a row that has room for each of these labels."""
    lines = max((label.count("\n") + 1 for label in labels), default=1)
    return max(least_in, LINE_IN * lines + 0.06)


def wrap(text: str, width: int) -> list[str]:
    """Lines of at most `width` characters, broken after a space, else after one of `_=.,/-`, else anywhere."""
    lines = [""]
    for word in text.split():
        for place, part in enumerate(_parts(word, width)):
            glue = " " if lines[-1] and place == 0 else ""
            if len(lines[-1]) + len(glue) + len(part) <= width:
                lines[-1] += glue + part
            else:
                lines.append(part)
    return [line for line in lines if line]


def _parts(word: str, width: int) -> Sequence[str]:
    if len(word) <= width:
        return [word]
    pieces = re.split(r"(?<=[_=,/-])|(?<=\.)(?!\d)", word)
    return [piece[start : start + width] for piece in pieces for start in range(0, len(piece), width)]
