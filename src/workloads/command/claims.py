"""What a command may tell of itself, and what it may not claim: the names under which its measured energy is filed."""

from __future__ import annotations

import re

from src.contract.events import STOPPED
from src.contract.metrics import OF_MACHINE, OF_METER, TASK
from src.contract.outcome import NAME

PER_UNIT = re.compile(r"energy_per_[A-Za-z0-9_.-]+_j")
"""How the energy for each unit of what was done may be called."""
MEASURED = re.compile(r"(energy|duration)_(.+_)?(j|s)|power_w|edp_js|idle_power_w|power_trace_w")
"""What joulebench measures itself; nothing that a program claims may stand in its place."""
DOMAINS = ("package", "system", "dram", "cores", "uncore", "gpu", "resolution", "wall")
"""What `energy_NAME_j` means already, beside the meter's own metrics."""
NOT_PHASES = frozenset(
    (TASK, STOPPED, *DOMAINS, *(metric.name[7:-2] for metric in OF_METER if metric.name.startswith("energy_")))
)


def problem_of_metric(name: str) -> str | None:
    """Why no metric of a command's own can be called so."""
    if not NAME.fullmatch(name):
        return "use letters, digits, `_`, `.` and `-` in a metric's name"
    if MEASURED.fullmatch(name) or name in (metric.name for metric in OF_MACHINE):
        return "joulebench files what it measured under this name; choose another one"
    return None


def problem_of_unit(name: str) -> str | None:
    """Why the energy for each unit cannot be called so."""
    return None if PER_UNIT.fullmatch(name) else "call it energy_per_UNIT_j, as in energy_per_request_j"


def problem_of_phase(name: str) -> str | None:
    """Why no phase can be called so."""
    if not NAME.fullmatch(name):
        return "use letters, digits, `_`, `.` and `-` in a phase's name"
    if name in NOT_PHASES or name.startswith(("per_", "by_")):
        return f"energy_{name}_j means something else already; choose another name"
    return None
