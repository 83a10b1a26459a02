"""The keys of `conf/hardware/*.yaml`."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from omegaconf import MISSING


class Device(StrEnum):
    """What the frameworks compute on."""

    cpu = "cpu"
    cuda = "cuda"


@dataclass
class HardwareConfig:
    """Where the work is done, and what is expected of the host."""

    # What the report calls this machine; null takes the processor's name.
    name: str | None = None
    device: Device = MISSING
    threads: int = MISSING
    # CPUs the worker may use; empty means all.
    affinity: list[int] = field(default_factory=list)
    # Share of all cores that other programs may use before a measurement is worth a warning.
    max_background_load: float = MISSING
