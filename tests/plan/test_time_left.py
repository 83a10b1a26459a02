import pytest

from src.plan.sweep_plan import make_plan
from src.plan.time_left import START_UP_S, expected_run_s, remaining_s
from src.plan.treatments import Treatment


def test_the_guess_grows_with_the_work_and_shrinks_with_the_machine(composed):
    one, two = (composed(f"training.epochs={epochs}") for epochs in (1, 2))
    work_s = expected_run_s(one, 60_000, 200.0) - START_UP_S
    assert work_s == pytest.approx(0.244 * 60_000 / (0.6 * 200), rel=0.02)
    assert expected_run_s(two, 60_000, 200.0) - START_UP_S == pytest.approx(2 * work_s)
    assert expected_run_s(one, 60_000, 400.0) - START_UP_S == pytest.approx(work_s / 2)


def test_what_is_left_uses_what_was_seen(composed):
    treatments = [Treatment("a", ()), Treatment("b", ())]
    configs = [composed("protocol=smoke", "protocol.iterations=2", "protocol.idle_s=5", "protocol.order=fixed")] * 2
    plan = make_plan("s", treatments, configs)
    guess_s = [10.0, 20.0]
    assert remaining_s(plan, plan.slots, guess_s, {}) == 60 + 3 * 5
    assert remaining_s(plan, plan.slots[2:], guess_s, {0: [20.0], 1: [30.0]}) == 50 + 5
    assert remaining_s(plan, plan.slots[1:2], guess_s, {0: [20.0]}) == pytest.approx(40.0)
