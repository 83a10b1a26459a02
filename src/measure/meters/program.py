"""What a module of this folder offers to be a meter; `select` finds it by its name, the option of `conf/meter/`.

Every meter is a program that is started as `METER -o OUT.csv -i MS [-g] -- COMMAND...` and writes EnergiBridge's CSV.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Any, Protocol

from src.contract.record import EnergyKind
from src.measure.meters.remarks import NONE, Remarks


@dataclass(frozen=True)
class Program:
    """A meter with its settings: `argv` is all that stands before the options that every meter has.

    `description` is told to the user and filed; `remedy` is what to do where the meter leaves no recording; `remarks`
    are true of everything that it records on this machine.
    """

    argv: tuple[str, ...]
    energy_kind: EnergyKind
    description: str
    version: str = "1"
    remedy: str = ""
    remarks: Remarks = NONE


class MeterModule(Protocol):
    """A module of this folder that is a meter."""

    Settings: type
    """A dataclass (keyword only), with rules at its fields (`src.rules`); one without a default has to be given.

    A field of the name of a key in conf/meter/auto.yaml takes that key's value, every other one that of
    `meter.options.NAME`.
    """

    def program(self, settings: Any, gpu: bool, /) -> Program:
        """How to start it; raises ConfigError where settings do not go together, MeterError where it is missing."""


def own_program(module: str, *options: str) -> tuple[str, ...]:
    """The command line of a meter that is a module of this project, with options of its own."""
    return (sys.executable, "-m", f"src.measure.meters.{module}", *options)
