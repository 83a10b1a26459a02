"""Import every framework once before anything is measured.

The first start of a framework reads hundreds of megabytes from disk, later ones find them in memory: without this, the
first block would be slower than all others. It also shows a broken environment before the warm-up instead of after it.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable
from pathlib import Path

from src.config.schema import FrameworkConfig
from src.errors import SetupError
from src.measure.environment import worker_environment
from src.paths import ROOT

TIMEOUT_S = 600.0
LAST_LINES = 5


def prime(environments: Iterable[tuple[Path, FrameworkConfig]]) -> None:
    """Import each trainer with its own interpreter, not measured; raises SetupError where that fails."""
    done: set[tuple[Path, str]] = set()
    for python, framework in environments:
        if (python, framework.trainer) not in done:
            _import_once(python, framework)
            done.add((python, framework.trainer))


def _import_once(python: Path, framework: FrameworkConfig) -> None:
    command = [str(python), "-c", f"import src.workloads.training.trainers.{framework.trainer}"]
    environment = worker_environment(os.environ, framework.env, ROOT)
    ended = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=TIMEOUT_S, check=False
    )
    if ended.returncode:
        said = "\n".join(ended.stderr.splitlines()[-LAST_LINES:])
        raise SetupError(
            f"framework={framework.name}: its environment cannot load it; remove .venvs/{framework.environment} and "
            f"run `make setup ENVS={framework.environment}`. It said:\n{said}"
        )
