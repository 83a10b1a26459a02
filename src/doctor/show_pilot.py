"""How a pilot is told: one column for each meter, and what it comes to in a sentence."""

from __future__ import annotations

from collections.abc import Callable

from rich.console import Console
from rich.table import Table
from rich.text import Text

from src.doctor.pilot_file import Cost, MeterPilot, Pilot

DISTURBED = 0.05
ROWS: tuple[tuple[str, Callable[[MeterPilot], str]], ...] = (
    ("energy is", lambda meter: meter.energy_kind),
    ("sampled every", lambda meter: f"{meter.interval_ms} ms"),
    ("takes of all CPUs", lambda meter: f"{meter.cpu_percent:.2f} %"),
    ("makes work slower by", lambda meter: _cost(meter.time)),
    ("makes work cost more by", lambda meter: _cost(meter.energy)),
    ("machine at rest", lambda meter: f"{meter.idle_w:.2f} ± {meter.idle_sd_w:.2f} W"),
    ("best interval", lambda meter: f"{meter.best_interval_ms} ms"),
    ("30 iterations show", lambda meter: f"{meter.smallest_percent:.2g} %"),
)
NOTES = (
    "± is one standard error of a cost, and the standard deviation of seconds at rest. The best interval is the one at "
    "which what sampling takes and what it leaves unknown of a run of 10 s add up to the least. What 30 iterations "
    "show is of matrix products that follow each other; frameworks spread more."
)


def tell_pilot(pilot: Pilot, to: Console) -> None:
    """The table, and what was in the way."""
    to.print(Text(pilot.machine, style="bold"))
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("")
    for meter in pilot.meters:
        table.add_column(meter.name, justify="right")
    for title, told in ROWS:
        table.add_row(title, *(told(meter) for meter in pilot.meters))
    to.print(table)
    to.print(Text(NOTES, style="dim"))
    if pilot.foreign_share > DISTURBED:
        said = f"Others used up to {pilot.foreign_share:.0%} of the processor meanwhile: repeat it when they are done."
        to.print(Text(said, style="bold yellow"))


def _cost(cost: Cost | None) -> str:
    return "nobody can tell" if cost is None else f"{cost.percent:+.2f} ± {cost.error:.2f} %"
