"""When a study may look at its own results, and how much error each look may spend."""

from __future__ import annotations

MOST_LOOKS = 4


def looks(minimum: int, iterations: int) -> tuple[int, ...]:
    """After how many whole blocks to look: at most MOST_LOOKS times, evenly from `minimum` to `iterations`."""
    minimum = min(minimum, iterations)
    steps = min(MOST_LOOKS - 1, iterations - minimum)
    if not steps:
        return (iterations,)
    return tuple(minimum + round(step * (iterations - minimum) / steps) for step in range(steps + 1))


def alpha_of_a_look(alpha: float, number: int) -> float:
    """What each of `number` looks may err: the same for all (alpha spending, Lan and DeMets, 1983; here a linear one).

    The looks' errors are added as if they excluded each other, so whatever the looks have in common makes it safer.
    """
    return alpha / number
