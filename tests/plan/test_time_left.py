import pytest

from src.contract.plan_file import Treatment
from src.plan.sweep_plan import make_plan
from src.plan.time_left import remaining_s


@pytest.fixture
def plan(composed):
    configs = [composed("protocol=smoke", "protocol.iterations=2", "protocol.idle_s=5", "protocol.order=fixed")] * 2
    return make_plan("s", [Treatment("a"), Treatment("b")], configs)


def test_what_is_left_uses_what_was_seen(plan):
    guess_s = [10.0, 20.0]
    assert remaining_s(plan, plan.slots, guess_s, {}) == 60 + 3 * 5
    assert remaining_s(plan, plan.slots[2:], guess_s, {0: [20.0], 1: [30.0]}) == 50 + 5
    assert remaining_s(plan, plan.slots[1:2], guess_s, {0: [20.0]}) == pytest.approx(40.0)


@pytest.mark.parametrize(
    ("guess_s", "seen_s", "left_s"),
    [
        pytest.param([None, None], {}, None, id="nobody knows"),
        pytest.param([None, 20.0], {1: [20.0]}, None, id="one is not known"),
        pytest.param([None, 20.0], {0: [10.0]}, 2 * 10 + 2 * 20 + 3 * 5, id="seen without a guess scales nothing"),
        pytest.param([None, None], {0: [10.0], 1: [2.0, 4.0]}, 2 * 10 + 2 * 3 + 3 * 5, id="both were seen"),
    ],
)
def test_where_nobody_can_guess_only_what_was_seen_tells(plan, guess_s, seen_s, left_s):
    assert remaining_s(plan, plan.slots, guess_s, seen_s) == left_s


def test_each_treatment_rests_as_long_as_it_wants(composed):
    configs = [composed("protocol=smoke", "protocol.order=fixed", f"protocol.idle_s={idle}") for idle in (2, 100)]
    plan = make_plan("s", [Treatment("a"), Treatment("b")], configs)
    assert remaining_s(plan, plan.slots, [10.0, 10.0], {}) == 10 + 100 + 10


def test_rests_that_took_longer_will_again(plan):
    assert remaining_s(plan, plan.slots, [10.0, 20.0], {}, longer_s=7.0) == 60 + 3 * (5 + 7)
