"""Power sensors that show a new value more rarely than they are sampled, and how far that leads energy astray."""

from __future__ import annotations

import numpy as np

from src.measure.csv_table import Array
from src.measure.windows import Window

MOSTLY_REPEATED = 0.5
"""A sensor of which more samples than this repeat the last one is refreshed more rarely than it is sampled."""
SLOW_REFRESH = 2
"""A sensor is slow that shows its values for more samples than this; one shown for a single sample was misread."""
FEW_REFRESHES = 10
"""A window of fewer is worth a flag: on average it misses half of the last refresh's change."""


def refresh_interval(time_s: Array, power_w: Array) -> float:
    """Seconds from one new value to the next, both (n,); what lies between two samples where values seldom repeat."""
    sampled_s = float(np.median(np.diff(time_s)))
    changed_s = time_s[1:][np.diff(power_w) != 0]
    if not changed_s.size or changed_s.size > (1 - MOSTLY_REPEATED) * (time_s.size - 1):
        return sampled_s
    if changed_s.size < 3:
        return float((time_s[-1] - time_s[0]) / (changed_s.size + 1))
    return float(np.maximum(sampled_s, np.median(np.diff(changed_s))))


def lag_bound(time_s: Array, power_w: Array, refresh_s: float, window: Window) -> float:
    """How far the true energy of a window can be from the integrated one, in J.

    What a sensor shows is the mean power of the interval before (seen in recordings of macOS). At a moment t, the
    value v that it has shown since c belongs to the time before c: of that interval's energy v·R (R: `refresh_s`) only
    v·(t - c) is integrated yet, and nothing of what was spent since c, which is at most the next value's w·R. So the
    integral lags by v·(R - (t - c)) to that + w·R at either edge, and the window's error is the difference of the two.
    Where no next value was recorded, the highest one stands for it. Beside that, each change is seen up to one sample
    late, which adds up like independent errors.
    """
    (low_begin, high_begin), (low_end, high_end) = (_lag(time_s, power_w, refresh_s, t) for t in window)
    inside = power_w[(time_s >= window[0]) & (time_s <= window[1])]
    late_j = float(np.median(np.diff(time_s)) * np.linalg.norm(np.diff(inside)))
    return max(high_end - low_begin, high_begin - low_end) + late_j


def _lag(time_s: Array, power_w: Array, refresh_s: float, t: float) -> tuple[float, float]:
    """The least and the greatest energy that is not yet integrated at `t`, in J."""
    changes = np.flatnonzero(np.diff(power_w) != 0) + 1
    now = int(np.clip(np.searchsorted(time_s, t, "right") - 1, 0, time_s.size - 1))
    shown_w = float(power_w[now])
    earlier, later = changes[changes <= now], changes[changes > now]
    next_w = max(shown_w, float(power_w[later[0]] if later.size else power_w.max()))
    since_s = t - float(time_s[earlier[-1]]) if earlier.size else refresh_s
    if since_s >= refresh_s:  # the same value again, refreshed nobody knows when
        return 0.0, (shown_w + next_w) * refresh_s
    waiting_j = shown_w * (refresh_s - since_s)
    return waiting_j, waiting_j + next_w * refresh_s
