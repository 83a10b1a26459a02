"""When a warm-up has done its work: what is watched of the machine moves no more. Pure functions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, linear_regression

WINDOW_S = 60.0
"""So long all that is watched must have been steady."""
WATCHED = {
    "power_w": ("power", 1.0, " %"),
    "frequency_mhz": ("frequency", 1.0, " %"),
    "temperature_c": ("temperature", 2.0, " °C"),
    "gpu_temperature_c": ("GPU's temperature", 2.0, " °C"),
}
"""What can be watched, and how far it may still move in a minute: in percent of its mean, or in °C.

At 1 % a minute, what nears its end exponentially with a time constant of a minute is 1 % away from it. A sensor that
shows whole degrees and makes one step within the window seems to move by up to 1.5 °C a minute.
"""


@dataclass(frozen=True)
class Seen:
    """The machine `at_s` seconds after the warm-up began; None is what could not be read."""

    at_s: float
    power_w: float | None
    frequency_mhz: float | None
    temperature_c: float | None
    gpu_temperature_c: float | None = None


def watched(
    measures_power: bool,
    temperature_c: float | None,
    frequency_mhz: float | None,
    gpu_temperature_c: float | None = None,
) -> tuple[str, ...]:
    """What of WATCHED tells here that the machine is warm, given what can be read; nothing where that is too little.

    Power alone does; without it, temperature and frequency do only together: a processor that slows itself down keeps
    its temperature.
    """
    heat = () if temperature_c is None else ("temperature_c",)
    on_gpu = () if gpu_temperature_c is None else ("gpu_temperature_c",)
    if measures_power:
        return ("power_w", *heat, *on_gpu)
    return ("frequency_mhz", *heat, *on_gpu) if heat and frequency_mhz is not None else ()


def still_moving(seen: Sequence[Seen], names: Sequence[str]) -> str | None:
    """What still moves, in words, or why that cannot be told; None where the last WINDOW_S were steady.

    Steady is what has a slope of least squares over the window below its limit, as IEC 62301 (2011, 5.3.2) judges power
    to be stable; its limit is 1 % an hour, over hours of standby.
    """
    if not seen or seen[-1].at_s - seen[0].at_s < WINDOW_S:
        return f"it was watched for less than {WINDOW_S:g} s"
    recent = [each for each in seen if each.at_s >= seen[-1].at_s - WINDOW_S]
    return next((why for name in names if (why := _moves(recent, name))), None)


def _moves(recent: Sequence[Seen], name: str) -> str | None:
    title, limit, unit = WATCHED[name]
    values = [value for each in recent if (value := getattr(each, name)) is not None]
    if len(values) < len(recent):
        return f"its {title} could not always be read"
    slope = 60 * linear_regression([each.at_s for each in recent], values).slope
    moved = slope if unit == " °C" else 100 * slope / fmean(values)
    return f"its {title} still moved by {moved:+.1f}{unit} a minute" if abs(moved) > limit else None
