"""In which order the treatments run: pure functions from choices, iterations and seed to an ordered list."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace

from src.config.schema import Order
from src.contract.plan_file import Slot, blocks


def schedule(treatments: int, iterations: int, order: Order, seed: int) -> list[Slot]:
    """Plan `iterations` blocks that hold each of `treatments` once; more iterations go on from the same blocks.

    `fixed` repeats the given order, `shuffled` draws a fresh one for each block, and `balanced` draws Latin squares:
    over every `treatments` blocks, each treatment stands once at each position, and over every set of squares (one for
    an even number of treatments, two for an odd one) it follows each other treatment equally often.
    """
    draw = random.Random(seed)
    blocks: list[list[int]] = []
    while len(blocks) < iterations:
        blocks += _next_blocks(treatments, order, draw)
    placed = [(i, p, t) for i, block in enumerate(blocks[:iterations], 1) for p, t in enumerate(block, 1)]
    return [Slot(sequence, *place) for sequence, place in enumerate(placed, 1)]


def deal(slots: Sequence[Slot], shares: int) -> list[Slot]:
    """Give each share as many whole blocks as any other, or one more, that follow each other.

    Blocks that follow each other keep a balanced order balanced within a share. `shares` is at most the blocks' number.
    """
    dealt = blocks(slots)
    return [
        replace(slot, share=number * shares // len(dealt) + 1) for number, block in enumerate(dealt) for slot in block
    ]


def latin_square(size: int, mirrored: bool = False) -> list[list[int]]:
    """A cyclic Latin square in which, for an even size, each item also follows each other one exactly once.

    For an odd size the square and its mirror image together have that property. Source: E. J. Williams,
    "Experimental designs balanced for the estimation of residual effects of treatments" (1949).
    """
    first = [(i + 1) // 2 if i % 2 else (size - i // 2) % size for i in range(size)]
    if mirrored:
        first.reverse()
    return [[(item + shift) % size for item in first] for shift in range(size)]


def _next_blocks(treatments: int, order: Order, draw: random.Random) -> list[list[int]]:
    items = list(range(treatments))
    if order is Order.fixed:
        return [items]
    draw.shuffle(items)
    if order is Order.shuffled:
        return [items]
    squares = [latin_square(treatments, mirrored) for mirrored in ((False, True) if treatments % 2 else (False,))]
    for square in squares:
        draw.shuffle(square)
    # A square and its mirror image are balanced together only where both mean the same treatments.
    return [[items[cell] for cell in row] for square in squares for row in square]
