"""What the analysis found, in words: the one place for reasons, verdicts, warnings and what a work is called."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from src.analysis.analyse import Analysis, ExcludedRun
from src.analysis.cautions import Caution, Kind
from src.analysis.costly import CostlyRuns
from src.analysis.hypothesis_tests import LARGEST, SMALLEST, HypothesisTest
from src.analysis.outliers import Outlier
from src.analysis.pairs import Pair
from src.analysis.settings import BLOCKS, AnalysisConfig
from src.analysis.table import TRAINING
from src.analysis.values import Reason, Why
from src.analysis.verdict import Verdict
from src.figures.kinds import at_length
from src.figures.numbers import THIN, count, interval, number, p_phrase, percent, quantity

INFERENCE = "inference"

REASONS = {
    Why.NO_VALUE: "no run has a value",
    Why.ONE_VALUE: "a single value has no spread and no interval",
    Why.TOO_FEW: "each treatment needs at least 2 values",
    Why.ALL_EQUAL: "all values are equal",
    Why.NO_SPREAD: "neither treatment varies",
    Why.ONE_IS_CONSTANT: "a treatment does not vary",
    Why.EQUAL_DISTANCES: "the distances from the medians do not vary",
    Why.NOT_FOR_THIS_SIZE: f"defined for {SMALLEST} to {LARGEST} values, not {{n}}",
    Why.ONE_TREATMENT: "a single treatment has nothing to be compared with",
    Why.TOO_FEW_BLOCKS: "fewer than 2 blocks hold both treatments",
    Why.TOO_FEW_COMPLETE_BLOCKS: "needs at least 3 treatments and 2 complete blocks",
    Why.NO_BLOCK_HOLDS_ALL: "fewer than 2 blocks hold all treatments",
    Why.EQUAL_DIFFERENCES: "all differences are equal",
    Why.NO_BLOCK_DIFFERS: "no block shows any difference",
    Why.NO_MARGIN: "the first treatment's location is 0, or missing, and has no share",
    Why.TOO_MANY_NEEDED: "more than {n} iterations",
    Why.TOO_FEW_PLACES: "needs at least {n} runs with a known place",
    Why.NOTHING_VARIES: "the place or the metric does not vary",
    Why.TOO_FEW_PREDECESSORS: "needs 2 predecessors, each twice",
    Why.NOT_POSITIVE: "a ratio needs values above 0",
    Why.FIXED_ORDER: "they always ran in the same order, so the treatment cannot be told from its place",
    Why.SEPARATE_SWEEPS: "each was measured in a sweep of its own, so the treatment cannot be told from its sweep",
    Why.MACHINES_ALIKE: "all machines say the same to the last digit, so what lies between them is not known",
    Why.SEVERAL_MACHINES: "the published rule knows one machine only",
    Why.SEPARATE_TIMES: "one was measured only after the other, so the treatment cannot be told from the time",
    Why.NO_ACCURACY: "no run has both an energy and an accuracy above 0",
    Why.NO_TEST_IMAGES: "the number of test images (params.dataset.test_size) is not recorded",
    Why.ESTIMATED: "it was estimated, not measured",
}
CARE = {
    "drift": "{0} drifted over the sweep",
    "position": "{0} depends on the position in the block",
    "carry_over": "{0} depends on what ran before",
    "spread": "runs of the same treatment spread widely",
    "few_runs": "there are few runs",
    "low_power": "this number of runs had little chance to show a difference that matters",
    "memory": "runs resemble the ones before, which widened the intervals",
    "costly": "some runs cost far more than the usual one",
    "flags": "some recordings are doubtful",
    "failed": "some runs failed",
}
"""What each kind of warning comes to, in a few words about energy, or whatever decides."""

RULES = {"none": "none is left out", "3sigma": "beyond 3 standard deviations", "iqr": "beyond Tukey's fences"}


def reason_text(reason: Reason | None) -> str:
    """Why a number is not there."""
    if reason is None:
        return "not defined for these values"
    return REASONS[reason.why].format(n=None if reason.n is None else number(reason.n, 1))


def test_name(test: HypothesisTest) -> str:
    """A test's name, and why it was not possible where it was not."""
    return f"{test.name}: {reason_text(test.reason)}" if test.reason else test.name


