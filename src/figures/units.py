"""Axis titles with units, and numbers a reader can take in."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

import numpy as np
from matplotlib.axis import Axis
from matplotlib.ticker import Formatter, MaxNLocator

from src.analysis.table import ENERGY_UNITS
from src.analysis.values import Sample
from src.contract.metrics import Metric

PREFIXES = ((1e9, "G"), (1e6, "M"), (1e3, "k"))
THIN_SPACE, MINUS = "\u2009", "\u2212"
PLAIN_UP_TO = 100_000
"""Smaller numbers stand as they do in the tables."""


@dataclass(frozen=True)
class Scale:
    """`title` names the metric and the unit of values divided by `divisor`."""

    title: str
    divisor: float


def unit_shown(metric: Metric) -> tuple[str, float]:
    """The unit in which a metric's values are shown, and the factor that brings them into it."""
    return ("%", 100.0) if metric.name == "accuracy" and metric.unit == "1" else (metric.unit, 1.0)


def as_words(title: str) -> str:
    """A title inside a sentence; one that begins with an abbreviation stays as it is."""
    return title if title[1:2].isupper() else title[:1].lower() + title[1:]


def scale(metric: Metric, values: Sample) -> Scale:
    """A unit in which the largest of `values` (n,) has at most five digits before the point."""
    unit, factor = unit_shown(metric)
    largest = float(np.abs(values).max(initial=0.0))
    if unit in ENERGY_UNITS and largest >= PLAIN_UP_TO:
        divisor, prefix = next((d, p) for d, p in PREFIXES if largest >= d * 10)
        return Scale(f"{metric.title} ({prefix}{unit})", divisor)
    return Scale(metric.title if unit == "1" else f"{metric.title} ({unit})", 1 / factor)


def set_ticks(axis: Axis, most: int = 5, integer: bool = False) -> None:
    """At most `most` steps between round numbers, written as 12 500: thin spaces, as in ISO 80000-1."""
    axis.set_major_locator(MaxNLocator(most, integer=integer, steps=[1, 2, 2.5, 5, 10]))
    group_thousands(axis)


def group_thousands(axis: Axis) -> None:
    """Write the ticks that the axis has in this way."""
    axis.set_major_formatter(_Grouped())


class _Grouped(Formatter):
    """All ticks of an axis with the same number of decimals."""

    def __call__(self, x: float, pos: int | None = None) -> str:  # noqa: ARG002 (matplotlib's signature)
        return number(x)

    def format_ticks(self, values: Sequence[float]) -> list[str]:
        decimals = max((_decimals(value) for value in values), default=0)
        return [fixed(float(value), decimals if abs(value) < 1e6 else 0) for value in values]


def fixed(value: float, decimals: int) -> str:
    """A number with so many decimals, thousands apart, a true minus sign."""
    return f"{round(value, decimals) + 0.0:,.{decimals}f}".replace(",", THIN_SPACE).replace("-", MINUS)


def three_digits(value: float) -> str:
    """A number with at least three significant digits, and all those before the point."""
    return fixed(value, max(0, 2 - math.floor(math.log10(abs(value)))) if value else 0)


def number(value: float) -> str:
    """Up to six significant digits, whole numbers with all of them."""
    whole = float(value).is_integer() and abs(value) < 1e15
    return fixed(value, 0 if whole else _decimals(value))


def _decimals(value: float) -> int:
    """Of a number rounded to six significant digits."""
    exponent = Decimal(f"{value:.6g}").normalize().as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0
