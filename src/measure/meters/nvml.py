"""NVIDIA GPUs' energy through nvidia-ml-py (NVML)."""

from __future__ import annotations

import importlib
import os
import time
from collections.abc import Callable, Sequence
from typing import Any

from src.contract.flags import Flag
from src.measure.meters.gpu_state import gpu_state
from src.measure.meters.gpus import VARIABLE, Gpu, visible_gpus
from src.measure.meters.remarks import Remarks
from src.measure.meters.sampler import ReaderError

LONGEST_STILL_S = 0.7
"""A GPU always draws power, so a counter that is seen to show one value for longer does not tell its energy."""

STATE_EVERY_S = 1.0
"""How old what is told of a GPU's state may be: it moves slowly, and every question costs energy."""
STATES = {
    "temperature_c": "TEMPERATURE",
    "sm_mhz": "FREQUENCY",
    "memory_mhz": "MEMORY_FREQUENCY",
    "reasons": "CLOCK_REASONS",
}
"""The columns' names, which EnergiBridge has as well where it tells the same."""


class Nvml:
    """Energy counter (Volta or newer), power and state of each GPU that the measured program may see.

    Where a counter is missing, fails or stands still, the power tells the energy instead, and the run is flagged.
    """

    def __init__(self) -> None:
        try:
            pynvml = importlib.import_module("pynvml")
        except ImportError as error:
            raise ReaderError("GPUs need the package nvidia-ml-py: pip install nvidia-ml-py") from error
        try:
            pynvml.nvmlInit()
            visible = visible_gpus(pynvml, os.environ)
        except pynvml.NVMLError as error:
            raise ReaderError(f"NVIDIA's driver does not answer ({error}); is it installed and loaded?") from error
        self._flags = visible.flags
        if not visible.gpus:
            said = "".join(f": {flag.text}" for flag in visible.flags)
            raise ReaderError(f"NVIDIA's driver is loaded but reports no GPU that {VARIABLE} lets a program see{said}")
        self._meters = [_GpuMeter(pynvml, gpu) for gpu in visible.gpus]
        self.columns: Sequence[str] = [column for meter in self._meters for column in meter.columns]

    def read(self) -> list[float]:
        """Energy in J since the driver was loaded, power in mW and the state of each GPU, as far as it has them."""
        return [value for meter in self._meters for value in meter.read()]

    def remarks(self) -> Remarks:
        """Which GPUs' energy comes from their power, and which readings failed."""
        return sum((meter.remarks() for meter in self._meters), Remarks(self._flags))


class _GpuMeter:
    """One GPU's counter and power, one of which may be missing; raises ReaderError where both are."""

    def __init__(self, pynvml: Any, gpu: Gpu) -> None:
        energy, power = f"GPU{gpu.index}_ENERGY (J)", f"GPU{gpu.index}_POWER (mWatts)"
        self._name = f"GPU {gpu.index}"
        counter = _Source(pynvml, lambda: pynvml.nvmlDeviceGetTotalEnergyConsumption(gpu.handle) / 1000, counts=True)
        mean = _Source(pynvml, lambda: float(pynvml.nvmlDeviceGetPowerUsage(gpu.handle)), counts=False)
        self._counter, self._power = counter, mean
        if counter.missing and mean.missing:
            raise ReaderError(f"{self._name} tells neither energy ({counter.missing}) nor power ({mean.missing})")
        self._sources = {name: s for name, s in ((energy, counter), (power, mean)) if not s.missing}
        self._state = _State(pynvml, gpu)
        self.columns = [*self._sources, *self._state.columns]

    def read(self) -> list[float]:
        return [*(source.read() for source in self._sources.values()), *self._state.read()]

    def remarks(self) -> Remarks:
        flags = []
        counter = next((column for column in self.columns if column.endswith("(J)")), None)
        failing = counter is not None and self._counter.longest_still_s > LONGEST_STILL_S
        why = self._counter.missing or f"showed one value for {self._counter.longest_still_s:.1f} s"
        if counter is None or (failing and not self._power.missing):
            text = f"{self._name}'s energy is the sum of its power over time, as its counter {why}"
            flags.append(Flag("gpu_power", text))
        elif failing:
            flags.append(Flag("gpu_counter", f"{self._name}'s counter {why}, and it tells no power", grave=True))
        failed = max(source.failed for source in self._sources.values())
        if failed:
            text = f"{failed} readings of {self._name} failed; the ones before them were taken instead"
            flags.append(Flag("gpu_read_failed", text, grave=self._power.failed > 0 and (failing or counter is None)))
        left_out = (counter,) if counter is not None and failing and not self._power.missing else ()
        return Remarks(tuple(flags), left_out)


class _State:
    """Temperature, clocks and what holds them down, asked for at most every STATE_EVERY_S; else what it was.

    What the GPU does not tell at first has no column.
    """

    def __init__(self, pynvml: Any, gpu: Gpu) -> None:
        self._pynvml, self._handle = pynvml, gpu.handle
        self._last = self._known()
        self._since_s = time.monotonic()
        self.columns = [f"GPU{gpu.index}_{STATES[name]}" for name in self._last]

    def read(self) -> list[float]:
        now_s = time.monotonic()
        if now_s - self._since_s >= STATE_EVERY_S:
            self._since_s = now_s
            self._last |= {name: value for name, value in self._known().items() if name in self._last}
        return list(self._last.values())

    def _known(self) -> dict[str, float]:
        state = gpu_state(self._pynvml, self._handle)
        told = {name: getattr(state, name) for name in STATES}
        return {name: value for name, value in told.items() if value is not None}


class _Source:
    """A number that NVML tells: above 0, never falling where it counts, and where it fails the last one again.

    `missing` says why there is none at all, `failed` counts the failures, `longest_still_s` is for how long it was
    seen to show one value.
    """

    def __init__(self, pynvml: Any, ask: Callable[[], float], counts: bool) -> None:
        self._error, self._ask, self._counts = pynvml.NVMLError, ask, counts
        self.missing, self.failed, self.longest_still_s = "", 0, 0.0
        self._last = 0.0
        self._since_s = time.monotonic()
        try:
            self._last = ask()
        except pynvml.NVMLError as error:
            self.missing = f"cannot be read ({error})"
        else:
            self.missing = "" if self._last > 0 else "shows 0"

    def read(self) -> float:
        now_s = time.monotonic()
        value = self._answer()
        if value is None:
            self.failed += 1
        if value is None or value == self._last:
            self.longest_still_s = max(self.longest_still_s, now_s - self._since_s)
        else:
            self._last, self._since_s = value, now_s
        return self._last

    def _answer(self) -> float | None:
        try:
            value = self._ask()
        except self._error:
            return None
        return value if value > 0 and not (self._counts and value < self._last) else None
