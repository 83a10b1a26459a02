"""Look numbers up, in a set or by bisection: a program with phases and metrics of its own.

`python phases.py set|bisect COUNT`. Standard library only; without joulebench it runs just as well and tells nothing.
"""

import json
import os
import random
import sys
import time
from bisect import bisect_left
from collections.abc import Iterator
from contextlib import contextmanager

ROUNDS = 10
"""How often everything is looked up: a set needs 40 ns a number, and a meter several samples of the phase."""


@contextmanager
def phase(name: str) -> Iterator[None]:
    """Tell joulebench when a phase begins and ends."""
    tell_event(name, "begin")
    yield
    tell_event(name, "end")


def tell_event(name: str, edge: str) -> None:
    """Append one line to the file of events."""
    if "JOULEBENCH_EVENTS" in os.environ:
        with open(os.environ["JOULEBENCH_EVENTS"], "a") as file:
            print(json.dumps({"t": time.time(), "phase": name, "edge": edge}), file=file)


def tell_outcome(count: int, found: int, took_s: float) -> None:
    """Write what it came to, once, at the end."""
    outcome = {
        "metrics": {
            "lookups_per_s": {"value": count / took_s, "unit": "1/s", "title": "Look-ups", "better": "higher"},
            "found": {"value": found, "title": "Numbers found", "headline": False},
        },
        # The task's energy divided by what was done.
        "per_unit": {"name": "energy_per_lookup_j", "unit": "J", "title": "Energy of a look-up", "count": count},
    }
    if "JOULEBENCH_OUTCOME" in os.environ:
        with open(os.environ["JOULEBENCH_OUTCOME"], "w") as file:
            json.dump(outcome, file)


def main(way: str, count: int) -> None:
    """Build what is searched, then search it."""
    draw = random.Random(1)
    with phase("build"):
        numbers = sorted(draw.randrange(10 * count) for _ in range(count))
        wanted = [draw.randrange(10 * count) for _ in range(count)]
        as_set = set(numbers) if way == "set" else None
    with phase("search"):
        begin_s = time.perf_counter()
        if as_set is not None:
            found = sum(number in as_set for _ in range(ROUNDS) for number in wanted)
        else:
            found = sum(
                numbers[bisect_left(numbers, number) % count] == number for _ in range(ROUNDS) for number in wanted
            )
        took_s = time.perf_counter() - begin_s
    tell_outcome(ROUNDS * count, found, took_s)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
