"""The results: what was found, in tables and figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from src.analysis.analyse import Analysis
from src.analysis.decision import judge_by_blocks
from src.analysis.describe import Description
from src.analysis.effect_sizes import EffectSize
from src.analysis.hypothesis_tests import PUBLISHED_ALPHA, HypothesisTest
from src.analysis.omnibus import Omnibus
from src.analysis.pairs import MOST_COMPARED, Pair
from src.analysis.settings import BLOCKS
from src.analysis.table import ENERGY_UNITS
from src.analysis.values import Reason, Why
from src.contract.metrics import of_phase
from src.figures.kinds import not_measured
from src.figures.numbers import DASH, confidence, enumerate_all, interval, number, p_value, percent, signed
from src.report.document import Block, Paragraph, Picture, Section, table
from src.report.sections.by_machines import machine_tables
from src.report.sections.net_energy import NET, net_energy_table
from src.report.shown import (
    DOMAINS,
    Shown,
    described,
    distinct,
    headline_metrics,
    main_metrics,
    middle,
    middle_name,
    shown,
)
from src.report.wording import reason_text, test_name, verdict_cell

MOST_PAIRS = 60
MOST_RUNS = 60
MOST_AT_ONCE = 10
"""Of more pairs only those with the first treatment stand before everything else."""
ROUNDING_PERCENT = 1e-9


def at_a_glance(analysis: Analysis, kinds: Mapping[str, int], pictures: Sequence[Picture]) -> Section:
    """The treatments, the pairs, and the figures that decide."""
    return Section("glance", "At a glance", (*headline_table(analysis, kinds), *_pairs(analysis), *pictures))


def headline_table(analysis: Analysis, kinds: Mapping[str, int]) -> list[Block]:
    """One row a treatment: the means, or medians, that most readers want."""
    if analysis.energy_metric not in analysis.metrics:
        return [Paragraph("No run has an energy.")]
    views = [shown(metric, analysis) for metric in headline_metrics(analysis)]
    best = described(analysis, analysis.decisive_metric)[:1]
    beside = {p.second: p for p in analysis.pairs_of(analysis.decisive_metric) if best and p.first == best[0].treatment}
    rows = []
    for treatment in analysis.treatments:
        own = analysis.description(treatment, analysis.decisive_metric)
        told = [number(view.value(middle(analysis.description(treatment, view.name), analysis))) for view in views]
        rows.append((treatment, str(own.n), *told, _extra(beside.get(treatment))))
    what = "energy" if analysis.decisive_metric == analysis.energy_metric else "duration"
    head = (
        "Treatment",
        "Runs",
        *(view.heading for view in views),
        f"{middle_name(analysis).capitalize()} {what} beside the least",
    )
    over = " over the runs of all machines" if analysis.machines else ""
    middles = f"{middle_name(analysis).capitalize()}s{over}"
    return table(f"{middles}, least {what} first{_kind_note(kinds)}.", head, rows)


def _pairs(analysis: Analysis) -> list[Block]:
    """What decides of each pair; of many only of those with the first treatment."""
    view = shown(analysis.decisive_metric, analysis)
    pairs = analysis.pairs_of(view.name)
    told = _told_first(pairs)
    if not told or analysis.config.decision != BLOCKS:
        return _differences(told, view, analysis, _more_pairs(pairs, told))
    return _within_blocks(told, view, analysis, _more_pairs(pairs, told))


def _told_first(pairs: Sequence[Pair]) -> Sequence[Pair]:
    return pairs if len(pairs) <= MOST_AT_ONCE else [pair for pair in pairs if pair.first == pairs[0].first]


def _more_pairs(pairs: Sequence[Pair], told: Sequence[Pair]) -> str:
    return f"{len(told)} of {len(pairs)} pairs, those with the first treatment; Tests has the others." * (
        len(told) < len(pairs)
    )


def results(runs: pd.DataFrame, analysis: Analysis, kinds: Mapping[str, int], pictures: Sequence[Picture]) -> Section:
    """All metrics, the phases, and the tests."""
    blocks: list[Block] = []
    for metric in main_metrics(analysis):
        blocks += _description_table(analysis, shown(metric, analysis), kinds)
        blocks += net_energy_table(runs, analysis) if metric == NET else []
    return Section(
        "results",
        "Results",
        (),
        (
            Section("figures", "Figures", tuple(pictures)),
            Section("descriptions", "Each metric", (*_over_machines(analysis), *blocks)),
            *([Section("machines", "Each machine", tuple(machines))] if (machines := machine_tables(analysis)) else []),
            Section("phases", "Phases and domains", tuple(_phases(analysis, kinds))),
            Section("tests", "Tests", tuple(_tests(analysis))),
            *_doubtful(analysis),
        ),
    )


def _over_machines(analysis: Analysis) -> list[Block]:
    """What such tables do not tell where several machines measured."""
    if not analysis.machines:
        return []
    text = (
        "These are the runs of all machines together, so what lies between machines is in every spread and interval "
        "here; treatments are compared within machines."
    )
    return [Paragraph(text)]


def _kind_note(kinds: Mapping[str, int]) -> str:
    other = not_measured(kinds)
    return f" (energy is {other})" if other else ""


def _extra(pair: Pair | None) -> str:
    """What the treatment takes more than the first one, with its interval."""
    if pair is None or pair.percent is None:
        return DASH
    known = f" ({interval(pair.percent_interval, 3)})" if pair.percent_interval else ""
    return f"{percent(pair.percent)}{known}"


def _description_table(analysis: Analysis, view: Shown, kinds: Mapping[str, int]) -> list[Block]:
    rows = [
        (d.treatment, str(d.n), *_figures(d, view), number(_real(d, d.cv_percent), 3), _scaled(d, view),
         p_value(d.normality.p_value, PUBLISHED_ALPHA))
        for d in described(analysis, view.name)
    ]  # fmt: skip
    level = confidence(analysis.config.alpha)
    head = ("Treatment", "n", "Mean", "SD", "Median", "Quartiles", "Range", "CV (%)", f"{level} interval of the mean",
            "Shapiro–Wilk p")  # fmt: skip
    note = _kind_note(kinds) if view.unit in ENERGY_UNITS else ""
    return table(f"{view.heading}{note}.", head, rows)


def _real(d: Description, spread: float | None) -> float | None:
    """A spread that only rounding made is none."""
    return 0.0 if d.cv_percent is not None and d.cv_percent < ROUNDING_PERCENT else spread


def _figures(d: Description, view: Shown) -> tuple[str, ...]:
    values = (number(view.value(value)) for value in (d.mean, _real(d, d.sd), d.median))
    return (*values, _quartiles(d, view), _range(d, view))


def _quartiles(d: Description, view: Shown) -> str:
    return f"{number(view.value(d.lower_quartile))} to {number(view.value(d.upper_quartile))}"


def _range(d: Description, view: Shown) -> str:
    return f"{number(view.value(d.minimum))} to {number(view.value(d.maximum))}"


def _scaled(d: Description, view: Shown) -> str:
    found = d.mean_interval
    return DASH if found is None else f"{number(view.value(found.low))} to {number(view.value(found.high))}"


def _phases(analysis: Analysis, kinds: Mapping[str, int]) -> list[Block]:
    blocks: list[Block] = []
    of_phases = [(phase, *of_phase(phase)) for phase in analysis.phases]
    energies = [(phase, energy.name) for phase, energy, _ in of_phases if energy.name in analysis.metrics]
    durations = [(phase, duration.name) for phase, _, duration in of_phases if duration.name in analysis.metrics]
    domains = [(_domain(m.name), m.name) for m in DOMAINS if m.name in analysis.metrics]
    name = middle_name(analysis).capitalize()
    blocks += _middles(analysis, f"{name} energy of each phase (J){_kind_note(kinds)}", energies)
    blocks += _middles(analysis, f"{name} duration of each phase (s)", durations)
    blocks += _middles(analysis, f"{name} energy of each domain (J){_kind_note(kinds)}", domains)
    if not energies:
        blocks.insert(0, Paragraph("The recordings do not tell phases apart, so only the whole is known."))
    return blocks


def _domain(metric: str) -> str:
    return metric.removeprefix("energy_").removesuffix("_j")


def _middles(analysis: Analysis, caption: str, metrics: Sequence[tuple[str, str]]) -> list[Block]:
    if not metrics:
        return []
    rows = [
        (treatment, *(number(middle(analysis.description(treatment, metric), analysis)) for _, metric in metrics))
        for treatment in analysis.treatments
    ]
    return table(f"{caption}.", ("Treatment", *(name for name, _ in metrics)), rows)


def _tests(analysis: Analysis) -> list[Block]:
    if len(analysis.treatments) < 2:
        return [Paragraph("A single treatment has nothing to be tested against.")]
    metrics = distinct(analysis, [name for name in headline_metrics(analysis) if _judged(name, analysis)])
    head = ("Metric", "Test", "Statistic", "df", "p", "Effect", "Blocks", "Equal spread, p")
    rows = [_omnibus(analysis.omnibus_of(metric), shown(metric, analysis), analysis.config.alpha) for metric in metrics]
    blocks = table("Over all treatments: does any differ?", head, rows, labels=2)
    if len(analysis.treatments) > MOST_COMPARED:
        blocks.append(Paragraph(f"Of so many treatments, each is compared with {analysis.treatments[0]} only."))
    if analysis.machines:
        blocks = [Paragraph("The published rule's tests know one machine only, so they are left out.")]
    for metric in metrics:
        blocks += _pair_tables(analysis, shown(metric, analysis))
    return blocks


def _judged(metric: str, analysis: Analysis) -> bool:
    """Estimated numbers are not tested."""
    reasons = {pair.verdict.untested for pair in analysis.pairs_of(metric)}
    return reasons != {Reason(Why.ESTIMATED)}


def _omnibus(found: Omnibus, view: Shown, alpha: float) -> tuple[str, ...]:
    effect = f"{found.effect_name} {number(found.effect_size, 3)}" if found.effect_name else DASH
    test = found.test
    return (view.title, test_name(test), number(test.statistic), _df(test), p_value(test.p_value, alpha), effect,
            str(found.n_blocks), p_value(found.spread.p_value, alpha))  # fmt: skip


def _df(test: HypothesisTest) -> str:
    return ", ".join(number(df, 3) for df in test.degrees_of_freedom) or DASH


def _pair_tables(analysis: Analysis, view: Shown) -> list[Block]:
    """Four narrow tables rather than a wide one, so that they can be read on paper; the first may stand at the top."""
    pairs = analysis.pairs_of(view.name)
    if all({pair.verdict.word, pair.published.word} == {"not testable"} for pair in pairs):
        reasons = enumerate_all(sorted({reason_text(pair.verdict.untested) for pair in pairs}))
        return [Paragraph(f"{view.title}: no pair can be tested ({reasons}).")]
    told = pairs[:MOST_PAIRS]
    note = f"The first {MOST_PAIRS} of {len(pairs)} pairs; statistics.json has all." if pairs[MOST_PAIRS:] else ""
    at_the_top = view.name == analysis.decisive_metric and len(_told_first(pairs)) == len(pairs)
    by_blocks = analysis.config.decision == BLOCKS
    within = [] if at_the_top and by_blocks else _within_blocks(told, view, analysis, note)
    if analysis.machines:
        return within
    differences = [] if at_the_top and not by_blocks else _differences(told, view, analysis, note)
    return [*within, *differences, *_sizes(told, view, analysis, note)]


def _within_blocks(pairs: Sequence[Pair], view: Shown, analysis: Analysis, note: str) -> list[Block]:
    level = confidence(analysis.config.alpha)
    head = ("Pair", "Means (%)", f"{level} interval", "Usual run (%)", f"{level} interval", "From", "Verdict")
    decides = "" if view.name == analysis.decisive_metric else "; exploratory, nothing is decided by it"
    caption = f"{view.title}: by how much second takes more, within blocks; intervals hold for all pairs{decides}."
    counts = " A machine counts once." if analysis.machines else ""
    return table(f"{caption}{counts}", head, [_decision(pair) for pair in pairs], 1, note)


def _differences(pairs: Sequence[Pair], view: Shown, analysis: Analysis, note: str) -> list[Block]:
    head = ("Pair", f"Medians' difference ({view.unit})" if view.unit != "1" else "Medians' difference", "in %",
            "Test", "p, Holm", "By the published rule")  # fmt: skip
    rows = [_difference(pair, view, analysis.config.alpha) for pair in pairs]
    return table(f"{view.title}: differences of medians, second minus first.", head, rows, 1, note)


def _sizes(pairs: Sequence[Pair], view: Shown, analysis: Analysis, note: str) -> list[Block]:
    alpha, limit = analysis.config.alpha, f"{analysis.config.relevant_percent:g} %"
    effect = ("Pair", "Hedges' g", "Cliff's δ", "P(second > first)", "Paired test on blocks", "Blocks", "p, Holm")
    same = ("Pair", f"Equivalence within {limit}: p, Holm", "Equivalent", f"Power for {limit}",
            f"Runs each for power {analysis.config.target_power:g}")  # fmt: skip
    effects, equivalences = ([row(pair, alpha) for pair in pairs] for row in (_effect, _equivalence))
    return [
        *table(f"{view.title}: sizes of effect, and the same blocks compared.", effect, effects, 1, note),
        *table(f"{view.title}: equivalence and power, by the published rule.", same, equivalences, 1, note),
    ]


def _doubtful(analysis: Analysis) -> list[Section]:
    """The runs that do not count, and every pair with and without them."""
    if analysis.with_doubtful is None:
        return []
    view, alpha = shown(analysis.decisive_metric, analysis), analysis.config.alpha
    runs = [(run.run_name, run.treatment, ", ".join(run.codes)) for run in analysis.doubtful_runs]
    note = f"The first {MOST_RUNS} of {len(runs)}; statistics.json has all." if runs[MOST_RUNS:] else ""
    without = {(pair.first, pair.second): pair for pair in analysis.pairs_of(view.name)}
    pairs = []
    for pair in analysis.with_doubtful.pairs:
        decides = without.get((pair.first, pair.second))
        pairs.append((_name(pair), "without", *(_beside(decides) if decides else (DASH,) * 4)))
        pairs.append(("", "with", *_beside(pair)))
    level = confidence(alpha)
    head = (
        "Pair",
        "Doubtful runs",
        "Runs",
        f"{middle_name(analysis).capitalize()}s' difference (%)",
        f"{level} interval (%)",
        "Verdict",
    )
    blocks = [
        *table("Runs that do not count.", ("Run", "Treatment", "Flags"), runs[:MOST_RUNS], 3, note),
        *table(f"{view.title}: without the doubtful runs, and with them.", head, pairs[: 2 * MOST_PAIRS], 2),
    ]
    return [Section("doubtful", "Doubtful runs", tuple(blocks))]


def _beside(pair: Pair) -> tuple[str, ...]:
    runs = f"{pair.n_first}, {pair.n_second}"
    return runs, signed(pair.percent), interval(pair.percent_interval, 3), verdict_cell(pair.verdict)


def _name(pair: Pair) -> str:
    return f"{pair.first} → {pair.second}"


def _difference(pair: Pair, view: Shown, alpha: float) -> tuple[str, ...]:
    found = pair.difference
    return (_name(pair), signed(view.value(found.value), 4), signed(found.percent), test_name(pair.test),
            p_value(pair.test.p_holm, alpha), verdict_cell(pair.published))  # fmt: skip


def _decision(pair: Pair) -> tuple[str, ...]:
    """What the blocks say, or why they say nothing."""
    found, word = pair.decision, verdict_cell(judge_by_blocks(pair.decision))
    if found.bill is None or found.usual is None:
        return (_name(pair), DASH, DASH, DASH, DASH, DASH, f"{word}: {reason_text(found.untested)}")
    left_out = f" of {found.n + found.left_out}" if found.left_out and found.unit == "blocks" else ""
    source = f"{found.n}{left_out} {found.unit}"
    return (_name(pair), signed(found.bill.percent), interval(found.bill.interval, 3), signed(found.usual.percent),
            interval(found.usual.interval, 3), source, word)  # fmt: skip


def _effect(pair: Pair, alpha: float) -> tuple[str, ...]:
    paired = pair.paired
    return (_name(pair), _size(pair.hedges_g), _size(pair.cliffs_delta), number(pair.superiority.value, 3),
            test_name(paired.test), str(paired.n_blocks), p_value(paired.test.p_holm, alpha))  # fmt: skip


def _size(effect: EffectSize) -> str:
    """Without an interval: none was found that holds for skewed energies, in blocks and with memory."""
    if effect.value is None:
        return DASH
    return signed(effect.value) + (f", {effect.magnitude}" if effect.magnitude else "")


def _equivalence(pair: Pair, alpha: float) -> tuple[str, ...]:
    found, power = pair.equivalence, pair.power
    word = {True: "yes", False: "not shown", None: DASH}[found.equivalent]
    needed = (
        number(power.iterations_needed, 1)
        if power.iterations_needed
        else reason_text(power.reason)
        if power.reason
        else DASH
    )
    return (_name(pair), p_value(found.test.p_holm, alpha), word, number(power.power, 3), needed)
