"""A stand-in for NVIDIA's pynvml on GPUs of known watts.

The variable FAKE_GPUS is a list in JSON, one object a GPU: `watts`, `name`, `temperature_c`, `sm_mhz`, `memory_mhz`,
`reasons` (bits, as nvml.h has them), `limit_w`, and `fault`, a word of these:

lost          it answers to nothing
no_counter    it has no energy counter, no_power: nor tells its power
no_state      it tells no temperature, clock or limit, and old_driver: knows reasons by their old name only
zero          its counter shows 0
now_and_then  every third reading of its counter fails
once          one reading of its counter fails
stops         its counter stands still after a while
slow          its counter moves once a second
restarts      its counter starts anew after a while
doubled       its counter tells twice what its power does
no_driver     (of the first GPU) there is no driver
"""

from __future__ import annotations

import itertools
import json
import os
import time
from typing import Any

NVML_TEMPERATURE_GPU = 0
NVML_CLOCK_GRAPHICS, NVML_CLOCK_SM, NVML_CLOCK_MEM = 0, 1, 2
BEGIN_S = time.time()
STOPS_AFTER_S = 0.6
GPUS: list[dict[str, Any]] = json.loads(os.environ.get("FAKE_GPUS", "[]"))
READINGS = [itertools.count() for _ in GPUS]


class NVMLError(Exception):
    """NVML's own."""


class NVMLError_NotSupported(NVMLError):  # noqa: N801, N818
    """Of what a GPU does not have."""


class NVMLError_FunctionNotFound(NVMLError):  # noqa: N801, N818
    """Of what the driver is too old for."""


def nvmlInit() -> None:  # noqa: N802
    if GPUS and fault(0) == "no_driver":
        raise NVMLError("Driver Not Loaded")


def nvmlShutdown() -> None:  # noqa: N802
    pass


def fault(index: int) -> str:
    return str(GPUS[index].get("fault", ""))


def nvmlDeviceGetCount() -> int:  # noqa: N802
    return len(GPUS)


def nvmlDeviceGetHandleByIndex(index: int) -> int:  # noqa: N802
    if fault(index) == "lost":
        raise NVMLError("GPU is lost")
    return index


def nvmlDeviceGetHandleByUUID(uuid: str) -> str:  # noqa: N802
    if not uuid.startswith("MIG-of-"):
        raise NVMLError("Not Found")
    return uuid


def nvmlDeviceGetDeviceHandleFromMigDeviceHandle(handle: str) -> int:  # noqa: N802
    return int(handle.removeprefix("MIG-of-"))


def nvmlDeviceGetIndex(handle: int) -> int:  # noqa: N802
    return handle


def nvmlDeviceGetName(handle: int) -> str:  # noqa: N802
    return str(GPUS[handle].get("name", "Fake H100"))


def nvmlDeviceGetUUID(handle: int) -> str:  # noqa: N802
    return f"GPU-{handle}a-{handle}b"


def nvmlDeviceGetTotalEnergyConsumption(handle: int) -> int:  # noqa: N802
    what, passed_s, number = fault(handle), time.time() - BEGIN_S, next(READINGS[handle])
    if "no_counter" in what:
        raise NVMLError_NotSupported("Not Supported")
    if (what == "now_and_then" and number % 3 == 2) or (what == "once" and number == 5):
        raise NVMLError("Unknown Error")
    if what == "stops":
        passed_s = min(passed_s, STOPS_AFTER_S)
    start_j = 0 if what == "restarts" and passed_s > STOPS_AFTER_S else 1000
    if what == "slow":
        passed_s = int(passed_s)
    factor = 2 if what == "doubled" else 1
    return 0 if what == "zero" else int(1000 * (start_j + factor * GPUS[handle]["watts"] * passed_s))


def nvmlDeviceGetPowerUsage(handle: int) -> int:  # noqa: N802
    if "no_power" in fault(handle):
        raise NVMLError_NotSupported("Not Supported")
    return int(1000 * GPUS[handle]["watts"])


def state(handle: int, key: str, otherwise: int) -> int:
    if "no_state" in fault(handle):
        raise NVMLError_NotSupported("Not Supported")
    return int(GPUS[handle].get(key, otherwise))


def nvmlDeviceGetTemperature(handle: int, sensor: int) -> int:  # noqa: N802
    assert sensor == NVML_TEMPERATURE_GPU
    return state(handle, "temperature_c", 40)


def nvmlDeviceGetClockInfo(handle: int, type: int) -> int:  # noqa: A002, N802
    return state(handle, *{NVML_CLOCK_SM: ("sm_mhz", 1980), NVML_CLOCK_MEM: ("memory_mhz", 2619)}[type])


def nvmlDeviceGetCurrentClocksEventReasons(handle: int) -> int:  # noqa: N802
    if "old_driver" in fault(handle):
        raise NVMLError_FunctionNotFound("Function Not Found")
    return state(handle, "reasons", 0x1)


def nvmlDeviceGetCurrentClocksThrottleReasons(handle: int) -> int:  # noqa: N802
    return state(handle, "reasons", 0x1)


def nvmlDeviceGetEnforcedPowerLimit(handle: int) -> int:  # noqa: N802
    return 1000 * state(handle, "limit_w", 700)
