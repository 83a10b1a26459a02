"""The measured process holds one framework and nothing else: all that it loads is measured with it."""

from __future__ import annotations

import sys
from collections.abc import Iterable

from src.workloads.training.worker.worker_error import WorkerError

FRAMEWORKS = frozenset({"torch", "tensorflow", "keras", "jax", "jaxlib", "flax", "optax"})
TOOLS = frozenset({"hydra", "omegaconf", "mlflow", "pandas", "scipy", "sklearn", "matplotlib"})


class ForeignModuleError(WorkerError):
    """The worker's process has loaded something that is no part of the framework it measures."""


def foreign_modules(own: Iterable[str], loaded: Iterable[str]) -> list[str]:
    """Names among `loaded` that belong to the orchestrator or to a framework other than `own`; sorted."""
    return sorted((FRAMEWORKS | TOOLS).difference(own).intersection(loaded))


def refuse_foreign_modules(own: Iterable[str]) -> None:
    """Raise ForeignModuleError if this process has loaded anything foreign."""
    foreign = foreign_modules(own, sys.modules)
    if foreign:
        raise ForeignModuleError(
            f"{', '.join(foreign)} loaded beside {', '.join(own)} would be measured with it; "
            f"remove it from this environment ({sys.prefix}): run make setup"
        )
