"""What is said of a sweep at once, before what takes seconds is loaded: the plan, and what comes first."""

from __future__ import annotations

from src.config.schema import STEADY, TEMPERATURE, ProtocolConfig
from src.plan.sweep_plan import SweepPlan
from src.protocol.display import Display, counted, duration


def announce(plan: SweepPlan) -> Display:
    """Say the plan, unless an older one goes on, and return what goes on saying."""
    display = Display()
    if plan.shared.resume is None:
        display.once(planned(plan))
    return display


def planned(plan: SweepPlan) -> str:
    """A plan in one sentence."""
    protocol = plan.shared.protocol
    labels = ", ".join(treatment.label for treatment in plan.treatments)
    share = f" (share {protocol.share})" if protocol.share else ""
    blocks = f"{protocol.order.value} {'block' if plan.blocks == 1 else 'blocks'}"
    return (
        f"plan: {counted(len(plan.treatments), 'treatment')} ({labels}) in {plan.blocks} {blocks}{share} = "
        f"{counted(len(plan.slots), 'run')}; protocol {protocol.name}{coming_first(protocol) or ', no warm-up'}, "
        f"{_rest(protocol)}"
    )


def coming_first(protocol: ProtocolConfig) -> str:
    """What comes before the first run; nothing where that comes at once."""
    most = "at most " if protocol.warmup == STEADY else ""
    once = [(protocol.baseline_s, "baseline", ""), (protocol.warmup_s, "warm-up", most)]
    first = [f"{bound}{duration(seconds)} {name}" for seconds, name, bound in once if seconds]
    return f", {' and '.join(first)} {'comes' if len(first) == 1 else 'come'} first" if first else ""


def _rest(protocol: ProtocolConfig) -> str:
    least = "at least " if protocol.rest == TEMPERATURE else ""
    return f"{least}{duration(protocol.idle_s)} between runs" if protocol.idle_s else "no rest between runs"
