"""What several machines say, in sentences and tables: what each shows, whether they agree, what a next one may show."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from src.analysis.analyse import Analysis
from src.analysis.decision import Decision, OnMachine, Shown
from src.analysis.machines import natural
from src.analysis.pairs import Pair
from src.figures.numbers import (
    DASH,
    THIN,
    confidence,
    count,
    enumerate_all,
    interval,
    number,
    p_value,
    percent,
)
from src.report.document import Block, table

MOST_PAIRS = 6
"""Columns of the table with a row a machine."""


def leads(pair: Pair) -> bool:
    """Whether `second` was shown to take more: over machines like these, or on each of these."""
    return pair.verdict.word == "more" or pair.decision.on_each == "more"


def first_place(best: str, pairs: Sequence[Pair], did: str, verb: str, what: str) -> str:
    """Who takes the least, if anybody was shown to; `pairs` are those of `best`, e.g. `spent`, `spend`, `energy`."""
    machines = max(pair.decision.n for pair in pairs)
    over = f"over the {machines} machines"
    rivals = [pair for pair in pairs if not leads(pair)]
    if not rivals:
        everywhere = all(pair.decision.on_each == "more" and pair.decision.n == machines for pair in pairs)
        return f"{best} {did} the least {what} {on_machines(machines, machines) if everywhere else over}."
    disagree = [pair.second for pair in rivals if pair.decision.disagree]
    same = [pair.second for pair in rivals if pair.verdict.word == "practically the same"]
    others = [pair.second for pair in rivals if pair.second not in {*disagree, *same}]
    if len(others) == len(pairs):
        return f"No treatment was shown to {verb} less {what} than another {over}; {best} has the lowest mean."
    buts = []
    if same:
        buts.append(f"{enumerate_all(same)} {verb if len(same) > 1 else f'{verb}s'} practically the same")
    if disagree:
        buts.append(f"the machines disagree about {enumerate_all(disagree)}")
    if others:
        buts.append(f"it was not shown to {verb} less than {enumerate_all(others, 'or')}")
    return f"{best} has the lowest mean {what} {over}, but {', and '.join(buts)}."


def on_machines(n: int, of: int) -> str:
    """`on both machines`, `on all 4 machines`, `on 3 of 4 machines`."""
    if n < of:
        return f"on {n} of {of} machines"
    return "on both machines" if n == 2 else f"on all {n} machines"


def with_each(together: str, pair: Pair, analysis: Analysis) -> str:
    """A sentence about all machines together, and what each of them shows."""
    found = pair.decision
    alike = found.on_each == pair.verdict.word
    said = f"{on_machines(found.n, found.n).capitalize()} {together}" if alike else f"{together}; {_each(found, pair)}"
    return f"{'; '.join([said, *_differ(found, analysis)])}."


def on_each_only(pair: Pair, what: str, level: str) -> str:
    """Of a pair in which every machine shows the same side, and all together too little for a next machine."""
    found = pair.decision
    assert found.bill is not None
    return (
        f"{on_machines(found.n, found.n).capitalize()} {pair.second} takes {found.on_each} {what} than {pair.first} "
        f"({_span(found)}); {count(found.n, 'machine')} cannot tell what a next one would show ({level} interval "
        f"{interval(found.bill.interval, 3)}{THIN}%)."
    )


def _each(found: Decision, pair: Pair) -> str:
    """`on 3 of 4 machines b takes more, on 1 less`."""
    words: tuple[Shown, ...] = ("more", "less", "practically the same")
    told = [(found.shown_on(word), word) for word in words if found.shown_on(word)]
    if not told:
        return "no machine alone settles it"
    (most, word), *others = told
    parts = [f"{on_machines(most, len(found.machines))} {pair.second} takes {word}"]
    parts += [f"on {n} {word}" for n, word in others]
    parts += [f"on {found.shown_on('open')} it is not settled"] if found.shown_on("open") else []
    return ("the machines disagree: " if found.disagree else "") + ", ".join(parts)


def _differ(found: Decision, analysis: Analysis) -> Iterable[str]:
    """How far machines differ, where that is more than their own blocks explain."""
    seen = found.heterogeneity
    if seen is None or seen.p_value >= analysis.config.alpha:
        return
    next_one = f"a next one may show {interval(found.prediction, 3)}{THIN}%" if found.prediction else ""
    yield f"machines differ ({_span(found)})" + (f", and {next_one}" if next_one else "")


def _span(found: Decision) -> str:
    """The machines with the lowest and the highest ratio."""
    low, high = min(found.machines, key=_percent), max(found.machines, key=_percent)
    return f"{percent(low.percent)} on {low.machine} to {percent(high.percent)} on {high.machine}"


def _percent(machine: OnMachine) -> float:
    return machine.percent


def holds_for(found: Sequence[Decision]) -> str:
    """What an answer of several machines holds for."""
    machines, sweeps = max(each.n for each in found), max(each.n_sweeps for each in found)
    boots = "one boot and set-up each" if sweeps == machines else f"{sweeps} sweeps in all"
    if machines == 2:
        return f"It holds for these 2 machines ({boots}), which say little of a third"
    return f"It holds for machines like these {machines} ({boots}), whatever moves from one to the next"


def machine_tables(analysis: Analysis) -> list[Block]:
    """What all machines say of each pair together, and what each says of the pairs with the first treatment."""
    if not analysis.machines:
        return []
    pairs = [pair for pair in analysis.pairs_of(analysis.decisive_metric) if pair.decision.unit == "machines"]
    title, alpha = analysis.catalogue[analysis.decisive_metric].title, analysis.config.alpha
    level = confidence(alpha)
    head = (
        "Pair",
        "Machines",
        "Means (%)",
        f"{level} interval",
        "A next machine",
        "Shown on",
        "Q",
        "p",
        "τ (%)",
        "I² (%)",
    )
    together = [_together(pair, alpha) for pair in pairs if pair.decision.bill]
    caption = f"{title}: by how much second takes more over all machines, each of which counts once."
    note = (
        "Q, τ and I² say whether machines differ more than their own blocks explain; a next machine's ratio lies in "
        "its interval. All intervals hold for all pairs at once."
    )
    first = pairs[0].first if pairs else ""
    columns = [pair for pair in pairs if pair.first == first][:MOST_PAIRS]
    own = f"{title}: by how much each takes more than {first} on each machine, in percent."
    return [
        *table(caption, head, together, 1, note),
        *table(own, ("Machine", *(pair.second for pair in columns)), _rows(columns), 1,
               f"With {level} intervals that hold for all pairs on all machines."),
    ]  # fmt: skip


def _together(pair: Pair, alpha: float) -> tuple[str, ...]:
    found, seen = pair.decision, pair.decision.heterogeneity
    assert found.bill is not None
    shown = f"{max(found.shown_on('more'), found.shown_on('less'))} of {found.n}"
    tests = (DASH,) * 4
    if seen is not None:
        share = number(seen.i2_percent, 2)
        tests = (number(seen.q, 3), p_value(seen.p_value, alpha), number(seen.tau_percent, 2), share)
    return (f"{pair.first} → {pair.second}", str(found.n), percent(found.bill.percent).removesuffix(f"{THIN}%"),
            interval(found.bill.interval, 3), interval(found.prediction, 3), shown, *tests)  # fmt: skip


def _rows(pairs: Sequence[Pair]) -> list[tuple[str, ...]]:
    cells = [{each.machine: _cell(each) for each in pair.decision.machines} for pair in pairs]
    names = sorted({name for column in cells for name in column}, key=natural)
    return [(name, *(column.get(name, DASH) for column in cells)) for name in names]


def _cell(own: OnMachine) -> str:
    size = percent(own.percent).removesuffix(f"{THIN}%")
    return f"{size} ({interval(own.bill.interval, 3)})" if own.bill else f"{size} ({count(own.n, own.unit[:-1])})"
