"""What of the machine's doings casts doubt on a run, and which runs are worth another try for it."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from src.contract.events import STOPPED, Edge, Event
from src.contract.flags import Flag
from src.measure.disturbance import Disturbance

REPEATED = frozenset(
    {"foreign_cpu", "steal", "clock", "suspended", "stopped", "gap", "standstill", "jump", "reset", "gpu_missing"}
)
"""Flags of runs that the machine or its meter disturbed: such a run is worth another try."""
EDGES: tuple[Edge, Edge] = ("begin", "end")
LEAST_STEP_S = 0.05
LEAST_SUSPENDED_S = 0.5
"""Shorter pauses are how the two clocks are read one after the other."""


def disturbance_flags(seen: Disturbance, events: Sequence[Event], most_share: float) -> list[Flag]:
    """What of it casts doubt on the run; `most_share` is what others may use of the processor."""
    flags = []
    if (seen.foreign_cpu_share or 0.0) > most_share:
        text = f"other programs used {seen.foreign_cpu_share:.1%} of the processor during the run"
        flags.append(Flag("foreign_cpu", f"{text} (protocol.max_foreign_cpu_share={most_share:g})", grave=True))
    if (seen.steal_share or 0.0) > most_share:
        text = f"the hypervisor gave {seen.steal_share:.1%} of the processor's time to other machines"
        flags.append(Flag("steal", f"{text} (protocol.max_foreign_cpu_share={most_share:g})", grave=True))
    if seen.suspended_s >= LEAST_SUSPENDED_S:
        flags.append(Flag("suspended", f"the machine slept for {seen.suspended_s:.1f} s during the run", grave=True))
    # While the machine sleeps, only one of the events' clocks goes on.
    steps_s = [seen.clock_step_s] if seen.suspended_s >= LEAST_SUSPENDED_S else clock_steps_s(events)
    step_s = max((seen.clock_step_s, *steps_s), key=abs)
    if abs(step_s) >= LEAST_STEP_S:
        text = f"the wall clock was set by {step_s:+.2f} s during the run, so its duration and power are wrong"
        flags.append(Flag("clock", text, grave=True))
    if seen.swapped_in_bytes:
        flags.append(Flag("swap", f"{seen.swapped_in_bytes / 2**20:.1f} MiB were read back from swap during the run"))
    if seen.throttled:
        flags.append(Flag("throttled", f"the processor slowed itself down {seen.throttled} times during the run"))
    return flags


def stop_flags(events: Sequence[Event]) -> list[Flag]:
    """Whether the measured process itself was stopped (SIGSTOP) and went on; only a parent sees how long it stood."""
    begins, ends = ([event.t for event in events if (event.phase, event.edge) == (STOPPED, edge)] for edge in EDGES)
    if not begins and not ends:
        return []
    times = max(len(begins), len(ends))
    text = f"the measured program was stopped {'once' if times == 1 else f'{times} times'} from outside and went on"
    if begins:
        text += f" after {sum(ends) - sum(begins):.1f} s"
    return [Flag("stopped", f"{text}: its duration and power are wrong", grave=True)]


def clock_steps_s(events: Sequence[Event]) -> list[float]:
    """How far the wall clock was set between each two events that tell both clocks; never empty."""
    offsets = [event.t - event.monotonic for event in events if event.monotonic is not None]
    return [0.0, *(after - before for before, after in pairwise(offsets))]
