"""How NVIDIA GPUs stand: temperature, clocks, power limit, and what holds the clocks down."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Any, NamedTuple

from src.measure.meters.gpus import visible_gpus

SLOWED = {
    0x004: "its power limit",
    0x008: "a slowdown by hardware",
    0x020: "heat (driver)",
    0x040: "heat (hardware)",
    0x080: "the power supply's brake",
    0x200: "its board's limit",
}
"""Why a GPU computes more slowly than it was asked to, as bits of NVML's reasons (nvml.h, nvmlClocksEventReason*).

The others are no slowdown: 0x001 it is idle, 0x002 and 0x100 somebody set its clocks, 0x010 it keeps to the clocks of
other GPUs, 0x400 no clock above is reliable.
"""


class GpuState(NamedTuple):
    """One GPU at one moment; None is what it does not tell. `reasons` are NVML's bits."""

    temperature_c: float | None
    sm_mhz: float | None
    memory_mhz: float | None
    reasons: float | None
    power_limit_w: float | None


def gpu_state(pynvml: Any, handle: Any) -> GpuState:
    """Ask an initialised NVML; takes well under a millisecond."""
    limit_mw = _told(pynvml, "nvmlDeviceGetEnforcedPowerLimit", handle)
    reasons = _told(pynvml, "nvmlDeviceGetCurrentClocksEventReasons", handle)
    if reasons is None:  # drivers before 535 know it by its older name
        reasons = _told(pynvml, "nvmlDeviceGetCurrentClocksThrottleReasons", handle)
    return GpuState(
        temperature_c=_told(pynvml, "nvmlDeviceGetTemperature", handle, pynvml.NVML_TEMPERATURE_GPU),
        sm_mhz=_told(pynvml, "nvmlDeviceGetClockInfo", handle, pynvml.NVML_CLOCK_SM),
        memory_mhz=_told(pynvml, "nvmlDeviceGetClockInfo", handle, pynvml.NVML_CLOCK_MEM),
        reasons=reasons,
        power_limit_w=None if limit_mw is None else limit_mw / 1000,
    )


def _told(pynvml: Any, function: str, *arguments: Any) -> float | None:
    try:
        return float(getattr(pynvml, function)(*arguments))
    except pynvml.NVMLError:
        return None


def visible_states(environment: Mapping[str, str]) -> tuple[GpuState, ...]:
    """All GPUs that a program with this environment may see; none where there is no driver."""
    pynvml = importlib.import_module("pynvml")
    try:
        # Never shut down: while somebody has it open, the driver does not put the GPU to sleep between runs.
        pynvml.nvmlInit()
        return tuple(gpu_state(pynvml, gpu.handle) for gpu in visible_gpus(pynvml, environment).gpus)
    except pynvml.NVMLError:
        return ()


def slowed_by(states: Sequence[GpuState]) -> tuple[str, ...]:
    """What slows any of them down now, in words."""
    known = [int(state.reasons) for state in states if state.reasons is not None]
    return tuple(words for bit, words in SLOWED.items() if any(reasons & bit for reasons in known))


def hottest_c(states: Sequence[GpuState]) -> float | None:
    """The highest temperature that one tells."""
    return max((state.temperature_c for state in states if state.temperature_c is not None), default=None)


def edge_metrics(begin: Sequence[GpuState], end: Sequence[GpuState]) -> dict[str, float]:
    """How the GPUs stood before and after a run, as `contract.metrics` names it: the hottest one, the mean clock."""
    found = {}
    for edge, states in (("begin", begin), ("end", end)):
        found[f"gpu_temperature_{edge}_c"] = hottest_c(states)
        found[f"gpu_frequency_{edge}_mhz"] = _mean([state.sm_mhz for state in states])
        found[f"gpu_memory_frequency_{edge}_mhz"] = _mean([state.memory_mhz for state in states])
    limits_w = [state.power_limit_w for state in end if state.power_limit_w is not None]
    found["gpu_power_limit_w"] = sum(limits_w) if limits_w else None
    return {name: value for name, value in found.items() if value is not None}


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return fmean(known) if known else None
