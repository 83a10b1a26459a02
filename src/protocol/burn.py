"""Keep one core busy: `python -m src.protocol.burn SECONDS`. Ends early when its parent is gone."""

from __future__ import annotations

import os
import sys
import time

import numpy as np


def burn(seconds: float) -> int:
    """Multiply matrices for `seconds`; returns how many products were made."""
    parent = os.getppid()
    left, right = np.random.default_rng(0).random((2, 256, 256), dtype=np.float32)
    end = time.monotonic() + seconds
    products = 0
    while time.monotonic() < end and os.getppid() == parent:
        np.matmul(left, right)
        products += 1
    return products


if __name__ == "__main__":
    burn(float(sys.argv[1]))
