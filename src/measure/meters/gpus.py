"""Which NVIDIA GPUs a program may see: all, or those that CUDA_VISIBLE_DEVICES names (CUDA C++ Programming Guide)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from src.contract.flags import Flag

VARIABLE, ORDER = "CUDA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER"
PCI_BUS_ID = "PCI_BUS_ID"


@dataclass(frozen=True)
class Gpu:
    """One GPU that answers: its place in NVML's order, its handle there, and what it is called."""

    index: int
    handle: Any
    name: str
    uuid: str


@dataclass(frozen=True)
class VisibleGpus:
    """Those that a program may see, in its order, the places in NVML's order of all others, and what is odd."""

    gpus: tuple[Gpu, ...]
    hidden: tuple[int, ...]
    flags: tuple[Flag, ...] = ()


def visible_gpus(pynvml: Any, environment: Mapping[str, str]) -> VisibleGpus:
    """Ask an initialised NVML; raises its NVMLError only where it cannot even count. A GPU in error is none."""
    count = int(pynvml.nvmlDeviceGetCount())
    answers = [_gpu(pynvml, index) for index in range(count)]
    present = [gpu for gpu in answers if isinstance(gpu, Gpu)]
    flags = [flag for flag in answers if isinstance(flag, Flag)]
    words = environment.get(VARIABLE)
    if words is None:
        return VisibleGpus(tuple(present), (), tuple(flags))
    named, more = _named(pynvml, words, count, present)
    seen = {gpu.index for gpu in named}
    hidden = tuple(index for index in range(count) if index not in seen)
    if _order_is_unknown(words, seen, present, environment):
        text = f"{VARIABLE}={words} counts GPUs of different kinds by their speed, and this meter by their place: set "
        more.append(Flag("gpu_order", f"{text}{ORDER}={PCI_BUS_ID}, or another GPU may be measured", grave=True))
    return VisibleGpus(tuple(named), hidden, tuple(more))


def _gpu(pynvml: Any, index: int) -> Gpu | Flag:
    try:
        handle = pynvml.nvmlDeviceGetHandleByIndex(index)
        return Gpu(index, handle, str(pynvml.nvmlDeviceGetName(handle)), str(pynvml.nvmlDeviceGetUUID(handle)))
    except pynvml.NVMLError as error:
        return Flag("gpu_error", f"GPU {index} does not answer ({error}) and is not measured", grave=True)


def _named(pynvml: Any, words: str, count: int, present: Sequence[Gpu]) -> tuple[list[Gpu], list[Flag]]:
    """The GPUs that the list names up to its first entry that names none, which ends it for CUDA too."""
    found: dict[int, Gpu] = {}
    flags = []
    for word in words.split(","):
        gpu = _find(pynvml, word.strip(), present)
        if gpu is None:
            if word.strip().isdecimal() and int(word) < count:
                flags.append(_gpu(pynvml, int(word)))
            break
        if word.strip().startswith("MIG-"):
            text = f"{word.strip()} is a part of GPU {gpu.index}, of which only the whole is metered"
            flags.append(Flag("gpu_part", text, grave=True))
        found[gpu.index] = gpu
    return list(found.values()), [flag for flag in flags if isinstance(flag, Flag)]


def _find(pynvml: Any, word: str, present: Sequence[Gpu]) -> Gpu | None:
    if word.isdecimal():
        matches = [gpu for gpu in present if gpu.index == int(word)]
    elif word.startswith("MIG-GPU-"):
        matches = [gpu for gpu in present if gpu.uuid == word.removeprefix("MIG-").partition("/")[0]]
    elif word.startswith("MIG-"):
        matches = [gpu for gpu in present if gpu.index == _holder(pynvml, word)]
    else:
        matches = [gpu for gpu in present if word.startswith("GPU-") and gpu.uuid.startswith(word)]
    return matches[0] if len(matches) == 1 else None


def _holder(pynvml: Any, mig: str) -> int | None:
    """The GPU of which this is an instance."""
    try:
        part = pynvml.nvmlDeviceGetHandleByUUID(mig)
        return int(pynvml.nvmlDeviceGetIndex(pynvml.nvmlDeviceGetDeviceHandleFromMigDeviceHandle(part)))
    except pynvml.NVMLError:
        return None


def _order_is_unknown(words: str, seen: set[int], present: Sequence[Gpu], environment: Mapping[str, str]) -> bool:
    """CUDA's own order is the fastest first; it is NVML's among equals, or where it is told to take that."""
    numbers = any(word.strip().isdecimal() for word in words.split(","))
    kinds = {gpu.name for gpu in present}
    by_speed = environment.get(ORDER) != PCI_BUS_ID
    return numbers and by_speed and len(kinds) > 1 and seen != {gpu.index for gpu in present}
