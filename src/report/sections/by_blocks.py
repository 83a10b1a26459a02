"""What the blocks say of each pair, in sentences: who takes more, by how much, is it settled, does it matter."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from src.analysis.analyse import Analysis
from src.analysis.decision import Ratio
from src.analysis.pairs import Pair
from src.figures.numbers import THIN, confidence, count, interval, number, percent
from src.report.sections import by_machines
from src.report.wording import costly_text, reason_text

QUANTITIES = {"J": "energy", "s": "time"}


def pair_sentence(pair: Pair, analysis: Analysis) -> str:
    """What may be said of one pair, with its numbers, and what its usual run says where that is something else."""
    on_bill, in_usual = pair.decision.bill, pair.decision.usual
    if on_bill is None or in_usual is None:
        return _not_testable(pair)
    if pair.decision.unit == "machines":
        return _of_machines(pair, on_bill, in_usual, analysis)
    return _said(pair, on_bill, in_usual, analysis)


def _of_machines(pair: Pair, on_bill: Ratio, in_usual: Ratio, analysis: Analysis) -> str:
    """What all machines say together, and what each of them."""
    if pair.verdict.word == "no difference shown" and pair.decision.on_each in ("more", "less"):
        return by_machines.on_each_only(pair, _what(pair), confidence(analysis.config.alpha))
    return by_machines.with_each(_said(pair, on_bill, in_usual, analysis).removesuffix("."), pair, analysis)


def _said(pair: Pair, on_bill: Ratio, in_usual: Ratio, analysis: Analysis) -> str:
    if pair.verdict.word == "practically the same":
        return _same(pair, on_bill, in_usual, analysis)
    if pair.verdict.word == "no difference shown":
        return _not_shown(pair, on_bill, in_usual, analysis)
    return _different(pair, on_bill, in_usual, analysis)


def split_sentence(pairs: Sequence[Pair], analysis: Analysis) -> Iterable[str]:
    """Whether the energy follows the time or the power, of the pair that lies farthest apart."""
    parts = [(p, p.decision.bill, p.decision.duration, p.decision.power) for p in pairs]
    known = [(pair, bill, longer, power) for pair, bill, longer, power in parts if bill and longer and power]
    if known:
        pair, _, longer, power = max(known, key=lambda part: abs(part[1].percent))
        yield (
            f"{pair.second} ran {_factor(longer.percent)} times as long as {pair.first} "
            f"({_factors(longer, analysis)}) at {_factor(power.percent)} times its mean power "
            f"({_factors(power, analysis)})."
        )


def holds_for(pairs: Sequence[Pair]) -> str:
    """What the answer holds for: as many sweeps, and so boots and set-ups, as there were; empty without a verdict."""
    found = [pair.decision for pair in pairs if pair.decision.bill]
    if not found:
        return ""
    sweeps = max(each.n_sweeps for each in found)
    if any(each.unit == "machines" for each in found):
        return by_machines.holds_for([each for each in found if each.unit == "machines"])
    if any(each.unit == "runs" for each in found):
        return "It holds for runs that share no blocks, taken to be independent of when they were measured"
    if sweeps > 1:
        return f"It holds for sweeps like these {sweeps}, whatever moves from one to the next"
    return f"It holds for this sweep of {count(max(each.n for each in found), 'block')}: this machine, boot and set-up"


def _what(pair: Pair) -> str:
    return QUANTITIES.get(pair.unit, "of it")


def _amount(found: Ratio, analysis: Analysis) -> str:
    """Signed, with its interval."""
    return f"{percent(found.percent)}, {_interval(found, analysis)}"


def _interval(found: Ratio, analysis: Analysis) -> str:
    return f"{confidence(analysis.config.alpha)} interval {interval(found.interval, 3)}{THIN}%"


def _more(pair: Pair, found: Ratio, analysis: Analysis) -> str:
    """`b takes 12.3 % more energy than a (95 % interval 11.0 to 13.6 %)`."""
    side = "more" if found.percent > 0 else "less"
    size = f"{number(abs(found.percent), 3)}{THIN}%"
    return f"{pair.second} takes {size} {side} {_what(pair)} than {pair.first} ({_interval(found, analysis)})"


def _matters(found: Ratio, analysis: Analysis) -> str:
    limit = f"{analysis.config.relevant_percent:g}{THIN}%"
    if found.same:
        return f"which is less than the {limit} that matter here"
    beyond = f"beyond the {limit} that matter here"
    return f"which is {beyond}" if found.relevant else f"but whether that is {beyond} is not settled"


def _different(pair: Pair, on_bill: Ratio, in_usual: Ratio, analysis: Analysis) -> str:
    if not on_bill.differs:
        settled = "practically the same" if on_bill.same else "not settled"
        return (
            f"In the usual run {_more(pair, in_usual, analysis)}, {_matters(in_usual, analysis)}; on average, and so "
            f"on the bill, the difference is {settled} ({_amount(on_bill, analysis)}{_costly(pair, analysis)})."
        )
    said = f"{_more(pair, on_bill, analysis)}, {_matters(on_bill, analysis)}"
    if pair.decision.agrees:
        return f"{said}."
    if in_usual.differs and not in_usual.same and on_bill.percent * in_usual.percent > 0:
        return f"{said}; in the usual run too ({_amount(in_usual, analysis)}), {_matters(in_usual, analysis)}."
    return f"{said}; {_in_usual(in_usual, analysis)}{_costly(pair, analysis)}."


def _in_usual(found: Ratio, analysis: Analysis) -> str:
    if found.same:
        return f"in the usual run they take practically the same ({_amount(found, analysis)})"
    shown = "it is the other way round" if found.differs else "the difference is not settled"
    return f"in the usual run {shown} ({_amount(found, analysis)})"


def _costly(pair: Pair, analysis: Analysis) -> str:
    """Which rare runs make the difference between the bill and the usual run, where some do."""
    found = [costly_text(each) for each in analysis.costly if each.treatment in (pair.first, pair.second)]
    return f", as {' and '.join(found)}" if found else ""


def _same(pair: Pair, on_bill: Ratio, in_usual: Ratio, analysis: Analysis) -> str:
    also = ", although a difference is shown" if pair.verdict.significant else ""
    return (
        f"{pair.first} and {pair.second} take practically the same {_what(pair)}{also}: on average {pair.second} lies "
        f"{_amount(on_bill, analysis)}, from {pair.first}, and in the usual run {_amount(in_usual, analysis)}."
    )


def _not_shown(pair: Pair, on_bill: Ratio, in_usual: Ratio, analysis: Analysis) -> str:
    if on_bill.same:
        return (
            f"On average {pair.first} and {pair.second} take practically the same {_what(pair)} "
            f"({_amount(on_bill, analysis)}); in the usual run that is not settled ({_amount(in_usual, analysis)})."
        )
    limit = f"{analysis.config.relevant_percent:g}{THIN}%"
    usual = "" if pair.decision.agrees else f"; {_in_usual(in_usual, analysis)}{_costly(pair, analysis)}"
    needed = pair.decision.needed
    more = (
        f"; about {number(needed, 1)} blocks would show {limit} with a probability of {analysis.config.target_power:g}"
        if needed and needed > pair.decision.n
        else ""
    )
    return (
        f"Between {pair.first} and {pair.second} no difference in {_what(pair)} was shown, and one of {limit} was "
        f"not ruled out ({_amount(on_bill, analysis)}){usual}{more}."
    )


def _not_testable(pair: Pair) -> str:
    gap = "" if pair.percent is None else f" (its mean differs by {percent(pair.percent)})"
    return f"Nothing can be said of {pair.second}{gap} beside {pair.first}: {reason_text(pair.decision.untested)}."


def _factor(percents: float) -> str:
    return number(1 + percents / 100, 3)


def _factors(found: Ratio, analysis: Analysis) -> str:
    low, high = found.interval.low, found.interval.high
    return f"{confidence(analysis.config.alpha)} interval {_factor(low)} to {_factor(high)}"
