"""Keep a device busy for the warm-up: `python -m src.workloads.training.worker.burn_device PACKAGE DEVICE`.

Multiplies matrices with one of BURNERS, says a line once the device computes, and ends when its standard input is
closed. With none it ends after that line: so it is tried whether it can load the device.
"""

from __future__ import annotations

import faulthandler
import os
import sys
from collections.abc import Callable
from threading import Event, Thread

START_WITHIN_S = 180.0
"""A framework's import takes half a minute from a cold disk; what takes longer is ended, with where it hangs."""
SIDES = {"cpu": 256, "cuda": 4096}
"""Rows and columns of the matrices: a GPU of today takes some milliseconds for one product."""
PRODUCTS = 16
"""So many are given to the device at a time: its host, which is warmed up beside it, is late now and then."""


def main(package: str, device: str) -> None:
    """Load the device from the line on until there is no more standard input."""
    faulthandler.dump_traceback_later(START_WITHIN_S, exit=True)
    multiply = BURNERS[package](device, SIDES[device])
    multiply()
    faulthandler.cancel_dump_traceback_later()
    ended = Event()
    Thread(target=_end_with_input, args=(ended,), daemon=True).start()
    print(f"{package} keeps {device} busy", flush=True)
    while not ended.is_set():
        multiply()


def _end_with_input(ended: Event) -> None:
    while os.read(0, 1):
        pass
    ended.set()


def _torch(device: str, side: int) -> Callable[[], None]:
    import torch

    matrix = torch.rand(side, side, device=device)

    def multiply() -> None:
        for _ in range(PRODUCTS):
            torch.matmul(matrix, matrix)
        if device == "cuda":
            torch.cuda.synchronize()

    return multiply


def _tensorflow(device: str, side: int) -> Callable[[], None]:
    import tensorflow as tf

    kind = {"cpu": "CPU", "cuda": "GPU"}[device]
    # Without this, TensorFlow computes on the processor where there is no GPU.
    if not tf.config.list_physical_devices(kind):
        sys.exit(f"TensorFlow sees no {kind}")
    with tf.device(f"{kind}:0"):
        matrix = tf.random.uniform((side, side))

    def multiply() -> None:
        with tf.device(f"{kind}:0"):
            for _ in range(PRODUCTS):
                tf.linalg.matmul(matrix, matrix)
        tf.test.experimental.sync_devices()

    return multiply


def _jax(device: str, side: int) -> Callable[[], None]:
    import jax
    import numpy as np

    matrix = jax.device_put(np.random.default_rng(0).random((side, side), np.float32), jax.devices(device)[0])
    product = jax.jit(jax.numpy.matmul)

    def multiply() -> None:
        jax.block_until_ready([product(matrix, matrix) for _ in range(PRODUCTS)])

    return multiply


BURNERS = {"torch": _torch, "tensorflow": _tensorflow, "jax": _jax}
"""By the framework's package: what makes the matrices on the device, and gives back what multiplies them."""


if __name__ == "__main__":
    main(*sys.argv[1:])
