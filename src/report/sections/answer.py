"""The answer in plain sentences, generated from the results and true to them. Pure functions."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from src.analysis.analyse import Analysis
from src.analysis.describe import Description
from src.analysis.foresight import least_p, least_reach, least_runs
from src.analysis.pairs import MOST_COMPARED, Pair
from src.analysis.settings import BLOCKS
from src.analysis.table import TRAINING
from src.figures.numbers import confidence, count, enumerate_all, interval, number, p_phrase, percent, quantity, signed
from src.figures.units import as_words
from src.report.sections import by_blocks, by_machines
from src.report.sections.factors import interaction_sentences
from src.report.shown import Shown, described, lacking, middle, middle_name, middles, own_metrics, shown, unfinished
from src.report.wording import CARE, kind_notices, many_runs, reason_text

FEW_PAIRS = 4
"""With more treatments beside the best one, only the nearest and the farthest are put into words."""


@dataclass(frozen=True)
class Words:
    """How the metric that decides is spoken of: they `verb`, one `did` the least `what`, or less`beside`."""

    verb: str
    did: str
    what: str
    beside: str
    measure: str


OF_ENERGY = Words("spend", "spent", "energy", "", "energy")
OF_TIME = Words("take", "took", "time", " time", "duration")


def _words(analysis: Analysis) -> Words:
    return OF_ENERGY if analysis.decisive_metric == analysis.energy_metric else OF_TIME


def answer(analysis: Analysis, kinds: Mapping[str, int]) -> tuple[str, ...]:
    """Which treatment spends less, by how much, whether it is real and whether it matters."""
    several = len(described(analysis, analysis.decisive_metric)) > 1
    return (
        *kind_notices(kinds),
        headline(analysis),
        *_cannot_show(analysis),
        *((*_beside_the_best(analysis), *_time_and_power(analysis)) if several else ()),
        *interaction_sentences(analysis),
        *_own_metrics(analysis),
        *(_cost(analysis) if several else ()),
        *_in_the_end(analysis),
    )


def _cannot_show(analysis: Analysis) -> Iterable[str]:
    """Where there are so few runs that the published rule cannot show any difference, and what the blocks can."""
    known = described(analysis, analysis.decisive_metric)
    fewest, pairs = min((each.n for each in known), default=0), math.comb(len(known), 2)
    alpha = analysis.config.alpha
    if not (pairs and 2 <= fewest < (least := least_runs(pairs, alpha))):
        return
    p = number(min(1.0, pairs * least_p(fewest)), 2)
    never = (
        f"{fewest} runs of each can never show a difference by the published rule, whose smallest corrected p of so "
        f"few is {p}; it takes {least} or more"
    )
    if analysis.config.decision == BLOCKS:
        reach = number(least_reach(fewest, alpha / pairs), 2)
        never += f". {fewest} blocks show only one of at least {reach} times what it varies by from block to block"
    yield f"{never}."


def headline(analysis: Analysis) -> str:
    """Who spends the least, if anybody was shown to, and which treatments have no result."""
    return " ".join([_first_place(analysis), *_without_result(analysis)])


def _first_place(analysis: Analysis) -> str:
    energies = described(analysis, analysis.decisive_metric)
    if not energies:
        return f"{_none(analysis)}, so nothing can be said about it."
    best, words = energies[0], _words(analysis)
    if len(energies) == 1:
        return _only_one(best, analysis)
    pairs = analysis.pairs_of(best.metric)
    among = [pair for pair in pairs if pair.first == best.treatment]
    if (
        any(pair.decision.machines for pair in among)
        and analysis.config.decision == BLOCKS
        and not _all_the_same(pairs, analysis)
    ):
        return by_machines.first_place(best.treatment, among, words.did, words.verb, words.what)
    rivals = [pair for pair in pairs if pair.first == best.treatment and pair.verdict.word != "more"]
    if not rivals:
        return f"{best.treatment} {words.did} the least {words.what}: {_typical(best, analysis)}."
    if _all_the_same(pairs, analysis):
        names = enumerate_all([energy.treatment for energy in energies])
        return (
            f"{names} {words.verb} practically the same {words.what}: a difference of "
            f"{analysis.config.relevant_percent:g} % is ruled out for {_every_pair(pairs)}."
        )
    if not any(pair.verdict.significant for pair in pairs):
        return (
            f"No treatment was shown to {words.verb} less {words.what} than another. The lowest "
            f"{middle_name(analysis)} is that of {best.treatment}: {_typical(best, analysis)}."
        )
    return _shared_first_place(best, rivals, analysis)


def _all_the_same(pairs: Sequence[Pair], analysis: Analysis) -> bool:
    """Whether that was shown of every pair there is."""
    return len(analysis.treatments) <= MOST_COMPARED and all(p.verdict.word == "practically the same" for p in pairs)


def _without_result(analysis: Analysis) -> Iterable[str]:
    unknown = [name for name in lacking(analysis, analysis.decisive_metric) if name in analysis.treatments]
    if failed := unfinished(analysis):
        yield f"No run of {enumerate_all(failed, 'or')} finished."
    doubted = [name for name in unknown if name in {run.treatment for run in analysis.doubtful_runs}]
    unknown = [name for name in unknown if name not in doubted]
    if doubted and described(analysis, analysis.decisive_metric):
        yield f"Nothing is said of {enumerate_all(doubted)}: all runs are doubtful."
    if unknown and described(analysis, analysis.decisive_metric):
        yield f"No run of {enumerate_all(unknown, 'or')} has {_an(analysis)}."


def _an(analysis: Analysis) -> str:
    return "an energy" if _words(analysis) == OF_ENERGY else "a duration"


def _none(analysis: Analysis) -> str:
    kind = "No run that is free of doubt" if analysis.doubtful_runs else "No run"
    return f"{kind} has {_an(analysis)}"


def pair_sentence(pair: Pair, analysis: Analysis) -> str:
    """What may be said of one pair, with its numbers."""
    if analysis.config.decision == BLOCKS:
        return by_blocks.pair_sentence(pair, analysis)
    sentences = {
        "practically the same": _same,
        "no difference shown": _not_shown,
        "not testable": _not_testable,
    }
    return sentences.get(pair.verdict.word, _different)(pair, analysis)


def _only_one(energy: Description, analysis: Analysis) -> str:
    what = "runs free of doubt" if analysis.doubtful_runs else _an(analysis)
    return (
        f"Only {energy.treatment} has {what}: {_typical(energy, analysis)}. With nothing beside it, nothing "
        "can be compared."
    )


def _typical(energy: Description, analysis: Analysis) -> str:
    return f"a {middle_name(analysis)} of {_amount(energy, analysis)}"


def _amount(energy: Description, analysis: Analysis) -> str:
    found = energy.mean_interval if middle_name(analysis) == "mean" else energy.median_interval
    known = f"{quantity(middle(energy, analysis), energy.unit)} per run"
    if found is None:
        return f"{known} ({count(energy.n, 'run')})"
    level = confidence(analysis.config.alpha)
    return f"{known} ({level} interval {interval(found)} {energy.unit}, {count(energy.n, 'run')})"


def _shared_first_place(best: Description, rivals: list[Pair], analysis: Analysis) -> str:
    by_word: dict[str, list[str]] = {}
    for pair in rivals:
        by_word.setdefault(pair.verdict.word, []).append(pair.second)
    same, less = by_word.pop("practically the same", []), by_word.pop("less", [])
    words = _words(analysis)
    open_ = [name for names in by_word.values() for name in names]
    buts = []
    if same:
        buts.append(f"it is practically the same as that of {enumerate_all(same)}")
    if open_:
        buts.append(f"it was not shown to be less than that of {enumerate_all(open_, 'or')}")
    if less:
        buts.append(f"{enumerate_all(less)} {words.did} less{words.beside} by the test")
    lowest = f"{best.treatment} has the lowest {middle_name(analysis)} {words.measure}, {_amount(best, analysis)}"
    return f"{lowest}, but {', and '.join(buts)}."


def _every_pair(pairs: tuple[Pair, ...]) -> str:
    return "this pair" if len(pairs) == 1 else f"each of the {len(pairs)} pairs"


def _beside_the_best(analysis: Analysis) -> Iterable[str]:
    best = described(analysis, analysis.decisive_metric)[0].treatment
    pairs = [pair for pair in analysis.pairs_of(analysis.decisive_metric) if pair.first == best]
    ends = pairs if len(pairs) <= FEW_PAIRS else [pairs[0], pairs[-1]]
    told = [pair for pair in pairs if pair in ends or pair.verdict.word == "less"]
    for pair in told:
        yield pair_sentence(pair, analysis)
    if len(told) < len(pairs):
        more, words = sum(pair.verdict.word == "more" for pair in pairs), _words(analysis)
        others = f"{more} of the {len(pairs)} other treatments"
        yield f"In all, {others} were shown to {words.verb} more{words.beside} than {best}."


def _size(pair: Pair, analysis: Analysis) -> str:
    """The difference of the medians with its interval."""
    difference, level = pair.difference, confidence(analysis.config.alpha)
    parts = [f"{signed(difference.value, 4)} {pair.unit}"]
    if difference.percent is not None:
        parts.append(percent(difference.percent))
    if difference.percent_interval is not None:
        parts.append(f"{level} interval {interval(difference.percent_interval, 3)} %")
    return ", ".join(parts)


def _test(pair: Pair, analysis: Analysis) -> str:
    return f"{pair.test.name}, {p_phrase(pair.test.p_holm, analysis.config.alpha)} after Holm's correction"


def _different(pair: Pair, analysis: Analysis) -> str:
    limit = f"{analysis.config.relevant_percent:g} %"
    matters = (
        f"and more than the {limit} that matter here"
        if pair.verdict.relevance == "relevant"
        else f"but whether it exceeds the {limit} that matter here is not settled"
    )
    value, words = pair.difference.value or 0.0, _words(analysis)
    did = f"{words.did} {pair.verdict.word}{words.beside}"
    if not (value > 0 if pair.verdict.word == "more" else value < 0):
        return (
            f"{pair.second} {did} than {pair.first} by the test ({_test(pair, analysis)}), though "
            f"the medians do not say so ({_size(pair, analysis)})."
        )
    return (
        f"{pair.second} {did} than {pair.first} in the median ({_size(pair, analysis)}); the "
        f"difference is significant ({_test(pair, analysis)}), {matters}."
    )


def _same(pair: Pair, analysis: Analysis) -> str:
    limit = f"{analysis.config.relevant_percent:g} %"
    also = ", although the difference is significant" if pair.verdict.significant else ""
    return (
        f"{pair.first} and {pair.second} are practically the same{also}: a difference of {limit} is ruled out "
        f"(two one-sided tests, {p_phrase(pair.equivalence.test.p_holm, analysis.config.alpha)}); {pair.second}'s "
        f"median differs by {_size(pair, analysis)}."
    )


def _not_shown(pair: Pair, analysis: Analysis) -> str:
    config = analysis.config
    needed = pair.power.iterations_needed
    runs = (
        f" About {number(needed, 1)} runs of each would show a difference of {config.relevant_percent:g} % with a "
        f"probability of {config.target_power:g}."
        if needed and needed > min(pair.n_first, pair.n_second)
        else ""
    )
    return (
        f"Between {pair.first} and {pair.second} no difference was shown ({_test(pair, analysis)}), and none of "
        f"{config.relevant_percent:g} % was ruled out: {pair.second}'s median differs by {_size(pair, analysis)}."
        f"{runs}"
    )


def _not_testable(pair: Pair, analysis: Analysis) -> str:
    return (
        f"{pair.first} and {pair.second} cannot be tested against each other ({reason_text(pair.verdict.untested)}); "
        f"{pair.second}'s median differs by {_size(pair, analysis)}."
    )


def _time_and_power(analysis: Analysis) -> Iterable[str]:
    """Whether the energy follows the time or the power: in medians, from the least to the most energy."""
    if analysis.decisive_metric != analysis.energy_metric:
        return
    if analysis.config.decision == BLOCKS:
        yield from by_blocks.split_sentence(analysis.pairs_of(analysis.energy_metric), analysis)
        return
    ends = described(analysis, analysis.decisive_metric)
    first, last = ends[0].treatment, ends[-1].treatment
    times = middles(analysis, "duration_s")
    powers = middles(analysis, "power_w")
    if not (times.get(first) and powers.get(first) and last in times and last in powers):
        return
    yield (
        f"In the median, {last} ran {number(times[last] / times[first], 3)} times as long as {first} at "
        f"{number(powers[last] / powers[first], 3)} times its mean power."
    )
    least_s = min(times.values())
    fastest = [treatment for treatment, time_s in times.items() if math.isclose(time_s, least_s)]
    if len(fastest) == len(times):
        who = "All ran equally long"
    else:
        also = "also " if fastest == [first] else ""
        who = f"The fastest {'was' if len(fastest) == 1 else 'were'} {also}{enumerate_all(fastest)}"
    yield f"{who}, with a median of {quantity(least_s, 's')}{_not_recorded(analysis, 'duration_s')}."


def _not_recorded(analysis: Analysis, metric: str) -> str:
    """Said after a statement about all treatments, for those it does not hold for; else empty."""
    doubted = {run.treatment for run in analysis.doubtful_runs}  # of which the first sentence says that nothing is said
    names = [name for name in lacking(analysis, metric) if name not in doubted]
    return f" (not recorded for {enumerate_all(names)})" if names else ""


def _own_metrics(analysis: Analysis) -> Iterable[str]:
    """What the work says of itself, where it is worth a headline."""
    if analysis.workload == TRAINING and "accuracy" not in analysis.metrics:
        yield "How accurate the trained networks were is not recorded."
    worth = [name for name in own_metrics(analysis) if analysis.catalogue[name].headline and middles(analysis, name)]
    if worth:
        yield _joined([_own_metric(shown(metric, analysis), analysis) for metric in worth])


def _own_metric(view: Shown, analysis: Analysis) -> str:
    found, words = middles(analysis, view.name), as_words(view.title)
    what = _summed_up(words, middle_name(analysis))
    low, high = min(found, key=lambda t: found[t]), max(found, key=lambda t: found[t])
    least, most = view.amount(found[low]), view.amount(found[high])
    missing = _not_recorded(analysis, view.name)
    if least == most:
        return f"{what} was {most}{missing or (' for all' if len(found) > 1 else '')}"
    return f"{what} lay between {least} ({low}) and {most} ({high}){missing}"


def _summed_up(words: str, by: str) -> str:
    """`The mean test accuracy`, `The mean of the median latency`, `The median latency`."""
    if words.startswith(f"{by} "):
        return f"The {words}"
    return f"The {by} of the {words}" if words.startswith("median ") else f"The {by} {words}"


def _cost(analysis: Analysis) -> Iterable[str]:
    """Only where the difference was shown: from the least to the most energy, in the means that add up over many."""
    energies = described(analysis, analysis.decisive_metric)
    first, last = energies[0].treatment, energies[-1].treatment
    pairs = analysis.pairs_of(analysis.decisive_metric)
    found = [p for p in pairs if (p.first, p.second) == (first, last) and p.verdict.word == "more"]
    scales = {entry.treatment: entry.at_scale[0] for entry in analysis.practical if entry.at_scale}
    if not (found and scales):
        return
    thriftiest = min(scales, key=lambda treatment: scales[treatment].energy_kwh)
    costly, though = (first, " though not by the median") if thriftiest == last else (last, "")
    scale = scales[costly]
    if not scale.extra_energy_kwh:
        return
    runs, extra = many_runs(analysis, scale.trainings), quantity(scale.extra_energy_kwh, "kWh", 3)
    yield (
        f"Over {runs}, {costly} takes {extra} more than {thriftiest}, the thriftiest by mean energy{though}: "
        f"{quantity(scale.extra_cost, scale.currency, 3)} and {quantity(scale.extra_co2e_kg, 'kg', 3)} of CO2e at the "
        "assumed price and grid."
    )


def _doubtful(analysis: Analysis) -> Iterable[str]:
    """Which runs did not count, and whether the answer hangs on it."""
    if analysis.with_doubtful is None:
        return
    runs = analysis.doubtful_runs
    codes = enumerate_all(sorted({code for run in runs for code in run.codes}))
    verdicts = {(pair.first, pair.second): pair.verdict.word for pair in analysis.pairs_of(analysis.decisive_metric)}
    others = [p for p in analysis.with_doubtful.pairs if verdicts.get((p.first, p.second)) != p.verdict.word]
    many = count(len(others), "pair")
    are = "is" if len(others) == 1 else "are"
    with_them = f"{many} {are} judged otherwise" if others else "the verdicts stay the same"
    did, them = ("does", "it") if len(runs) == 1 else ("do", "them")
    yield f"{count(len(runs), 'doubtful run')} ({codes}) {did} not count; with {them} {with_them} (see Doubtful runs)"


def _excluded_outliers(analysis: Analysis) -> Iterable[str]:
    left_out = [o for o in analysis.outliers if o.excluded and o.metric == analysis.decisive_metric]
    if left_out:
        what = "an outlier" if len(left_out) == 1 else "outliers"
        runs, measure = count(len(left_out), "run"), _words(analysis).measure
        yield f"{runs} did not count for this {measure}, as {what} by the rule '{analysis.config.outliers}'"


def _in_the_end(analysis: Analysis) -> Iterable[str]:
    """What the answer holds for, which runs do not count, and what to mind: one sentence where there is a verdict."""
    by_block = analysis.config.decision == BLOCKS
    holds = by_blocks.holds_for(analysis.pairs_of(analysis.decisive_metric)) if by_block else ""
    last = [*_excluded_outliers(analysis), *_doubtful(analysis), *_care(analysis)]
    if holds:
        yield _joined([holds, *last])
    else:
        yield from (f"{part}." for part in last)


def _joined(parts: Sequence[str]) -> str:
    """One sentence of several."""
    return "; ".join([parts[0], *(part[0].lower() + part[1:] for part in parts[1:])]) + "."


def _care(analysis: Analysis) -> Iterable[str]:
    told = {run.run_id for run in analysis.doubtful_runs}  # by the sentence before
    grave = [caution for caution in analysis.cautions if caution.is_grave]
    kinds = dict.fromkeys(c.kind for c in grave if c.kind != "flags" or set(c.run_ids) - told)
    texts = [CARE[kind].format(_words(analysis).measure) for kind in kinds if kind in CARE]
    if texts:
        yield f"Read this with care: {enumerate_all(texts)} (see Warnings from the data)"
