"""The measured process of inference: `python -m src.workloads.inference.worker JOB.json`."""

import time

# Before any import that costs something: importing is a phase of its own.
BEGAN = time.time()

import sys  # noqa: E402

from src.workloads.training.worker.start import start  # noqa: E402

if __name__ == "__main__":
    sys.exit(start(sys.argv[1:], "src.workloads.inference.worker.inference_run", BEGAN))
