"""Numbers and enumerations as a reader of pages and pictures wants them; one place decides digits and spaces."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal

from src.analysis.values import Interval

DASH = "–"
THIN = "\u202f"
MINUS = "\u2212"


def number(value: float | None, digits: int = 4) -> str:
    """At least `digits` significant digits, no digit of an integer lost, thousands apart; a dash for None."""
    if value is None or not math.isfinite(value):
        return DASH
    if value == 0:
        return "0"
    magnitude = math.floor(math.log10(abs(value)))
    if magnitude < -4 or magnitude > 14:
        mantissa, exponent = f"{value:.{digits - 1}e}".split("e")
        return f"{mantissa} × 10^{int(exponent)}".replace("-", MINUS)
    decimals = max(0, digits - 1 - magnitude)
    return f"{value:,.{decimals}f}".replace(",", THIN).replace("-", MINUS)


def quantity(value: float | None, unit: str, digits: int = 4) -> str:
    """A number with its unit; units of `1` are not written."""
    text = number(value, digits)
    return text if value is None or unit == "1" else f"{text}{THIN}{unit}"


def signed(value: float | None, digits: int = 3) -> str:
    """A number with its sign."""
    text = number(value, digits)
    return f"+{text}" if value is not None and value > 0 else text


def percent(value: float | None) -> str:
    """A signed difference in percent, three digits but never finer than a hundredth of a percent."""
    if value is None:
        return DASH
    rounded = round(value, 2)
    decimals = 2 if abs(rounded) < 10 else 1 if abs(rounded) < 100 else 0
    text = f"{value:+,.{decimals}f}" if rounded else "0"
    return text.replace(",", THIN).replace("-", MINUS) + f"{THIN}%"


def p_value(value: float | None, alpha: float) -> str:
    """Three decimals, more where these would lie on the other side of `alpha`; a bound where more would mean nothing.

    So a reader who compares what is printed with `alpha` decides as the test did.
    """
    if value is None:
        return DASH
    bound = min(0.001, alpha)
    if value < bound:
        return f"<{THIN}{Decimal(str(bound)):f}"
    decimals = 3
    while (float(f"{value:.{decimals}f}") < alpha) != (value < alpha):
        decimals += 1
    return f"{value:.{decimals}f}"


def p_phrase(value: float | None, alpha: float) -> str:
    """The same as part of a sentence."""
    if value is None:
        return "p not defined"
    text = p_value(value, alpha)
    return f"p{THIN}{text}" if text.startswith("<") else f"p{THIN}={THIN}{text}"


def interval(found: Interval | None, digits: int = 4) -> str:
    """Both ends; a dash where there is none."""
    if found is None:
        return DASH
    return f"{number(found.low, digits)} to {number(found.high, digits)}"


def confidence(alpha: float) -> str:
    """What the intervals of a report are called."""
    return f"{100 * (1 - alpha):g}{THIN}%"


def enumerate_all(items: Sequence[str], joint: str = "and") -> str:
    """`a`, `a and b`, `a, b and c`."""
    return f"{', '.join(items[:-1])} {joint} {items[-1]}" if len(items) > 1 else "".join(items)


def count(n: int, thing: str) -> str:
    """`1 run`, `2 runs`."""
    return f"{n:,}".replace(",", THIN) + f" {thing}" + ("" if n == 1 else "s")


def moment(epoch_s: float) -> str:
    """A time in UTC, to the minute."""
    return datetime.fromtimestamp(epoch_s, UTC).strftime("%Y-%m-%d %H:%M UTC")


def duration(seconds: float) -> str:
    """A length of time in the unit that suits it."""
    if seconds < 120:
        return quantity(seconds, "s", 3)
    return quantity(seconds / 60, "min", 3) if seconds < 7200 else quantity(seconds / 3600, "h", 3)
