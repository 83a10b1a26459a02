"""When a sweep may end: at looks set beforehand, once every pair is settled or known well enough."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from src.contract.flags import Flag
from src.contract.plan_file import Slot
from src.contract.record import RunRecord
from src.plan.sweep_plan import SweepPlan
from src.protocol.enough import enough, looked_at
from src.protocol.loop import Loop

ASKED = ("protocol.stop=precision", "protocol.iterations=30", "protocol.minimum_iterations=10")


@pytest.fixture
def precise(make_plan_of: Callable[..., SweepPlan]) -> SweepPlan:
    return make_plan_of(*ASKED)


def measured(plan: SweepPlan, blocks: int, gap: float, spread: float, **changes: object) -> list[RunRecord]:
    """Finished runs of the plan's first blocks; each treatment takes `gap` more than the one before it."""
    rng = np.random.default_rng(1)
    found = []
    for slot in plan.slots:
        if slot.iteration > blocks:
            continue
        energy_j = 100 * (1 + gap) ** slot.treatment * (1 + spread * rng.standard_normal())
        tags = {
            "framework": "torch", "treatment": plan.label(slot), "sweep": plan.sweep, "iteration": str(slot.iteration),
            "position": str(slot.position), "sequence": str(slot.sequence), "meter": "native",
            "energy_kind": "measured", "status": "finished", "run_uid": f"{plan.sweep}/{slot.sequence}",
        }  # fmt: skip
        start_ms = 1_750_000_000_000 + 10_000 * slot.sequence
        record = RunRecord(
            name=f"{slot.sequence}", experiment="x", start_ms=start_ms, end_ms=start_ms + 5000, status="finished",
            folder=Path(), tags=tags, metrics={"energy_j": energy_j, "duration_s": energy_j / 40}, params={},
            **changes,
        )  # fmt: skip
        found.append(record)
    return found


def test_looks_are_those_of_the_protocol(precise: SweepPlan, plan: SweepPlan) -> None:
    assert looked_at(precise.shared.protocol) == (10, 17, 23)
    assert looked_at(plan.shared.protocol) == ()


@pytest.mark.parametrize(
    ("gap", "spread", "said"),
    [
        pytest.param(0.3, 0.01, "pairs settled", id="far apart"),
        pytest.param(0.0, 0.01, "pairs settled", id="the same"),
        pytest.param(0.05, 0.005, "known to within 5 %", id="at the margin, but known well"),
        pytest.param(0.02, 0.2, None, id="nothing known yet"),
    ],
)
def test_enough_is_known_or_not(precise: SweepPlan, gap: float, spread: float, said: str | None) -> None:
    why = enough(precise, measured(precise, 17, gap, spread))
    assert (said in why) if said and why else why is said


def test_doubtful_runs_do_not_make_it_end(precise: SweepPlan) -> None:
    grave = {"flags": (Flag("foreign_cpu", "others took 60 %", grave=True),)}
    known, doubtful = measured(precise, 3, 0.3, 0.01), measured(precise, 17, 0.3, 0.01, **grave)
    assert enough(precise, doubtful) is None
    assert enough(precise, [*known[:1], *doubtful[2:]]) is None


def test_the_loop_stops_at_a_look_and_says_so(precise: SweepPlan, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[int] = []
    texts: list[str] = []

    class Screen:
        def say(self, text: str, *_: str) -> None:
            texts.append(text)

    def run_block(self: Loop, block: list[Slot], later: list[Slot]) -> None:
        done.append(block[0].iteration)

    monkeypatch.setattr(Loop, "_run_block", run_block)
    monkeypatch.setattr("src.protocol.loop.enough", lambda _plan, _records: "all known" if len(done) > 12 else None)
    loop = Loop(plan=precise, folder=Path(), display=Screen(), ready=[], machine=None, todo=list(precise.slots))  # type: ignore[arg-type]
    loop.run()
    assert loop.spared == 2 * 13
    assert done == list(range(1, 18))
    assert texts == ["stopped after 17 of 30 blocks, 13 saved: all known"]
