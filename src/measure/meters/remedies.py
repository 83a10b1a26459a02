"""What a meter's own words mean to its user."""

from __future__ import annotations


def sample_too_slow(log: str, interval_ms: int) -> str:
    """What to do where EnergiBridge's output says that a sample took longer than the interval, else nothing."""
    if "subtracting durations" not in log:
        return ""
    return f"taking a sample took longer than the interval of {interval_ms} ms; raise meter.interval_ms"
