"""The discussion: where the joules go, and what they mean in money, emissions and, of trainings, what was learnt."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from src.analysis.analyse import ESTIMATED, Analysis
from src.analysis.practical import Practical
from src.analysis.table import TRAINING
from src.contract.metrics import of_phase
from src.figures.kinds import not_measured
from src.figures.numbers import DASH, confidence, number, quantity
from src.report.document import Block, Paragraph, Picture, Section, bullets, table
from src.report.wording import many_runs


def discussion(analysis: Analysis, kinds: Mapping[str, int], pictures: Sequence[Picture]) -> Section:
    """Where the energy goes, then what it means at scale."""
    return Section(
        "discussion",
        "Discussion",
        tuple(bullets(list(_where_it_goes(analysis)))),
        (
            Section("practical", "Practical significance", tuple(_practical(analysis, kinds))),
            *((Section("learnt", "Energy and accuracy", tuple(pictures)),) if pictures else ()),
        ),
    )


def _where_it_goes(analysis: Analysis) -> Iterable[str]:
    """The phase that takes the most of each treatment's energy: in means, which add up, as the figure shows them."""
    metrics = {of_phase(phase)[0].name: phase for phase in analysis.phases}
    metrics = {name: phase for name, phase in metrics.items() if name in analysis.metrics}
    if not metrics:
        yield "The recordings do not tell phases apart, so where the energy went inside a run is not known."
        return
    for treatment in analysis.treatments[:6]:
        means = {metric: analysis.description(treatment, metric).mean for metric in metrics}
        shares = {metric: mean for metric, mean in means.items() if mean is not None}
        total = sum(shares.values())
        if len(shares) == len(metrics) and total > 0:
            most = max(shares, key=lambda metric: shares[metric])
            share = f"{100 * shares[most] / total:.0f} %"
            yield f"Of the energy of all phases of {treatment}, on average {share} went into the phase {metrics[most]}."


def _practical(analysis: Analysis, kinds: Mapping[str, int]) -> list[Block]:
    config = analysis.config
    entries = [entry for entry in analysis.practical if entry.at_scale]
    if not entries:
        known = "Energy was not measured" if ESTIMATED in kinds else "No run has an energy"
        return [Paragraph(f"{known}, so there is nothing to multiply.")]
    blocks: list[Block] = []
    other = not_measured(kinds)
    if other:
        blocks.append(Paragraph(f"All that follows rests on energy that is {other}."))
    blocks += [block for place in range(len(entries[0].at_scale)) for block in _scale_table(entries, place, analysis)]
    blocks += _learnt(entries) if analysis.workload == TRAINING else []
    sources = (
        f"Price: {config.price_per_kwh:g} {config.currency} per kWh ({config.price_source}). Emissions: "
        f"{config.grid_gco2e_per_kwh:g} g CO2e per kWh ({config.grid_source}). Both can be set: "
        "analysis.price_per_kwh, analysis.grid_gco2e_per_kwh, analysis.scale."
    )
    return [*blocks, Paragraph(sources)]


def _scale_table(entries: Sequence[Practical], place: int, analysis: Analysis) -> list[Block]:
    rows = []
    for entry in entries:
        scale = entry.at_scale[place]
        low, high = scale.energy_low_kwh, scale.energy_high_kwh
        known = f"{number(low, 3)} to {number(high, 3)}" if low is not None else DASH
        values = (scale.cost, scale.co2e_kg, scale.extra_energy_kwh, scale.extra_cost, scale.extra_co2e_kg)
        rows.append((entry.treatment, number(scale.energy_kwh, 3), known, *(number(value, 3) for value in values)))
    currency = analysis.config.currency
    head = ("Treatment", "kWh", f"{confidence(analysis.config.alpha)} interval", f"Cost ({currency})", "CO2e (kg)",
            "kWh beyond the least", f"Cost beyond ({currency})", "CO2e beyond (kg)")  # fmt: skip
    caption = f"{many_runs(analysis, entries[0].at_scale[place].trainings)} at the mean energy of one."
    return table(caption, head, rows)


def _learnt(entries: Sequence[Practical]) -> list[Block]:
    rows = [
        (
            entry.treatment,
            quantity(entry.energy_per_correct_prediction_j, "J"),
            quantity(entry.energy_per_percentage_point_j, "J"),
        )
        for entry in entries
        if entry.energy_per_percentage_point_j is not None
    ]
    head = ("Treatment", "Per correct prediction on the test images", "Per percentage point of accuracy")
    return table("Median energy for what was learnt.", head, rows)
