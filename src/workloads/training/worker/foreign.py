"""The measured process holds one framework and nothing else: all that it loads is measured with it."""

from __future__ import annotations

import sys
from collections.abc import Iterable

from src.workloads.training.worker.worker_error import WorkerError


class ForeignModuleError(WorkerError):
    """The worker's process has loaded something that is no part of the framework it measures."""


def refuse_foreign_modules(own: Iterable[str], foreign: Iterable[str]) -> None:
    """Raise ForeignModuleError if this process has loaded any of `foreign`; `own` is the framework it measures."""
    found = sorted(set(foreign).intersection(sys.modules))
    if found:
        raise ForeignModuleError(
            f"{', '.join(found)} loaded beside {', '.join(own) or 'the framework'} would be measured with it; "
            f"remove it from this environment ({sys.prefix}): run make setup"
        )