def unfinished_notices(unfinished: Sequence[tuple[str, int, int]]) -> list[str]:
    """One sentence for each sweep that lacks runs."""
    return [
        f"Sweep {name} has {finished} of its {planned} planned runs: it was stopped, or still runs."
        for name, finished, planned in unfinished
    ]


def kind_notices(kinds: Mapping[str, int]) -> tuple[str, ...]:
    """What must be said of energy that was not measured here; `kinds` counts runs. Empty if all was measured."""
    total = sum(kinds.values())
    notices = []
    for kind in sorted(set(kinds) - {"measured"}):
        who = "The energy of all runs" if kinds[kind] == total else f"The energy of {kinds[kind]} of {total} runs"
        notices.append(f"{who} is {at_length(kind)}.")
    return tuple(notices)


def many_runs(analysis: Analysis, n: int) -> str:
    """`n` runs, called what they are."""
    if analysis.workload == TRAINING:
        return count(n, "training")
    return count(n, "run") + (" of the inference" if analysis.workload == INFERENCE else "")


def costly_text(costly: CostlyRuns) -> str:
    """Rare costly runs: how often, and how much."""
    runs = f"{costly.n} of {costly.of} runs of {costly.treatment}"
    return f"{runs} took {number(costly.extra_percent, 3)}{THIN}% more than its median"


def verdict_cell(verdict: Verdict) -> str:
    """The verdict in a table's cell."""
    word = {"more": "second is higher", "less": "second is lower"}.get(verdict.word, verdict.word)
    matters = {"relevant": ", matters", "undecided": ", may not matter"}.get(verdict.relevance or "", "")
    return word + (matters if verdict.word in ("more", "less") else "")


def verdict_reason(pair: Pair, config: AnalysisConfig) -> str:
    """What a pair's verdict rests on."""
    verdict, alpha = pair.verdict, config.alpha
    if verdict.word == "not testable":
        return reason_text(verdict.untested)
    if config.decision == BLOCKS:
        return _reason_of_blocks(pair)
    if verdict.word == "practically the same":
        also = ", though the difference is significant" if verdict.significant else ""
        p = p_phrase(pair.equivalence.test.p_holm, alpha)
        return f"a difference of {config.relevant_percent:g} % is ruled out ({p}){also}"
    shown = f"{pair.test.name}, Holm-corrected {p_phrase(pair.test.p_holm, alpha)}"
    return shown if verdict.word in ("more", "less") else f"{shown}; equivalence is not shown either"


def _reason_of_blocks(pair: Pair) -> str:
    """The intervals that decided, of the mean and of the usual run."""
    on_bill, in_usual = pair.decision.bill, pair.decision.usual
    assert on_bill is not None
    assert in_usual is not None
    return (
        f"{pair.decision.n} {pair.decision.unit}: means {interval(on_bill.interval, 3)}{THIN}%, usual runs "
        f"{interval(in_usual.interval, 3)}{THIN}%"
    )


def outlier_reason(outlier: Outlier) -> str:
    """What became of a value, and by which rule."""
    done = "left out" if outlier.excluded else "kept"
    limits = f"{outlier.lower:.6g} to {outlier.upper:.6g}"
    return f"{done}: outside {limits} ({outlier.rule}, {outlier.n} runs of {outlier.treatment})"


def excluded_reason(run: ExcludedRun) -> str:
    """Why a run is in no result."""
    return f"its status is {run.status}"


def caution_text(caution: Caution, analysis: Analysis) -> str:
    """A warning as a sentence without its full stop."""
    return CAUTIONS[caution.kind](caution, analysis)


def _not_measured(caution: Caution, analysis: Analysis) -> str:  # noqa: ARG001 (one signature for all warnings)
    return f"The energy of {count(len(caution.run_ids), 'run')} is {at_length(str(caution.energy_kind))}"


def _flags(caution: Caution, analysis: Analysis) -> str:  # noqa: ARG001
    assert caution.flag is not None
    one = " (so it says of one of them)" if caution.texts_differ else ""
    runs = count(len(caution.run_ids), "run")
    return f"Recordings of {runs} are flagged {caution.flag.code}: {caution.flag.text}{one}"


