"""The keys of `conf/hardware/*.yaml`."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated

from omegaconf import MISSING

from src.rules import SHARE, UNIQUE, at_least


class Device(StrEnum):
    """What the frameworks compute on."""

    cpu = "cpu"
    cuda = "cuda"


@dataclass
class HardwareConfig:
    """Where the work is done, and what is expected of the host."""

    # What the report calls this machine; null takes the processor's name.
    name: str | None = None
    # cpu | cuda: where the work is done.
    device: Device = MISSING
    # Threads of every framework; no command can be held to a number.
    threads: Annotated[int, at_least(1)] = MISSING
    # CPUs the worker may use; empty means all.
    affinity: Annotated[list[int], UNIQUE] = field(default_factory=list)
    # Share of all cores that other programs may use before a measurement is worth a warning.
    max_background_load: Annotated[float, SHARE] = MISSING
