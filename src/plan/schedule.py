"""In which order the treatments run: pure functions from choices, iterations and seed to an ordered list."""

from __future__ import annotations

import random
from dataclasses import dataclass

from src.config.schema import Order


@dataclass(frozen=True)
class Slot:
    """One planned run: `treatment` is an index; iteration (the block), position in it and sequence count from 1."""

    sequence: int
    iteration: int
    position: int
    treatment: int


def schedule(treatments: int, iterations: int, order: Order, seed: int) -> list[Slot]:
    """Plan `iterations` blocks that hold each of `treatments` once.

    `fixed` repeats the given order, `shuffled` draws a fresh one for each block, and `balanced` draws Latin squares:
    over every `treatments` blocks, each treatment stands once at each position (see `latin_square`).
    """
    draw = random.Random(seed)
    blocks: list[list[int]] = []
    while len(blocks) < iterations:
        blocks += _next_blocks(treatments, order, draw, mirrored=bool(len(blocks) // treatments % 2))
    placed = [(i, p, t) for i, block in enumerate(blocks[:iterations], 1) for p, t in enumerate(block, 1)]
    return [Slot(sequence, *place) for sequence, place in enumerate(placed, 1)]


def latin_square(size: int, mirrored: bool = False) -> list[list[int]]:
    """A cyclic Latin square in which, for an even size, each item also follows each other one exactly once.

    For an odd size the square and its mirror image together have that property. Source: E. J. Williams,
    "Experimental designs balanced for the estimation of residual effects of treatments" (1949).
    """
    first = [(i + 1) // 2 if i % 2 else (size - i // 2) % size for i in range(size)]
    if mirrored:
        first.reverse()
    return [[(item + shift) % size for item in first] for shift in range(size)]


def _next_blocks(treatments: int, order: Order, draw: random.Random, mirrored: bool) -> list[list[int]]:
    items = list(range(treatments))
    if order is Order.fixed:
        return [items]
    draw.shuffle(items)
    if order is Order.shuffled:
        return [items]
    square = latin_square(treatments, mirrored)
    draw.shuffle(square)
    return [[items[cell] for cell in row] for row in square]
