"""One colour and one marker for each treatment, the same in every figure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

import matplotlib
from matplotlib.colors import LinearSegmentedColormap, to_hex

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


def colours(treatments: Iterable[str]) -> dict[str, str]:
    """A colour (`#rrggbb`) for each treatment; it depends on which there are, not on their order.

    Treatments of one family (`torch`, `torch_tuned`, `torch training.batch_size=32`) are shades of one hue,
    the shortest name the darkest.
    """
    families = _families(treatments)
    if len(families) == 1 and len(next(iter(families.values()))) > MANY:
        return _in_order(next(iter(families.values())))
    others = iter(OTHER_RAMPS * (1 + len(families) // len(OTHER_RAMPS)))
    found: dict[str, str] = {}
    for family, members in families.items():
        ramp = FAMILY_RAMPS[family] if family in FAMILY_RAMPS else next(others)
        found |= dict(zip(members, _shades(ramp, len(members)), strict=True))
    return found


def markers(treatments: Iterable[str]) -> dict[str, str]:
    """A marker for each treatment, so that no figure hangs on colour alone; up to twelve differ."""
    ordered = [member for members in _families(treatments).values() for member in members]
    return {treatment: MARKERS[place % len(MARKERS)] for place, treatment in enumerate(ordered)}


def family(treatment: str) -> str:
    """What the variants of a treatment have in common: `torch` of `torch_tuned training.batch_size=32`."""
    return re.split(r"[\s_.=]", treatment, maxsplit=1)[0]


def _families(treatments: Iterable[str]) -> dict[str, list[str]]:
    """Members by family, the known frameworks first, numbers in names by their size."""
    rank = {name: place for place, name in enumerate(FAMILY_RAMPS)}
    ordered = sorted(
        set(treatments), key=lambda name: (rank.get(family(name), len(rank)), family(name), _natural(name))
    )
    found: dict[str, list[str]] = {}
    for treatment in ordered:
        found.setdefault(family(treatment), []).append(treatment)
    return found


def _natural(name: str) -> list[tuple[int, float, str]]:
    parts = re.split(r"(\d+(?:\.\d+)?)", name)
    return [(0, float(part), "") if part[:1].isdigit() else (1, 0.0, part) for part in parts if part]


def _shades(ramp: Sequence[str], count: int) -> list[str]:
    between = LinearSegmentedColormap.from_list("ramp", ramp)
    return [to_hex(between(place / max(count - 1, 1))) for place in range(count)]


def _in_order(members: Sequence[str]) -> dict[str, str]:
    """Steps of viridis, which colour-blind readers see in order; its last, palest part is left out."""
    steps = matplotlib.colormaps["viridis"]
    return {member: to_hex(steps(0.88 * place / (len(members) - 1))) for place, member in enumerate(members)}
