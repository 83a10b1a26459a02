"""Look at the machine, check what was seen, and keep it as one record."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from src.config.schema import Config
from src.doctor import read_commands as commands
from src.doctor import read_machine as machine
from src.doctor.checks import check
from src.doctor.finding import Finding, Verdict, worst
from src.doctor.host import cpu_name, machine_name
from src.doctor.state import MachineState, MeterTrial, Surroundings
from src.doctor.try_meters import read_meters, try_meters
from src.doctor.try_software import read_software
from src.measure.alone import holder
from src.workloads.hardware import Device

LOOK_S = 1.0
VERSION = 1


@dataclass(frozen=True)
class Examination:
    """All findings by topic, of which machine, and when (ISO 8601, UTC)."""

    machine: str
    system: str
    when: str
    topics: dict[str, list[Finding]] = field(default_factory=dict)

    @property
    def findings(self) -> list[Finding]:
        """All of them, in order."""
        return [found for findings in self.topics.values() for found in findings]

    @property
    def verdict(self) -> Verdict:
        """The gravest one."""
        return worst(self.findings)

    def with_verdict(self, verdict: Verdict) -> list[Finding]:
        """Those of one verdict."""
        return [found for found in self.findings if found.verdict is verdict]

    def plain(self) -> dict[str, Any]:
        """As JSON takes it."""
        findings = [
            {"topic": topic, **asdict(found), "code": found.code.strip(), "verdict": found.verdict.value}
            for topic, topic_findings in self.topics.items()
            for found in topic_findings
        ]
        head = {"version": VERSION, "verdict": self.verdict.value, "machine": self.machine, "system": self.system}
        return {**head, "when": self.when, "findings": findings}

    @classmethod
    def of(cls, state: MachineState) -> Self:
        """What a state comes to."""
        return cls(state.name, state.system, datetime.now(UTC).isoformat(timespec="seconds"), check(state))


def name_and_processor() -> str:
    """Its own and its processor's."""
    return f"{machine_name()}, {cpu_name()}"


def read_state(config: Config, folder: Path) -> MachineState:
    """The machine as it is now, in about a second; neither meters nor software are tried. `folder` keeps runs."""
    busy, seen = machine.look(LOOK_S, config.hardware.max_background_load)
    return MachineState(
        system=sys.platform,
        name=name_and_processor(),
        processor=machine.read_processor(seen),
        supply=machine.read_supply(),
        room=machine.read_room(seen, folder),
        busy=busy,
        held=machine.read_held(),
        surroundings=_surroundings(),
    )


def _surroundings() -> Surroundings:
    return Surroundings(
        timers=commands.timers(),
        updaters=commands.updaters(),
        reboot_wanted=commands.reboot_wanted(),
        displays=machine.displays(),
        networks=machine.networks(),
        remote=commands.is_remote(),
        synchronised=commands.synchronised(),
        clock_source=machine.clock_source(),
        clock_step_ns=machine.clock_step_ns(),
    )


def with_meters(state: MachineState, config: Config, trials: Sequence[MeterTrial]) -> MachineState:
    """The state with what the meters said when they were tried."""
    return replace(state, meters=read_meters(config.meter, config.hardware.device is Device.cuda, trials))


def examine(config: Config, root: Path, folder: Path) -> Examination:
    """The machine at rest first, then software, then each meter by itself."""
    state = read_state(config, folder)
    state = replace(state, busy=replace(state.busy, sweep=holder()), software=read_software(config, root))
    trials = try_meters(config.meter, config.hardware.device is Device.cuda)
    return Examination.of(with_meters(state, config, trials))
