"""A fixed work that tells what it took: `python -m src.doctor.fixed_work PRODUCTS READER`.

READER is `none`, `powercap FOLDER` or `estimate IDLE_W BUSY_W`. Prints one line of JSON. Energy is read once before and
once after the work, so that it is known without any sampling.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from src.measure.meters.estimate import Estimate
from src.measure.meters.powercap import TOTAL, Powercap
from src.measure.meters.sampler import Reader

SIZE = 512


def work(products: int, reader: Reader | None) -> dict[str, float | None]:
    """Multiply matrices: epoch seconds of begin and end, seconds and CPU seconds in between, joules where told."""
    left, right = np.random.default_rng(0).random((2, SIZE, SIZE), dtype=np.float32)
    np.matmul(left, right)  # starts BLAS' threads
    before = _energy_j(reader)
    begin, begin_s, begin_cpu_s = time.time(), time.perf_counter(), time.process_time()
    for _ in range(products):
        np.matmul(left, right)
    seconds, cpu_s = time.perf_counter() - begin_s, time.process_time() - begin_cpu_s
    after = _energy_j(reader)
    energy_j = None if before is None or after is None else after - before
    return {"begin": begin, "end": begin + seconds, "seconds": seconds, "cpu_s": cpu_s, "energy_j": energy_j}


def make_reader(words: Sequence[str]) -> Reader | None:
    """The reader that the command line names."""
    if words[0] == "powercap":
        return Powercap(Path(words[1]))
    return Estimate(float(words[1]), float(words[2]), False) if words[0] == "estimate" else None


def _energy_j(reader: Reader | None) -> float | None:
    """What adds up to the total, of one reading."""
    if reader is None:
        return None
    counted = {*TOTAL, "CPU_ENERGY (J)"} & set(reader.columns)
    return sum(value for column, value in zip(reader.columns, reader.read(), strict=True) if column in counted)


if __name__ == "__main__":
    print(json.dumps(work(int(sys.argv[1]), make_reader(sys.argv[2:]))))
