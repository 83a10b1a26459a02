"""How energy is known, in words, for pictures and pages; where it was measured nothing need be said."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from src.figures.numbers import enumerate_all

BRIEFLY = {
    "estimated": "ESTIMATED, not measured",
    "replayed": "REPLAYED from recordings, not measured now",
    "imported": "IMPORTED, recorded elsewhere",
}
AT_LENGTH = {
    "estimated": (
        "ESTIMATED from the processor's load and a power model, not measured, so it decides nothing and durations are "
        "compared instead"
    ),
    "replayed": "REPLAYED from earlier recordings, not measured in these runs",
    "imported": "IMPORTED from recordings made elsewhere; how they were measured was not under this tool's control",
}


def at_length(kind: str) -> str:
    """What energy of this kind is."""
    return AT_LENGTH.get(kind, f"of unknown origin ('{kind}')")


def kind_text(kinds: Sequence[str]) -> str:
    """How the energy of the runs is known, a line for each kind, empty where all of it was measured."""
    counts = Counter(str(kind).lower() for kind in kinds)
    lines = []
    for kind in sorted(counts):
        if kind != "measured":
            text = BRIEFLY.get(kind, f"{kind.upper()}: how this energy is known, nobody noted")
            lines.append(text if len(counts) == 1 else f"{counts[kind]} of {counts.total()} runs {text}")
    return "\n".join(lines)


def not_measured(kinds: Iterable[str]) -> str:
    """Which kinds of energy there are beside the measured one, as in `IMPORTED` or `partly IMPORTED`; empty if none."""
    known = set(kinds)
    other = enumerate_all([kind.upper() for kind in sorted(known - {"measured"})])
    return f"partly {other}" if other and "measured" in known else other
