"""Meters checked against each other: what further meters told of the same runs, and how far the two may differ."""

from __future__ import annotations

from collections.abc import Sequence

from src.analysis.agreement import Agreement
from src.figures.numbers import count, enumerate_all, interval, number, signed
from src.report.document import Block, Paragraph, Picture, Section, table

HEAD = ("Second meter", "First meter", "Runs", "Scale", "Bias", "95 % interval", "Limits of agreement",
        "Lower one's interval", "Upper one's interval")  # fmt: skip


def meters_compared(found: Sequence[Agreement], pictures: Sequence[Picture]) -> list[Section]:
    """The section, in a list; nothing where no run was recorded by a second meter."""
    shown = [agreement for agreement in found if agreement.n]
    if not shown:
        return []
    blocks: list[Block] = [Paragraph(_sentence(agreement)) for agreement in shown]
    known = [agreement for agreement in shown if agreement.limits]
    blocks += table(
        "Agreement of meters over the task of the same runs (Bland and Altman, 1986): second minus first in J, or "
        "second divided by first where the difference grows with the energy",
        HEAD,
        [_row(agreement) for agreement in known],
        labels=2,
        note="Limits: mean ± 1.96 standard deviations. Their intervals are exact for normal differences (Carkeet, "
        "2015), that of the bias is Student's; as runs of a treatment are alike, they are too narrow for other work.",
    )
    return [Section("meters", "Meters checked against each other", (*blocks, *pictures))]


def known_as(name: str, kind: str) -> str:
    """A meter with how its energy is known, where it was not measured."""
    return name if kind in ("measured", "imported") else f"{name} ({kind.upper()})"


def _sentence(agreement: Agreement) -> str:
    first, second = known_as(agreement.first, agreement.first_kind), known_as(agreement.second, agreement.second_kind)
    limits, runs = agreement.limits, count(agreement.n, "run")
    second = f"the {second}" if agreement.is_wall else second
    if limits is None:
        return f"{runs} were recorded by {second} beside {first}: too few, or too alike, to say how the two agree."
    if agreement.by_ratio:
        told = f"{number(limits.bias)} times as much"
        bounds = f"{number(limits.lower)} and {number(limits.upper)} times"
        grows = " The difference grows with the energy, so ratios are told."
    else:
        told = f"{signed(limits.bias)} J" if limits.bias else "the same"
        bounds = f"{signed(limits.lower)} J and {signed(limits.upper)} J"
        grows = ""
    return (
        f"In {runs} {second} showed, on average, {told} beside {first}; 95 % of the runs are expected between "
        f"{bounds}.{grows}{_reserve(agreement)}"
    )


def _reserve(agreement: Agreement) -> str:
    """What a difference does not mean."""
    estimated = [
        name
        for name, kind in ((agreement.first, agreement.first_kind), (agreement.second, agreement.second_kind))
        if kind == "estimated"
    ]
    said = ""
    if estimated:
        who = enumerate_all(estimated)
        said += f" The energy by {who} is estimated, not measured: this tells how good the estimate is."
    if agreement.is_wall:
        said += (
            " A wall meter sees the whole machine with the losses of its power supply, so it shows more; what tells "
            "is how narrow the limits are."
        )
    return said


def _row(agreement: Agreement) -> tuple[str, ...]:
    limits = agreement.limits
    assert limits is not None
    return (
        known_as(agreement.second, agreement.second_kind),
        known_as(agreement.first, agreement.first_kind),
        str(agreement.n),
        "ratio" if agreement.by_ratio else "J",
        number(limits.bias),
        interval(limits.bias_interval),
        f"{number(limits.lower)} to {number(limits.upper)}",
        interval(limits.lower_interval),
        interval(limits.upper_interval),
    )
