"""A sweep's folder is nobody else's."""

from __future__ import annotations

import itertools
import re
import tempfile
from contextlib import ExitStack
from pathlib import Path

from src.errors import ConfigError, SetupError
from src.plan.sweep_plan import SweepPlan
from src.track.folder_lock import LOCK_FILE, filing_alone

OF_THE_CLOCK = re.compile(r"\d\d-\d\d-\d\d")
"""A folder that nobody named; two that begin in the same second would share it."""


def claim(plan: SweepPlan, folder: Path, held: ExitStack) -> Path:
    """Write the plan into a folder that is nobody else's, held until `held` ends: `folder`, or for one that is named by
    the clock the next that is free. Raises ConfigError or SetupError where a named one is taken."""
    for number in itertools.count(1):
        place = folder if number == 1 else folder.with_name(f"{folder.name}_{number}")
        _make(place)
        with ExitStack() as trying:
            try:
                if not (place / LOCK_FILE).exists():
                    plan.refuse_taken(place)  # and leave nothing there
                trying.enter_context(filing_alone(place))
                plan.write(place)
            except (ConfigError, SetupError):
                if not OF_THE_CLOCK.fullmatch(folder.name):
                    raise
                continue
            held.push(trying.pop_all())
        return place
    raise AssertionError


def _make(place: Path) -> None:
    """Raise SetupError where a folder cannot be made, or nothing be written into it."""
    try:
        place.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=place):
            pass
    except OSError as error:
        raise SetupError(
            f"{place} cannot be written ({error.strerror}), and nothing was begun; choose another folder with "
            "hydra.sweep.dir=DIR (without -m: hydra.run.dir=DIR)"
        ) from error
