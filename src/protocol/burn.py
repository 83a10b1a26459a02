"""Keep one core busy: `python -m src.protocol.burn SECONDS`. Ends early when its standard input is closed."""

from __future__ import annotations

import os
import sys
import time
from threading import Thread

import numpy as np


def burn(seconds: float) -> int:
    """Multiply matrices for `seconds`; returns how many products were made."""
    left, right = np.random.default_rng(0).random((2, 256, 256), dtype=np.float32)
    end = time.monotonic() + seconds
    products = 0
    while time.monotonic() < end:
        np.matmul(left, right)
        products += 1
    return products


def _end_with_input() -> None:
    while os.read(0, 1):
        pass
    os._exit(1)


if __name__ == "__main__":
    Thread(target=_end_with_input, daemon=True).start()
    burn(float(sys.argv[1]))
