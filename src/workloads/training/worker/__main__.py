"""The measured process: `python -m src.workloads.training.worker JOB.json` leaves events and result beside the job."""

from __future__ import annotations

import time

# Before any import that costs something: importing is a phase of its own.
BEGAN = time.time()

import sys  # noqa: E402
from pathlib import Path  # noqa: E402

from src.contract.json_files import ContractError  # noqa: E402
from src.contract.run_files import Job  # noqa: E402
from src.workloads.training.network import NetworkError  # noqa: E402
from src.workloads.training.worker.process import die_with_parent, set_affinity  # noqa: E402
from src.workloads.training.worker.worker_error import WorkerError  # noqa: E402


def main(arguments: list[str]) -> int:
    """Run the job; the exit code is 0 only if result.json is there."""
    die_with_parent()
    if len(arguments) != 1:
        print("usage: python -m src.workloads.training.worker FOLDER/job.json", file=sys.stderr)
        return 2
    path = Path(arguments[0])
    try:
        job = Job.read(path)
        affinity = set_affinity(job.affinity)
        # Only now: NumPy and the frameworks size their thread pools by the affinity when they are imported.
        from src.workloads.training.worker.training_run import run

        run(job, path.parent, affinity, BEGAN)
    except (WorkerError, ContractError, NetworkError) as error:
        print(f"worker: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
