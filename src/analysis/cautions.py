"""What a reader must be warned of before believing the results."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import pandas as pd

from src.analysis.describe import Description
from src.analysis.pairs import Pair
from src.analysis.settings import AnalysisConfig
from src.analysis.threats import Threat
from src.analysis.values import as_text
from src.report.wording import count, number, p_phrase, percent, quantity

Kind = Literal["drift", "position", "carry_over", "spread", "few_runs", "low_power", "not_measured", "flags", "failed"]

FLAGS = "tags.flags"
NOT_MEASURED = {
    "estimated": "is estimated from the CPU's load and a power model, not measured",
    "replayed": "is replayed from recorded files, not measured now",
    "imported": "was recorded elsewhere and imported; this tool did not control how",
}
THREAT_TEXTS = {
    "position": "depends on the position in the block: {size} from the first to the last",
    "drift": "drifts with time: {size} over the sweep",
    "carry_over": "depends on which treatment ran before: up to {size} between predecessors",
}


@dataclass(frozen=True)
class Caution:
    """One warning; `treatment`, `metric` and `run_ids` narrow down what it is about."""

    kind: Kind
    message: str
    treatment: str | None = None
    metric: str | None = None
    run_ids: tuple[str, ...] = ()


def all_cautions(
    runs: pd.DataFrame,
    failed: pd.DataFrame,
    descriptions: Sequence[Description],
    pairs: Sequence[Pair],
    threats: Sequence[Threat],
    metric: str,
    config: AnalysisConfig,
) -> list[Caution]:
    """Every warning about `metric` (the energy that is compared) and the runs, the gravest first."""
    energies = [description for description in descriptions if description.metric == metric]
    return [
        *_not_measured(runs),
        *_flags(runs),
        *_failed(failed),
        *_threats(threats, config.alpha),
        *_few_runs(energies, config.minimum_runs),
        *_spread(energies, config.spread_warning_percent),
        *_low_power([pair for pair in pairs if pair.metric == metric], config),
    ]


def _not_measured(runs: pd.DataFrame) -> Iterable[Caution]:
    for kind, group in runs.groupby("energy_kind", sort=True):
        if kind in NOT_MEASURED:
            ids = tuple(group["run_id"].astype(str))
            yield Caution(
                "not_measured", f"the energy of {count(len(ids), 'run')} {NOT_MEASURED[str(kind)]}", run_ids=ids
            )


def _flags(runs: pd.DataFrame) -> Iterable[Caution]:
    """`tags.flags` holds what the recordings' reader noticed, as `code: text; code: text`; it may be absent."""
    if FLAGS not in runs:
        return
    by_code: dict[str, dict[str, str]] = {}
    for run_id, text in zip(runs["run_id"], as_text(runs[FLAGS]), strict=True):
        for flag in filter(None, text.split("; ")):
            by_code.setdefault(flag.split(":")[0], {})[str(run_id)] = flag
    for code in sorted(by_code):
        texts, ids = list(by_code[code].values()), tuple(by_code[code])
        one = " (so it says of one of them)" if len(set(texts)) > 1 else ""
        yield Caution("flags", f"recordings of {count(len(ids), 'run')} are flagged {texts[0]}{one}", run_ids=ids)


def _failed(failed: pd.DataFrame) -> Iterable[Caution]:
    for treatment, group in failed.groupby("treatment", sort=True):
        ids = tuple(group["run_id"].astype(str))
        text = f"{count(len(ids), 'run')} of {treatment} did not finish and {'is' if len(ids) == 1 else 'are'} left out"
        yield Caution("failed", text, treatment=str(treatment), run_ids=ids)


def _threats(threats: Sequence[Threat], alpha: float) -> Iterable[Caution]:
    for threat in threats:
        if threat.detected and threat.effect_percent is not None:
            size = THREAT_TEXTS[threat.kind].format(size=_size(threat.kind, threat.effect_percent))
            text = f"{threat.metric} {size} ({threat.test.name}, Holm-corrected {p_phrase(threat.test.p_holm, alpha)})"
            yield Caution(threat.kind, text, metric=threat.metric)  # type: ignore[arg-type]


def _size(kind: str, effect_percent: float) -> str:
    """A trend has a direction, the distance between predecessors has none."""
    return quantity(effect_percent, "%", 3) if kind == "carry_over" else percent(effect_percent)


def _few_runs(energies: Sequence[Description], minimum: int) -> Iterable[Caution]:
    for energy in energies:
        if energy.n < minimum:
            few, wanted = count(energy.n, "usable run"), number(minimum, 1)
            text = f"{energy.treatment} has {few}, fewer than the {wanted} recommended"
            yield Caution("few_runs", text, energy.treatment, energy.metric)


def _spread(energies: Sequence[Description], limit_percent: float) -> Iterable[Caution]:
    for energy in energies:
        if energy.cv_percent is not None and energy.cv_percent > limit_percent:
            spread = quantity(energy.cv_percent, "%", 3)
            text = f"{energy.metric} of {energy.treatment} spreads by {spread} of its mean"
            yield Caution("spread", f"{text}, more than {limit_percent:g} %", energy.treatment, energy.metric)


def _low_power(pairs: Sequence[Pair], config: AnalysisConfig) -> Iterable[Caution]:
    for pair in pairs:
        power = pair.power
        if power.power is not None and power.power < config.target_power:
            n = power.iterations_needed
            needed = power.reason if n is None else count(n, "iteration")
            yield Caution(
                "low_power",
                f"{pair.first} and {pair.second}: a difference of {config.relevant_percent:g} % would be"
                f" shown with a probability of {number(power.power, 2)} only; {config.target_power:g} needs"
                f" {needed}",
                metric=pair.metric,
            )
