"""NVIDIA GPUs' energy through nvidia-ml-py (NVML)."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from typing import Any

from src.measure.meters.sampler import ReaderError


class Nvml:
    """One column for each GPU: its energy counter (Volta or newer), else its power."""

    def __init__(self) -> None:
        try:
            pynvml = importlib.import_module("pynvml")
        except ImportError as error:
            raise ReaderError("GPUs need the package nvidia-ml-py: pip install nvidia-ml-py") from error
        try:
            pynvml.nvmlInit()
            sources = [_source(pynvml, index) for index in range(pynvml.nvmlDeviceGetCount())]
        except pynvml.NVMLError as error:
            raise ReaderError(f"NVIDIA's driver does not answer ({error}); is it installed and loaded?") from error
        if not sources:
            raise ReaderError("NVIDIA's driver is loaded but reports no GPU")
        self.columns: Sequence[str] = [column for column, _ in sources]
        self._reads = [read for _, read in sources]

    def read(self) -> list[float]:
        """Energy in J since the driver was loaded, or power in mW, of each GPU."""
        return [read() for read in self._reads]


def _source(pynvml: Any, index: int) -> tuple[str, Callable[[], float]]:
    handle = pynvml.nvmlDeviceGetHandleByIndex(index)
    try:
        pynvml.nvmlDeviceGetTotalEnergyConsumption(handle)
    except pynvml.NVMLError_NotSupported:
        return f"GPU{index}_POWER (mWatts)", lambda: float(pynvml.nvmlDeviceGetPowerUsage(handle))
    return f"GPU{index}_ENERGY (J)", lambda: float(pynvml.nvmlDeviceGetTotalEnergyConsumption(handle) / 1000)
