import itertools
from collections import Counter

import pytest

from src.config.schema import Order
from src.plan.schedule import deal, latin_square, schedule


def blocks(slots):
    by_block = {}
    for slot in slots:
        by_block.setdefault(slot.iteration, []).append(slot.treatment)
    return list(by_block.values())


@pytest.mark.parametrize("order", list(Order))
@pytest.mark.parametrize(("treatments", "iterations"), [(1, 4), (2, 3), (3, 30), (6, 7)])
def test_every_block_holds_each_treatment_once(order, treatments, iterations):
    slots = schedule(treatments, iterations, order, seed=1)
    assert [slot.sequence for slot in slots] == list(range(1, treatments * iterations + 1))
    assert len(blocks(slots)) == iterations
    assert all(sorted(block) == list(range(treatments)) for block in blocks(slots))
    assert all(slot.position == (slot.sequence - 1) % treatments + 1 for slot in slots)


def test_the_seed_decides_the_order():
    first, again, other = (schedule(3, 30, Order.shuffled, seed) for seed in (1, 1, 2))
    assert first == again
    assert first != other


def test_shuffled_blocks_differ_from_each_other():
    orders = {tuple(block) for block in blocks(schedule(3, 30, Order.shuffled, seed=1))}
    assert len(orders) == 6


def test_fixed_keeps_the_given_order():
    assert blocks(schedule(3, 4, Order.fixed, seed=9)) == [[0, 1, 2]] * 4


@pytest.mark.parametrize("treatments", [2, 3, 4, 5])
def test_balanced_puts_each_treatment_equally_often_at_each_position(treatments):
    slots = schedule(treatments, 2 * treatments, Order.balanced, seed=3)
    counts = Counter((slot.treatment, slot.position) for slot in slots)
    assert set(counts.values()) == {2}


def test_balanced_is_as_equal_as_it_can_be_when_blocks_are_left_over():
    counts = Counter((slot.treatment, slot.position) for slot in schedule(3, 8, Order.balanced, seed=3))
    assert max(counts.values()) - min(counts.values()) <= 1


@pytest.mark.parametrize("size", [2, 4, 6])
def test_an_even_latin_square_balances_who_follows_whom(size):
    followers = Counter(pair for row in latin_square(size) for pair in itertools.pairwise(row))
    assert set(followers.values()) == {1}
    assert len(followers) == size * (size - 1)


@pytest.mark.parametrize("size", [3, 5])
def test_an_odd_square_and_its_mirror_balance_who_follows_whom(size):
    rows = latin_square(size) + latin_square(size, mirrored=True)
    followers = Counter(pair for row in rows for pair in itertools.pairwise(row))
    assert set(followers.values()) == {2}
    assert len(followers) == size * (size - 1)


SEEDS = range(200)
SIZES = range(2, 9)


def whole_set(treatments):
    """Blocks after which everybody has followed everybody else equally often."""
    return treatments * (2 if treatments % 2 else 1)


@pytest.mark.parametrize("sets", [1, 3])
@pytest.mark.parametrize("treatments", SIZES)
def test_balanced_is_balanced_after_every_whole_set_whatever_the_seed(treatments, sets):
    iterations = sets * whole_set(treatments)
    for seed in SEEDS:
        slots = schedule(treatments, iterations, Order.balanced, seed)
        positions = Counter((slot.treatment, slot.position) for slot in slots)
        followers = Counter(pair for block in blocks(slots) for pair in itertools.pairwise(block))
        assert len(positions) == treatments**2
        assert set(positions.values()) == {iterations // treatments}
        assert len(followers) == treatments * (treatments - 1)
        assert set(followers.values()) == {iterations // treatments}, seed


@pytest.mark.parametrize("order", list(Order))
@pytest.mark.parametrize("treatments", [1, 2, 3, 6])
def test_more_iterations_keep_the_first_blocks(order, treatments):
    for seed in SEEDS[:20]:
        longest = schedule(treatments, 40, order, seed)
        for iterations in (1, 2, 5, 7, 30):
            assert schedule(treatments, iterations, order, seed) == longest[: treatments * iterations]


def test_sequence_block_position_and_treatment_tell_one_place():
    slots = schedule(3, 2, Order.fixed, seed=1)
    assert [(s.sequence, s.iteration, s.position, s.treatment, s.share) for s in slots] == [
        (1, 1, 1, 0, 1), (2, 1, 2, 1, 1), (3, 1, 3, 2, 1), (4, 2, 1, 0, 1), (5, 2, 2, 1, 1), (6, 2, 3, 2, 1),
    ]  # fmt: skip


@pytest.mark.parametrize(("iterations", "shares"), [(1, 1), (7, 3), (30, 4), (5, 5), (3000, 100)])
def test_every_share_gets_whole_blocks_that_follow_each_other_and_as_many_as_any_other(iterations, shares):
    slots = schedule(3, iterations, Order.shuffled, seed=1)
    dealt = deal(slots, shares)
    assert [(s.sequence, s.iteration, s.position, s.treatment) for s in dealt] == [
        (s.sequence, s.iteration, s.position, s.treatment) for s in slots
    ]
    assert [slot.share for slot in dealt] == sorted(slot.share for slot in dealt)
    assert len({(slot.iteration, slot.share) for slot in dealt}) == iterations
    counts = Counter(slot.share for slot in dealt)
    assert set(counts) == set(range(1, shares + 1))
    assert max(counts.values()) - min(counts.values()) <= 3
