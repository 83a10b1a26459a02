"""The discussion: what the joules mean in money, emissions and what was learnt for them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from src.analysis.analyse import Analysis
from src.analysis.metrics import PHASES
from src.analysis.practical import Practical
from src.report.answer import headline
from src.report.document import Block, Paragraph, Picture, Section, bullets, table
from src.report.shown import described, lacking
from src.report.wording import DASH, count, not_measured, number, quantity


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


def conclusion(analysis: Analysis, kinds: Mapping[str, int]) -> Section:
    """The headline once more, and what the evidence is worth."""
    blocks: list[Block] = [Paragraph(headline(analysis))]
    energies = described(analysis, analysis.energy_metric)
    if energies:
        whose = "each treatment that has a result" if lacking(analysis, analysis.energy_metric) else "each treatment"
        other = not_measured(kinds)
        energy = f"energy that is {other}" if other else "measured energy"
        fewest = count(min(energy.n for energy in energies), "run")
        worth = f"This rests on at least {fewest} of {whose} and {energy}, and on the limits named above."
        blocks.append(Paragraph(worth))
    return Section("conclusion", "Conclusion", tuple(blocks))


def _where_it_goes(analysis: Analysis) -> Iterable[str]:
    """The phase that takes the most of each treatment's energy: in means, which add up, as the figure shows them."""
    metrics = [f"energy_{phase}_j" for phase in PHASES if f"energy_{phase}_j" in analysis.metrics]
    if not metrics:
        yield "The recordings do not tell phases apart, so where the energy went inside a run is not known."
        return
    for treatment in analysis.treatments[:6]:
        means = {metric: analysis.description(treatment, metric).mean for metric in metrics}
        shares = {metric: mean for metric, mean in means.items() if mean is not None}
        total = sum(shares.values())
        if len(shares) == len(metrics) and total > 0:
            most = max(shares, key=lambda metric: shares[metric])
            phase = most.removeprefix("energy_").removesuffix("_j")
            share = f"{100 * shares[most] / total:.0f} %"
            yield f"Of the energy of all phases of {treatment}, on average {share} went into the phase {phase}."


def _practical(analysis: Analysis, kinds: Mapping[str, int]) -> list[Block]:
    config = analysis.config
    entries = [entry for entry in analysis.practical if entry.at_scale]
    if not entries:
        return [Paragraph("No run has an energy, so there is nothing to multiply.")]
    blocks: list[Block] = []
    other = not_measured(kinds)
    if other:
        blocks.append(Paragraph(f"All that follows rests on energy that is {other}."))
    blocks += [block for place in range(len(entries[0].at_scale)) for block in _scale_table(entries, place, analysis)]
    blocks += _learnt(entries)
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
    head = ("Treatment", "kWh", f"{100 * (1 - analysis.config.alpha):g} % interval", f"Cost ({currency})", "CO2e (kg)",
            "kWh beyond the least", f"Cost beyond ({currency})", "CO2e beyond (kg)")  # fmt: skip
    caption = f"{count(entries[0].at_scale[place].trainings, 'training')} at the mean energy of one."
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
