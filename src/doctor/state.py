"""The state of a machine as it was read: plain facts, no judgement. None, or nothing, where a system does not show one.

Whatever can be recorded or made up here can be examined, on any system (`src.doctor.checks`).
"""

from __future__ import annotations

from dataclasses import dataclass, field

from src.contract.flags import Flag
from src.contract.record import EnergyKind


@dataclass(frozen=True)
class MeterTrial:
    """A meter, tried: `energy_kind` is empty and `failure` says why where it does not work.

    `power_w` and `domains` are what it read, `flags` what it says against its own numbers.
    """

    name: str
    energy_kind: EnergyKind | str = ""
    description: str = ""
    power_w: float = 0.0
    domains: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()
    failure: str = ""


@dataclass(frozen=True)
class Meters:
    """What may measure here. `msr` and `capability` say whether EnergiBridge may read the counters (Linux).

    `rapl` are the domains that Linux powercap reads, `mirrored` the zones that show another one's counter, and
    `rapl_failure` says why there is none. `wanted` is what the configuration asks for; `gpu_slowed` are the reasons for
    which a GPU computes more slowly than it was asked to.
    """

    trials: tuple[MeterTrial, ...] = ()
    wanted: str = "auto"
    energibridge: str = ""
    energibridge_failure: str = ""
    msr_readable: bool | None = None
    capability: bool | None = None
    lockdown: str = ""
    rapl: tuple[str, ...] = ()
    rapl_flags: tuple[Flag, ...] = ()
    mirrored: tuple[str, ...] = ()
    rapl_failure: str = ""
    gpus: tuple[str, ...] = ()
    gpu_slowed: tuple[str, ...] = ()
    gpu_wanted: bool = False


@dataclass(frozen=True)
class Processor:
    """Frequencies in MHz over all CPUs; `throttled` counts how often it slowed itself down during the look."""

    packages: int = 1
    governors: tuple[str, ...] = ()
    driver: str = ""
    turbo: bool | None = None
    smt: str = ""
    most_mhz: float | None = None
    allowed_mhz: float | None = None
    now_mhz: float | None = None
    temperature_c: float | None = None
    throttled: int | None = None
    throttled_since_boot: int | None = None


@dataclass(frozen=True)
class Supply:
    """Mains or battery, and what the firmware or system was told to favour."""

    has_battery: bool = False
    plugged: bool | None = None
    charge_percent: float | None = None
    profile: str = ""


@dataclass(frozen=True)
class Room:
    """Memory, swap and disk, in bytes; `swapped_in` came back from swap during the look."""

    memory: int = 0
    memory_free: int = 0
    swap: int = 0
    swap_used: int = 0
    swapped_in: int | None = None
    disk_free: int = 0
    disk_place: str = ""


@dataclass(frozen=True)
class Busy:
    """What others did during the look: shares of all CPUs, and who used most of it.

    `sweep` says who measures on this machine already, nothing where nobody does or nobody looked.
    """

    foreign_share: float | None = None
    steal_share: float | None = None
    programs: tuple[tuple[str, float], ...] = ()
    clock_step_s: float = 0.0
    most_foreign_share: float = 0.1
    sweep: str = ""


@dataclass(frozen=True)
class Held:
    """What holds this system: a hypervisor, a container, a quota of CPUs (infinite: None), an affinity."""

    virtual: str = ""
    container: str = ""
    cpus: int = 1
    allowed_cpus: int = 1
    quota_cpus: float | None = None


@dataclass(frozen=True)
class Timer:
    """A pending timer of the system; `in_s` seconds from now."""

    name: str
    in_s: float


@dataclass(frozen=True)
class Surroundings:
    """What else may disturb a study. `timers`, `displays` and `synchronised` are None where nobody tells."""

    timers: tuple[Timer, ...] | None = None
    updaters: tuple[str, ...] = ()
    reboot_wanted: bool = False
    displays: tuple[str, ...] | None = None
    networks: tuple[str, ...] = ()
    remote: bool = False
    synchronised: bool | None = None
    clock_source: str = ""
    clock_step_ns: int | None = None


@dataclass(frozen=True)
class Environment:
    """A framework's environment, tried. `drifted` are packages of another version than the lock's, in words."""

    name: str
    failure: str = ""
    remedy: str = ""
    versions: tuple[str, ...] = ()
    devices: tuple[str, ...] = ()
    drifted: tuple[str, ...] = ()
    late: bool = False


@dataclass(frozen=True)
class Software:
    """What a study needs beside the machine. None where it was not looked at.

    `dataset` says where it lies, or why it is not there; `dataset_here` is None for one that is still to be fetched.
    """

    environments: tuple[Environment, ...] | None = None
    dataset: str = ""
    dataset_here: bool | None = True
    store: str = ""
    store_failure: str = ""
    gpu_wanted: bool = False


@dataclass(frozen=True)
class MachineState:
    """All that was read; `system` as sys.platform has it. What was not looked at is None."""

    system: str = "linux"
    name: str = ""
    processor: Processor = field(default_factory=Processor)
    supply: Supply = field(default_factory=Supply)
    room: Room = field(default_factory=Room)
    busy: Busy = field(default_factory=Busy)
    held: Held = field(default_factory=Held)
    surroundings: Surroundings = field(default_factory=Surroundings)
    meters: Meters | None = None
    software: Software | None = None
