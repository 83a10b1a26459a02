"""The meter `estimate`: CPU load times a power model. No measurement, and marked as such in every row.

`python -m src.measure.meters.estimate -o OUT.csv -i MS --idle-w W --busy-w W [-g] -- COMMAND...`
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from src.contract.flags import Flag
from src.errors import ConfigError
from src.measure.meters.program import Program, own_program
from src.measure.meters.remarks import NONE, Remarks
from src.measure.meters.sampler import RemarkingReader, parser, run_meter
from src.rules import ABOVE_ZERO, at_least

BUSY = ("user", "nice", "system", "irq", "softirq")
"""The states of a CPU that draw power on our behalf; `guest` is part of `user`, `steal` is someone else's."""

CPU_CLOCK_S = 0.5
"""By how much the kernel's account of a CPU's time may differ from the clock; more is another CPU's."""


@dataclass(kw_only=True)
class Settings:
    """The power model, in W for each logical CPU: P = idle_w + (busy_w - idle_w) × its load."""

    # Power of an idle logical CPU, in W.
    idle_w: Annotated[float, at_least(0)]
    # Power of a fully loaded one, in W.
    busy_w: Annotated[float, ABOVE_ZERO]
    # Where the two powers come from.
    power_model_source: str


def program(settings: Settings, _gpu: bool) -> Program:
    """This module, with the power model; raises ConfigError for one that is none."""
    idle_w, busy_w = settings.idle_w, settings.busy_w
    if not 0 <= idle_w <= busy_w or busy_w == 0:
        raise ConfigError(f"meter.idle_w={idle_w:g} and meter.busy_w={busy_w:g} must be powers in W, idle below busy")
    return Program(
        own_program("estimate", "--idle-w", str(idle_w), "--busy-w", str(busy_w)),
        "estimated",
        f"ESTIMATED, not measured: {idle_w:g} W idle to {busy_w:g} W busy for each logical CPU "
        f"({settings.power_model_source})",
    )


class Estimate:
    """Every logical CPU draws `idle_w` and, in proportion to its load, up to `busy_w` (W per logical CPU)."""

    def __init__(self, idle_w: float, busy_w: float, gpu: bool) -> None:
        self._idle_w, self._busy_w = idle_w, busy_w
        self._gpus = _gpu_readers(gpu)
        self._last_s = time.monotonic()
        self._last_busy_s = _busy_seconds()
        self._energy_j, self._mean_share, self._changed = 0.0, 0.0, False
        usage = [f"CPU_USAGE_{index}" for index in range(len(self._last_busy_s))]
        self._usage_count = len(usage)
        gpus = [column for reader in self._gpus for column in reader.columns]
        self.columns: Sequence[str] = ["CPU_ENERGY (J)", *usage, "ESTIMATED", *gpus]

    def read(self) -> list[float]:
        """Energy since this object was made in J, load of each CPU in %, the mark, then GPU values."""
        now_s, busy_s = time.monotonic(), _busy_seconds()
        step_s = max(now_s - self._last_s, 1e-3)
        load_s = self._load_s(busy_s, step_s)
        self._energy_j += self._idle_w * len(busy_s) * step_s + (self._busy_w - self._idle_w) * sum(load_s)
        self._last_s, self._last_busy_s = now_s, busy_s
        usage = [min(100.0, 100 * s / step_s) for s in load_s[: self._usage_count]]
        usage += [0.0] * (self._usage_count - len(usage))
        gpus = [value for reader in self._gpus for value in reader.read()]
        return [self._energy_j, *usage, 1, *gpus]

    def remarks(self) -> Remarks:
        """What the GPUs' readers have to say, and whether CPUs came or went."""
        text = "CPUs went offline or came during the run: the load of an interval is taken from the one before"
        changed = Remarks((Flag("cpus_changed", text),)) if self._changed else NONE
        return sum((reader.remarks() for reader in self._gpus), changed)

    def _load_s(self, busy_s: Sequence[float], step_s: float) -> list[float]:
        """Seconds that each CPU worked since the last sample; where CPUs went or came, what they did before that."""
        grown = [now - last for last, now in zip(self._last_busy_s, busy_s, strict=False)]
        if len(busy_s) == len(self._last_busy_s) and all(-CPU_CLOCK_S <= s <= step_s + CPU_CLOCK_S for s in grown):
            self._mean_share = sum(grown) / len(grown) / step_s
            return grown
        self._changed = True
        return [min(1.0, self._mean_share) * step_s] * len(busy_s)


def _busy_seconds() -> list[float]:
    """Seconds that each logical CPU has worked since boot."""
    import psutil

    return [sum(getattr(times, state, 0.0) for state in BUSY) for times in psutil.cpu_times(percpu=True)]


def _gpu_readers(gpu: bool) -> list[RemarkingReader]:
    if not gpu:
        return []
    from src.measure.meters.nvml import Nvml

    return [Nvml()]


def main() -> int:
    """Entry point."""
    options = parser("Estimate a command's energy from the CPU's load.")
    options.add_argument("--idle-w", type=float, required=True, help="W of one idle logical CPU")
    options.add_argument("--busy-w", type=float, required=True, help="W of one fully loaded logical CPU")
    values: Any = options.parse_args()
    return run_meter("estimate", values, lambda: Estimate(values.idle_w, values.busy_w, values.gpu))


if __name__ == "__main__":
    sys.exit(main())
