"""What a reader must be warned of before believing the results; what to say of it is the report's."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import pandas as pd

from src.analysis.costly import CostlyRuns
from src.analysis.describe import Description, coefficient_of_variation_percent
from src.analysis.pairs import Pair
from src.analysis.settings import BLOCKS, AnalysisConfig
from src.analysis.threats import Kind as ThreatKind
from src.analysis.threats import Threat
from src.contract.flags import Flag

Kind = ThreatKind | Literal["spread", "few_runs", "low_power", "memory", "costly", "not_measured", "flags", "failed"]

SURE_OF_MEMORY = 0.9
"""From this probability on it is worth a warning; the intervals always allow for it."""


@dataclass(frozen=True)
class Caution:
    """One warning; what is set of the rest narrows down what it is about.

    `against` is the second treatment of a pair. Of several runs with one flag, `flag` is one's, grave if any of them
    is, and `texts_differ` says whether they say the same. `percent` is the size of a spread.
    """

    kind: Kind
    treatment: str | None = None
    metric: str | None = None
    run_ids: tuple[str, ...] = ()
    against: str | None = None
    energy_kind: str | None = None
    flag: Flag | None = None
    texts_differ: bool = False
    percent: float | None = None

    @property
    def is_grave(self) -> bool:
        """Whether it casts doubt on the results; a recording that was mended does not."""
        return self.flag is None or self.flag.grave


def all_cautions(
    runs: pd.DataFrame,
    failed: pd.DataFrame,
    descriptions: Sequence[Description],
    pairs: Sequence[Pair],
    threats: Sequence[Threat],
    costly: Sequence[CostlyRuns],
    metric: str,
    config: AnalysisConfig,
) -> list[Caution]:
    """Every warning about `metric` (the energy that is compared) and the runs, the gravest first.

    Where several machines measured, `runs` have the metric `levelled`, so that they do not spread by machines.
    `failed` are the runs that do not count; of those that were disturbed and measured again nothing need be said.
    """
    energies = [description for description in descriptions if description.metric == metric]
    return [
        *_not_measured(runs),
        *_flags(runs),
        *_failed(failed[failed["status"] == "failed"]),
        *(Caution(threat.kind, metric=metric) for threat in threats if threat.detected),
        *_about_treatments(energies, _spreads(runs, metric), config),
        *(Caution("memory", p.first, metric, against=p.second) for p in pairs if _remembers(p, metric, config)),
        *(Caution("costly", each.treatment, metric) for each in costly),
        *(Caution("low_power", p.first, metric, against=p.second) for p in pairs if _lacks_power(p, metric, config)),
    ]


def _not_measured(runs: pd.DataFrame) -> Iterable[Caution]:
    for kind, group in runs.groupby("energy_kind", sort=True):
        if kind != "measured":
            yield Caution("not_measured", energy_kind=str(kind), run_ids=tuple(group["run_id"].astype(str)))


def _flags(runs: pd.DataFrame) -> Iterable[Caution]:
    by_code: dict[str, dict[str, Flag]] = {}
    for run_id, flags in zip(runs["run_id"], runs["flags"], strict=True):
        for flag in flags:
            by_code.setdefault(flag.code, {})[str(run_id)] = flag
    for code in sorted(by_code):
        flags, ids = list(by_code[code].values()), tuple(by_code[code])
        flag = replace(flags[0], grave=any(each.grave for each in flags))
        yield Caution("flags", run_ids=ids, flag=flag, texts_differ=len({each.text for each in flags}) > 1)


def _failed(failed: pd.DataFrame) -> Iterable[Caution]:
    for treatment, group in failed.groupby("treatment", sort=True):
        yield Caution("failed", str(treatment), run_ids=tuple(group["run_id"].astype(str)))


def _spreads(runs: pd.DataFrame, metric: str) -> dict[str, float | None]:
    """Each treatment's coefficient of variation, in percent."""
    by_treatment = runs.groupby("treatment")[metric]
    sds, means = by_treatment.std(), by_treatment.mean()
    return {str(name): coefficient_of_variation_percent(means[name], sds[name]) for name in means.index}


def _about_treatments(
    energies: Sequence[Description], spreads: Mapping[str, float | None], config: AnalysisConfig
) -> Iterable[Caution]:
    for energy in energies:
        if energy.n < config.minimum_runs:
            yield Caution("few_runs", energy.treatment, energy.metric)
    for energy in energies:
        spread = spreads.get(energy.treatment)
        if spread is not None and spread > config.spread_warning_percent:
            yield Caution("spread", energy.treatment, energy.metric, percent=spread)


def _lacks_power(pair: Pair, metric: str, config: AnalysisConfig) -> bool:
    """Only where nothing was shown: beside a difference that was, the warning would contradict it."""
    if pair.metric != metric or pair.verdict.word != "no difference shown":
        return False
    if config.decision == BLOCKS:
        return pair.decision.unit == "blocks" and not 0 < (pair.decision.needed or 0) <= pair.decision.n
    return pair.power.power is not None and pair.power.power < config.target_power


def _remembers(pair: Pair, metric: str, config: AnalysisConfig) -> bool:
    return pair.metric == metric and config.decision == BLOCKS and (pair.decision.memory or 0.0) > SURE_OF_MEMORY
