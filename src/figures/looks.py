"""How a treatment looks, the same in every figure: one colour, one marker, a label as it fits beside an axis."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

import matplotlib
from matplotlib.colors import LinearSegmentedColormap, to_hex

from src.contract.metrics import OLD_PHASES

Treatments = Mapping[str, Mapping[str, str]]
"""Labels in the order they are shown, each with the factors that set its treatment apart."""

FAMILY_RAMPS = {
    "torch": ("#994455", "#ee99aa"),
    "tf": ("#997700", "#ddaa33"),
    "jax": ("#004488", "#6699cc"),
}
"""Dark to light for a framework and its variants: after Paul Tol's medium-contrast scheme (2021)."""

OTHER_RAMPS = (("#117755", "#77ccaa"), ("#553388", "#bb99dd"), ("#333333", "#aaaaaa"))
"""For what is none of the three, in alphabetical order."""

MANY = 4
"""A single family with more variants than this needs more than shades of one hue."""

MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">", "p", "h", "d")

PHASE_COLOURS = ("#999999", "#56b4e9", "#f0e442", "#009e73", "#cc79a7", "#e69f00", "#0072b2", "#d55e00")
"""Okabe and Ito's (2008), which colour-blind readers can tell apart."""

NARROW = 17
"""Characters a line that leave most of a column's width to the data."""

LINE_IN = 0.125
"""Height of a line of text."""

WIDE = 46
"""Characters a line that fill a column."""


def colours(treatments: Treatments) -> dict[str, str]:
    """A colour (`#rrggbb`) for each treatment; it depends on which there are, not on their order.

    Treatments of one family (a framework's variants, a command's settings) are shades of one hue.
    """
    families = _families(treatments)
    if len(families) == 1 and len(next(iter(families.values()))) > MANY:
        return _in_order(next(iter(families.values())))
    others = iter(OTHER_RAMPS)
    found: dict[str, str] = {}
    for family, members in families.items():
        ramp = FAMILY_RAMPS[family] if family in FAMILY_RAMPS else next(others)
        found |= dict(zip(members, _shades(ramp, len(members)), strict=True))
    return found


def markers(treatments: Treatments) -> dict[str, str]:
    """A marker for each treatment, so that no figure hangs on colour alone; up to twelve differ."""
    ordered = [member for members in _families(treatments).values() for member in members]
    return {treatment: MARKERS[place % len(MARKERS)] for place, treatment in enumerate(ordered)}


def phase_colours(phases: Iterable[str]) -> dict[str, str]:
    """A colour for each phase; those of a training keep theirs whatever stands beside them."""
    named = dict.fromkeys(phases)
    fixed = {phase: PHASE_COLOURS[place] for place, phase in enumerate(OLD_PHASES) if phase in named}
    free = [colour for colour in PHASE_COLOURS if colour not in fixed.values()] or list(PHASE_COLOURS)
    rest = [phase for phase in named if phase not in fixed]
    own = {phase: free[place % len(free)] for place, phase in enumerate(rest)}
    return {phase: (fixed | own)[phase] for phase in named}


def short_labels(treatments: Treatments) -> dict[str, str]:
    """`torch training.batch_size=32` becomes `torch batch_size=32`, where no two names become the same."""
    short = {}
    for label, factors in treatments.items():
        name = label
        for key in factors:
            name = name.replace(f"{key}=", f"{key.rpartition('.')[2]}=")
        short[label] = name
    return short if len(set(short.values())) == len(short) else {label: label for label in treatments}


def level_label(factor: str, level: str) -> str:
    """A factor's level as treatments are labelled by it: `torch`, `batch_size=32`."""
    return level if factor == "framework" or factor.endswith(".name") else f"{factor_name(factor)}={level}"


def factor_name(factor: str) -> str:
    """What a factor is called: `batch_size` of `training.batch_size`, `dataset` of `dataset.name`."""
    return factor.removesuffix(".name").rpartition(".")[2]


def wrapped_labels(treatments: Treatments, width: int = NARROW) -> dict[str, str]:
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


def family(label: str, factors: Mapping[str, str]) -> str:
    """What variants have in common: the framework without its way of use, else what is not a number among factors."""
    if "framework" in factors:
        return factors["framework"].partition("_")[0]
    words = [value for value in factors.values() if _number(value) is None]
    return " ".join(words or factors or [label])


def _families(treatments: Treatments) -> dict[str, list[str]]:
    """Members by family, the known frameworks first, numbers by their size; too many others are one family."""
    own = {label: family(label, factors) for label, factors in treatments.items()}
    others = {name for name in own.values() if name not in FAMILY_RAMPS}
    if len(others) > len(OTHER_RAMPS):
        own = {label: name if name in FAMILY_RAMPS else "" for label, name in own.items()}
    rank = {name: place for place, name in enumerate(FAMILY_RAMPS)}
    found: dict[str, list[str]] = {}
    placed = sorted((rank.get(own[label], len(rank)), own[label], _order(treatments[label]), label) for label in own)
    for _, name, _, label in placed:
        found.setdefault(name, []).append(label)
    return found


def _order(factors: Mapping[str, str]) -> list[tuple[float, str]]:
    """Values to sort by, numbers by their size and before texts."""
    numbers = [(_number(value), value) for value in factors.values()]
    return [(float("inf"), value) if number is None else (number, "") for number, value in numbers]


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _parts(word: str, width: int) -> Sequence[str]:
    if len(word) <= width:
        return [word]
    pieces = re.split(r"(?<=[_=,/-])|(?<=\.)(?!\d)", word)
    return [piece[start : start + width] for piece in pieces for start in range(0, len(piece), width)]


def _shades(ramp: Sequence[str], count: int) -> list[str]:
    between = LinearSegmentedColormap.from_list("ramp", ramp)
    return [to_hex(between(place / max(count - 1, 1))) for place in range(count)]


def _in_order(members: Sequence[str]) -> dict[str, str]:
    """Steps of viridis, which colour-blind readers see in order; its last, palest part is left out."""
    steps = matplotlib.colormaps["viridis"]
    return {member: to_hex(steps(0.88 * place / (len(members) - 1))) for place, member in enumerate(members)}
