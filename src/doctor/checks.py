"""All checks by topic: pure functions of what was read."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from src.doctor.check_meters import meters
from src.doctor.check_processor import held, memory, others, processor, supply
from src.doctor.check_software import software
from src.doctor.check_surroundings import clocks, surroundings
from src.doctor.finding import Finding
from src.doctor.state import MachineState

Check = Callable[[MachineState], Iterable[Finding]]
TOPICS: dict[str, tuple[Check, ...]] = {
    "Meter": (meters,),
    "Processor": (processor, supply),
    "Memory and disk": (memory,),
    "Who else is here": (others, held),
    "Surroundings": (surroundings, clocks),
    "Frameworks, data, store": (software,),
}


def check(state: MachineState) -> dict[str, list[Finding]]:
    """What every check finds, by topic; topics that were not looked at are left out."""
    found = {topic: [each for look in looks for each in look(state)] for topic, looks in TOPICS.items()}
    return {topic: findings for topic, findings in found.items() if findings}