def _failed(caution: Caution, analysis: Analysis) -> str:  # noqa: ARG001
    n = len(caution.run_ids)
    return f"{count(n, 'run')} of {caution.treatment} did not finish and {'is' if n == 1 else 'are'} left out"


def _threat(caution: Caution, analysis: Analysis) -> str:
    (threat,) = (threat for threat in analysis.threats if threat.kind == caution.kind)
    effect = threat.effect_percent or 0.0
    says = {
        "position": f"depends on the position in the block: {percent(effect)} from the first to the last",
        "drift": f"drifts with time: {percent(effect)} over the sweep",
        # A trend has a direction, the distance between predecessors has none.
        "carry_over": f"depends on which treatment ran before: up to {quantity(effect, '%', 3)} between predecessors",
    }[threat.kind]
    p = p_phrase(threat.test.p_holm, analysis.config.alpha)
    return f"{analysis.catalogue[threat.metric].title} {says} ({threat.test.name}, Holm-corrected {p})"


def _few_runs(caution: Caution, analysis: Analysis) -> str:
    energy = analysis.description(str(caution.treatment), str(caution.metric))
    wanted = number(analysis.config.minimum_runs, 1)
    return f"{energy.treatment} has {count(energy.n, 'usable run')}, fewer than the {wanted} recommended"


def _spread(caution: Caution, analysis: Analysis) -> str:
    energy = analysis.description(str(caution.treatment), str(caution.metric))
    spread, limit = quantity(caution.percent, "%", 3), analysis.config.spread_warning_percent
    title = analysis.catalogue[energy.metric].title
    return f"{title} of {energy.treatment} spreads by {spread} of its mean, more than {limit:g} %"


def _low_power(caution: Caution, analysis: Analysis) -> str:
    pair = _pair(caution, analysis)
    if analysis.config.decision == BLOCKS:
        return _lacks_blocks(pair, analysis)
    needed = pair.power.iterations_needed
    runs = reason_text(pair.power.reason) if needed is None else count(needed, "iteration")
    return (
        f"{pair.first} and {pair.second}: a difference of {analysis.config.relevant_percent:g} % would be shown with a "
        f"probability of {number(pair.power.power, 2)} only; {analysis.config.target_power:g} needs {runs}"
    )


def _pair(caution: Caution, analysis: Analysis) -> Pair:
    names = (caution.treatment, caution.against)
    (pair,) = (p for p in analysis.pairs if p.metric == caution.metric and (p.first, p.second) == names)
    return pair


def _lacks_blocks(pair: Pair, analysis: Analysis) -> str:
    found, target = pair.decision, analysis.config.target_power
    limit = f"{analysis.config.relevant_percent:g}{THIN}%"
    enough = f"{limit} needs {count(found.needed, 'block')}" if found.needed else f"{limit} needs too many"
    reach = f"{count(found.n, 'block')} show differences from {percent(found.shown_percent)} on"
    return f"{pair.first} and {pair.second}: {reach} with a probability of {target:g}; {enough}"


def _memory(caution: Caution, analysis: Analysis) -> str:
    pair = _pair(caution, analysis)
    return (
        f"{pair.first} and {pair.second}: runs resemble the ones before, so {count(pair.decision.n, 'block')} tell as "
        f"much as {number(pair.decision.effective_n, 2)} independent ones would, and the intervals are as wide"
    )


def _costly(caution: Caution, analysis: Analysis) -> str:
    (costly,) = (each for each in analysis.costly if each.treatment == caution.treatment)
    return f"{costly_text(costly)}, which raises its mean by {number(costly.mean_percent, 2)}{THIN}%"


CAUTIONS: dict[Kind, Callable[[Caution, Analysis], str]] = {
    "not_measured": _not_measured,
    "flags": _flags,
    "failed": _failed,
    "position": _threat,
    "drift": _threat,
    "carry_over": _threat,
    "few_runs": _few_runs,
    "spread": _spread,
    "low_power": _low_power,
    "memory": _memory,
    "costly": _costly,
}
