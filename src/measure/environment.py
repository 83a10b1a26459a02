"""The environment variables a measured process sees: a list of what is allowed, not of what is forbidden."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

INHERITED = (
    *("PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR"),
    *("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "CUDA_HOME", "CUDA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER"),
    *("NVIDIA_VISIBLE_DEVICES", "NVIDIA_DRIVER_CAPABILITIES"),
    *("SYSTEMROOT", "SYSTEMDRIVE", "WINDIR", "COMSPEC", "PATHEXT", "TEMP", "TMP", "USERPROFILE", "APPDATA"),
    *("LOCALAPPDATA", "PROGRAMDATA", "PROGRAMFILES", "NUMBER_OF_PROCESSORS", "PROCESSOR_ARCHITECTURE"),
)
"""What programs need to start at all, and what selects or finds a GPU. Nothing that tunes a framework."""


def worker_environment(inherited: Mapping[str, str], settings: Mapping[str, str], root: Path) -> dict[str, str]:
    """Environment of a worker and its meter: the allowed part of `inherited`, our own, then `settings`.

    `settings` are the framework's variables (framework.env) and win over everything else. `root` is the
    folder that holds `src`. Log the result with the run: it is part of what was measured.
    """
    allowed = {name: inherited[name] for name in INHERITED if name in inherited}
    own = {
        "PYTHONPATH": str(root),
        "PYTHONNOUSERSITE": "1",
        # TensorFlow looks for plugins in the user's packages all the same.
        "PYTHONUSERBASE": os.devnull,
        "PYTHONUNBUFFERED": "1",
        "PYTHONIOENCODING": "utf-8",
    }
    return allowed | own | dict(settings)
